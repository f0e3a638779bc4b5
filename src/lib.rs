//! scaffold
pub mod cli;
pub mod platform;
