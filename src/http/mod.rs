//! HTTP: reading requests, writing answers, and the layers around the routes.

pub mod audit;
pub mod browser;
pub mod caller;
pub mod csv;
pub mod etag;
pub mod extract;
pub mod health;
pub mod host;
pub mod icalendar;
pub mod list;
pub mod metrics;
pub mod page;
pub mod panics;
pub mod period;
pub mod telemetry;
