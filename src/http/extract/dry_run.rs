//! `dry_run`: trying out an operation that changes several rows.

use serde::Deserialize;
use utoipa::IntoParams;

/// How an operation that changes several rows is run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// True: go through all checks and tell the effects, but keep nothing.
    pub dry_run: Option<bool>,
}
