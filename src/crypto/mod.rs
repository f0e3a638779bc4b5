//! Password hashes, signing keys, and sealed values.

pub mod password;
pub mod seal;
pub mod secret;

use aws_lc_rs::rand;

use crate::error::{Error, Result};

/// Random bytes.
///
/// # Errors
///
/// If the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::internal("the system has no randomness to give"))?;
    Ok(bytes)
}
