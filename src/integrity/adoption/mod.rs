//! Adoption of a database whose tables came from elsewhere.

mod active;
mod adopt;
mod catalogue;
mod columns;
mod data;
mod keys;
mod plan;
mod report;
pub mod rules;
mod theirs;

pub use self::{
    adopt::{Adoption, ForeignTriggers, adopt, adopt_for},
    catalogue::{WANTED, describe},
    report::AdoptionReport,
};
