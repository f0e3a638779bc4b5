//! Password hashes, signing keys, and sealed values.

pub mod password;
pub mod seal;
pub mod secret;
