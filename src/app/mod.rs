//! The state shared by all requests, and the unit of work: one request, one transaction.

pub mod anonymous_attempts;
pub mod guess_limits;
pub mod idempotency;
pub mod listen;
pub mod origin;
pub mod reports;
pub mod sessions;
pub mod state;
pub mod streams;
pub mod unit_of_work;
pub mod visits;
