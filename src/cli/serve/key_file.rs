//! The secret of a private practice: random, made at the first start, kept in the data folder for its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::Path,
};

use anyhow::{Context, anyhow};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::platform::secret::Secrets;

/// The file in the data folder; its text is what `SAFESTORIES_JWT_SECRET` would be.
const NAME: &str = "jwt_secret";
const RANDOM_BYTES: usize = 48;

/// Reads the secret, or makes one where there is none. The caller holds the folder's lock.
///
/// # Errors
///
/// If the file cannot be read, made, or understood.
pub(super) fn read_or_make(folder: &Path) -> anyhow::Result<Secrets> {
    let path = folder.join(NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = random()?;
            write(folder, &text).with_context(|| format!("cannot write {}", path.display()))?;
            text
        }
        Err(error) => return Err(anyhow!(error).context(format!("cannot read {}", path.display()))),
    };
    text.trim().parse().with_context(|| {
        format!("{} is damaged; remove it to get a new one, and everyone has to log in again", path.display())
    })
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; RANDOM_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system has no randomness to give"))?;
    Ok(format!("private:{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Whole or not at all, and never readable by others, not even for a moment.
fn write(folder: &Path, text: &str) -> std::io::Result<()> {
    let staging = folder.join(format!("{NAME}.new"));
    match fs::remove_file(&staging) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staging)?;
    file.write_all(text.as_bytes())?;
    // Root serves the folder of somebody who may come back without root.
    let owner = fs::metadata(folder)?;
    if file.metadata()?.uid() != owner.uid() {
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.sync_all()?;
    fs::rename(&staging, folder.join(NAME))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_the_owner_alone_and_never_silently_replaced() {
        let folder = std::env::temp_dir().join(format!("safestories-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("jwt_secret.new"), "half a").unwrap();
        let made = read_or_make(&folder).unwrap();
        assert_eq!(fs::metadata(folder.join(NAME)).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&folder).unwrap().signing().bytes(), made.signing().bytes());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(folder.join(NAME), "private:short").unwrap();
        let refusal = format!("{:#}", read_or_make(&folder).unwrap_err());
        assert!(refusal.contains("is damaged") && !refusal.contains("short;"), "{refusal}");
        fs::remove_dir_all(folder).unwrap();
    }
}
