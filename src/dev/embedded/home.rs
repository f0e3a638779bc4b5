//! The folder of the private server, claimed for one process at a time.
//!
//! The lock is one on the folder itself: there is no lock file that root could leave to an ordinary user,
//! and it is gone with the process.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    account::{self, Account},
    error::{Doing, EmbeddedError},
};
use crate::domain::text::hex;

/// Where the data of a server go that root starts and whose user cannot reach the wanted folder.
const SHARED_ROOT: &str = "/var/lib/safestories";

/// A claimed folder and the account that serves it.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    account: Account,
    lock: File,
}

impl Home {
    /// Finds or makes the folder and locks it, waiting for another instance if `wait`.
    pub fn claim(wanted: &Path, wait: bool, progress: &dyn Fn(&str)) -> Result<Self, EmbeddedError> {
        let (path, account) = place(wanted, progress)?;
        make(&path, &account)?;
        let locking = || format!("lock {}", path.display());
        let lock = File::open(&path).doing(locking)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if wait => {
                progress(&format!("Waiting for the other instance on {}", path.display()));
                lock.lock().doing(locking)?;
            }
            Err(TryLockError::WouldBlock) => return Err(EmbeddedError::InUse { home: path }),
            Err(TryLockError::Error(source)) => {
                return Err(EmbeddedError::Io { doing: locking(), source });
            }
        }
        Ok(Self { path, account, lock })
    }

    /// Whether another instance has claimed the folder.
    pub fn is_claimed(wanted: &Path) -> bool {
        let Some(folder) = place(wanted, &|_| {}).ok().and_then(|(path, _)| File::open(path).ok()) else {
            return false;
        };
        let claimed = matches!(folder.try_lock_shared(), Err(TryLockError::WouldBlock));
        // Given back at once, for the reason that `drop` names.
        let _ = folder.unlock();
        claimed
    }

    /// Whether there is a cluster in the folder.
    pub fn has_data(wanted: &Path) -> bool {
        place(wanted, &|_| {}).is_ok_and(|(path, _)| path.join("data").is_dir())
    }

    /// The folder actually used.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account that serves it.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The cluster's data.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Where downloaded programs are, one folder for each version.
    pub fn programs(&self) -> PathBuf {
        self.path.join("programs")
    }

    /// A name for a folder that is made beside its place and then renamed. Named by process, because a program of a
    /// killed instance may still be writing into its own.
    pub fn staging(&self, what: &str) -> PathBuf {
        self.path.join(format!("{what}.new-{}", std::process::id()))
    }

    /// Removes leftovers of killed instances under [`staging`](Self::staging) names.
    pub fn sweep(&self, what: &str) {
        let prefix = format!("{what}.new-");
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // A folder that cannot be removed now will be at another start: nobody depends on it.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Home {
    /// Closing the folder alone would not give it back while a program that another thread is just starting still
    /// holds a copy of the descriptor, between its fork and its exec.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// A short name for a folder, the same at every start.
pub(super) fn short_name(path: &Path) -> String {
    let hash = digest(&SHA256, path.as_os_str().as_encoded_bytes());
    hex(&hash.as_ref()[..8])
}

/// Which folder it will be, and who serves it.
fn place(wanted: &Path, progress: &dyn Fn(&str)) -> Result<(PathBuf, Account), EmbeddedError> {
    let path = std::path::absolute(wanted).doing(|| format!("find {}", wanted.display()))?;
    let account = Account::for_folder(&path)?;
    if !account.is_foreign() || account.reaches(&path) {
        return Ok((path, account));
    }
    let moved = Path::new(SHARED_ROOT).join(short_name(&path));
    progress(&format!(
        "PostgreSQL does not run as root, and {} cannot reach {}: the data are in {}",
        account.name(),
        path.display(),
        moved.display()
    ));
    let account = Account::for_folder(&moved)?;
    Ok((moved, account))
}

/// Makes the folder where it is missing, for the account alone. One that root made by hand is given to the account; one
/// of another user is refused.
fn make(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        let mode = if folder == path { 0o700 } else { 0o755 };
        match DirBuilder::new().mode(mode).create(folder) {
            // Another instance makes it at the same moment.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => {
                result.and_then(|()| account.own(folder)).doing(|| format!("make the folder {}", folder.display()))?;
            }
        }
    }
    for owned in [path, &path.join("data")] {
        let Ok(metadata) = fs::metadata(owned) else { continue };
        if metadata.uid() == 0 && owned == path && account.is_foreign() {
            account.own(owned).doing(|| format!("hand over {}", owned.display()))?;
        } else if metadata.uid() != account.uid() {
            let owner = account::name_of(metadata.uid());
            return Err(EmbeddedError::NotYours { home: path.to_owned(), owner });
        }
    }
    Ok(())
}
