//! The plan of an adoption, which the comparisons fill.

use super::report::AdoptionReport;

/// The steps of an adoption that is yet to be carried out.
#[derive(Default)]
pub(super) struct Plan {
    /// Why it cannot be done.
    pub obstacles: Vec<String>,
    pub changes: Vec<Change>,
    pub report: AdoptionReport,
}

/// One addition to an existing table.
pub(super) struct Change {
    pub what: String,
    pub sql: String,
    /// The sentence to report when PostgreSQL refuses; without it, the adoption fails.
    pub otherwise: Option<String>,
}
