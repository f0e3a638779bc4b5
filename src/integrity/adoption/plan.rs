//! The plan of an adoption, which the comparisons fill.

use super::report::AdoptionReport;

/// What an adoption is going to do.
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
    /// What to report when PostgreSQL refuses; without it, the adoption fails.
    pub otherwise: Option<String>,
}
