//! What every feature stands on.
//!
//! Nothing in here knows a feature: `platform` imports only itself, features import `platform`.

pub mod contact;
mod from_text;
pub mod ids;
pub mod money;
pub mod status;
pub mod text;
pub mod time;
