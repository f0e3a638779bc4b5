//! The secrets of a private practice: random, made at the first start, kept in the data folder for its owner alone.

use std::{
    error::Error,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::Path,
    str::FromStr,
};

use anyhow::{Context, anyhow};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::{audit::key::AuditKey, crypto::secret::Secrets};

/// A file in the data folder; its text is what a variable of the environment would be.
struct KeyFile {
    name: &'static str,
    bytes: usize,
    text: fn(&[u8]) -> String,
    /// The consequence of deleting the file.
    loss: &'static str,
}

const JWT_SECRET: KeyFile = KeyFile {
    name: "jwt_secret",
    bytes: 48,
    text: |bytes| format!("private:{}", URL_SAFE_NO_PAD.encode(bytes)),
    loss: "everyone has to log in again",
};

const AUDIT_KEY: KeyFile = KeyFile {
    name: "audit_key",
    bytes: 32,
    text: |bytes| STANDARD.encode(bytes),
    loss: "what was signed with the old one needs its public key to be checked",
};

/// Reads the secrets, or makes them where there are none. The caller must have locked the folder.
///
/// # Errors
///
/// If a file cannot be read, made, or understood.
pub(super) fn read_or_make(folder: &Path) -> anyhow::Result<(Secrets, AuditKey)> {
    Ok((JWT_SECRET.read_or_make(folder)?, AUDIT_KEY.read_or_make(folder)?))
}

impl KeyFile {
    fn read_or_make<T: FromStr<Err: Error + Send + Sync + 'static>>(&self, folder: &Path) -> anyhow::Result<T> {
        let path = folder.join(self.name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = self.random()?;
                write(folder, self.name, &text).with_context(|| format!("cannot write {}", path.display()))?;
                text
            }
            Err(error) => return Err(anyhow!(error).context(format!("cannot read {}", path.display()))),
        };
        text.trim()
            .parse()
            .with_context(|| format!("{} is damaged; remove it to get a new one, and {}", path.display(), self.loss))
    }

    fn random(&self) -> anyhow::Result<String> {
        let mut bytes = vec![0; self.bytes];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system has no randomness to give"))?;
        Ok((self.text)(&bytes))
    }
}

/// Whole or not at all, and never readable by others, not even for a moment.
fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let staging = folder.join(format!("{name}.new"));
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
    fs::rename(&staging, folder.join(name))?;
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
        let (made, key) = read_or_make(&folder).unwrap();
        for name in [JWT_SECRET.name, AUDIT_KEY.name] {
            assert_eq!(fs::metadata(folder.join(name)).unwrap().mode() & 0o777, 0o600);
        }
        let (again, key_again) = read_or_make(&folder).unwrap();
        assert_eq!(again.signing().bytes(), made.signing().bytes());
        assert_eq!(key_again.public(), key.public());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::write(folder.join(JWT_SECRET.name), "private:short").unwrap();
        let refusal = format!("{:#}", read_or_make(&folder).unwrap_err());
        assert!(refusal.contains("is damaged") && !refusal.contains("short;"), "{refusal}");
        fs::remove_dir_all(folder).unwrap();
    }
}
