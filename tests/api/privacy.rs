//! The export and erasure of a client's data, and the log of who read it.

mod access_log;
pub mod erase;
mod export;
