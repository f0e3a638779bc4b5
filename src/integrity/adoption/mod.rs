//! Adoption of a database whose tables came from elsewhere.

mod adopt;
mod catalogue;
mod columns;
mod foreign_objects;
mod keys;
mod plan;
mod row_counts;
pub mod rules;
mod triggers;

pub use self::{
    adopt::{Adoption, ForeignTriggers, adopt, adopt_for},
    catalogue::{WANTED, describe},
    plan::AdoptionReport,
};
