//! scaffold
pub mod platform;
