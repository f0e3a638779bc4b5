//! What every feature stands on.

pub mod migrations;
