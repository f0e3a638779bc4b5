//! The report on the data: all checks, or some, with counts and samples.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    check::{Check, Findings, Look, Repair, Sample, Severity},
    chosen::Chosen,
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::time::Timestamp,
    error::{Error, Result, problem::Problems},
    http::extract::{Json, Query},
};

/// The default number of samples of a check.
pub(super) const SAMPLES: u16 = 10;
/// The most samples a check gives.
const MAX_SAMPLES: u16 = 200;

/// The checks to run, and the number of samples.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only these checks, comma-separated; all unless given.
    #[param(value_type = Option<String>, example = "note_without_booking,cache_drift")]
    check: Option<Chosen>,
    /// How many rows each check names at most (0 to 200).
    #[param(value_type = Option<u16>, minimum = 0, maximum = 200, default = 10, example = 10)]
    samples: Option<u16>,
}

/// The findings of a check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "check": "note_without_booking",
    "title": "Session notes whose booking is missing",
    "rule": "A session note belongs to a booking.",
    "severity": "error",
    "count": 1,
    "samples": [{ "table": "client_session_notes", "id": "1", "about": "booking 56430 does not exist" }],
    "repair": "chosen",
    "remedy": "Say to which booking the note belongs: `assign`."
}))]
pub struct CheckResult {
    /// The check's code.
    pub check: &'static str,
    /// The title: what the check finds.
    pub title: &'static str,
    /// The rule it holds the rows against, and why.
    pub rule: &'static str,
    /// How much a finding matters.
    pub severity: Severity,
    /// How many rows break the rule.
    pub count: i64,
    /// Some of them: ids and words, no contact data.
    pub samples: Vec<Sample>,
    /// How they are repaired.
    pub repair: Repair,
    /// The effect of the repair, or advice for people.
    pub remedy: &'static str,
}

impl CheckResult {
    fn new(check: &Check, found: Findings) -> Self {
        Self {
            check: check.code,
            title: check.title,
            rule: check.rule,
            severity: check.severity,
            count: found.count,
            samples: found.samples,
            repair: check.repair(),
            remedy: check.remedy,
        }
    }
}

/// The findings of the checks, as of one instant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "checked_at": "2026-02-04T04:30:00Z",
    "errors": 1,
    "warnings": 0,
    "notices": 0,
    "checks": [{
        "check": "note_without_booking",
        "title": "Session notes whose booking is missing",
        "rule": "A session note belongs to a booking.",
        "severity": "error",
        "count": 1,
        "samples": [{ "table": "client_session_notes", "id": "1", "about": "booking 56430 does not exist" }],
        "repair": "chosen",
        "remedy": "Say to which booking the note belongs: `assign`."
    }]
}))]
pub struct Integrity {
    /// When it was looked.
    pub checked_at: Timestamp,
    /// Rows that are lost, wrong, or shut somebody out.
    pub errors: i64,
    /// Rows that are read all right and should be put right.
    pub warnings: i64,
    /// Rows that may well be as they are meant.
    pub notices: i64,
    /// Every check that was run, those without findings too.
    pub checks: Vec<CheckResult>,
}

/// See what is wrong with the data
///
/// Runs the checks over everything, in one snapshot, and tells for each how many rows break its rule, names some of
/// them, and says who can repair it. It takes seconds on large practices.
#[utoipa::path(
    get,
    path = "/integrity",
    tag = "integrity",
    params(Wanted),
    responses((status = 200, description = "The findings of the checks", body = Integrity), Problems),
)]
pub(super) async fn get_integrity(
    scope: Scope,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Integrity>> {
    let samples = wanted.samples.unwrap_or(SAMPLES);
    if samples > MAX_SAMPLES {
        return Err(Error::query("samples", format!("must be from 0 to {MAX_SAMPLES}")));
    }
    let chosen = wanted.check.unwrap_or_else(Chosen::all);
    report(&app, &scope, &chosen, samples.into()).await.map(Json)
}

/// Runs checks in one snapshot.
pub async fn report(app: &App, scope: &Scope, chosen: &Chosen, samples: usize) -> Result<Integrity> {
    let look = Look { now: app.clock.now(), samples };
    let mut snapshot = app.db.read_snapshot(scope).await?;
    give_room(&mut snapshot).await?;
    let mut report = Integrity { checked_at: look.now.into(), errors: 0, warnings: 0, notices: 0, checks: Vec::new() };
    for check in chosen.checks() {
        let found = check.find(&mut snapshot, look).await?;
        match check.severity {
            Severity::Error => report.errors += found.count,
            Severity::Warning => report.warnings += found.count,
            Severity::Notice => report.notices += found.count,
        }
        report.checks.push(CheckResult::new(check, found));
    }
    Ok(report)
}

/// Lets the statements of the transaction read everything: time, and memory to sort and join in. Compiling them takes longer
/// than it spares.
pub(super) async fn give_room(db: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql("set local statement_timeout = '5min'; set local work_mem = '64MB'; set local jit = off")
        .execute(db)
        .await?;
    Ok(())
}
