//! What every feature stands on.
//!
//! Nothing in here knows a feature: `platform` imports only itself, features import `platform`.

mod from_text;

pub mod money;
pub mod time;
