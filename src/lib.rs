//! scaffold

pub mod platform;
