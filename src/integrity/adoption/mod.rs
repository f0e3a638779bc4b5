//! Adoption of a database whose tables came from elsewhere.

mod active;
mod adopt;
mod blueprint;
mod catalogue;
mod columns;
mod data;
mod keys;
mod report;
pub mod rules;
mod theirs;

pub use self::{
    adopt::{Adoption, ForeignTriggers, adopt},
    report::AdoptionReport,
};
