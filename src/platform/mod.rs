//! What every feature stands on.
//!
//! Nothing in here knows a feature: `platform` imports only itself, features import `platform`.

pub mod app;
pub mod audit;
pub mod browser;
pub mod calendar;
pub mod caller;
pub mod contact;
pub mod csv;
pub mod embedded;
pub mod erasure;
pub mod error;
pub mod etag;
pub mod extract;
mod from_text;
pub mod health;
pub mod ids;
pub mod live;
pub mod logs;
pub mod mend;
pub mod migrations;
pub mod money;
pub mod page;
pub mod panics;
pub mod password;
pub mod postgres;
pub mod problem;
pub mod prometheus;
pub mod seal;
pub mod secret;
pub mod status;
pub mod streams;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod wall;
pub mod work;
