//! The report on the data: all checks, or some, with counts and samples.
//!
//! A request is answered with what a background task found ([`keep_reports`]), check by check: at a million bookings some read for
//! seconds. A check that was never run, or is asked for afresh, is run on the way.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    check::{Check, Findings, Look, Repair, Sample, Severity},
    chosen::Chosen,
};
use crate::{
    app::{
        reports::{self, Report},
        state::App,
    },
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
    /// True: run the checks now, one after the other, and wait for them.
    fresh: Option<bool>,
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
    "remedy": "Say to which booking the note belongs: `assign`.",
    "as_of": "2026-02-04T04:30:00Z"
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
    /// When it was run.
    #[schema(value_type = crate::domain::time::Instant)]
    pub as_of: Timestamp,
}

impl CheckResult {
    fn new(check: &Check, found: Findings, as_of: DateTime<Utc>) -> Self {
        Self {
            check: check.code,
            title: check.title,
            rule: check.rule,
            severity: check.severity,
            count: found.count,
            samples: found.samples,
            repair: check.repair(),
            remedy: check.remedy,
            as_of: as_of.into(),
        }
    }
}

/// The findings of the checks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-02-04T04:30:00Z",
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
        "remedy": "Say to which booking the note belongs: `assign`.",
        "as_of": "2026-02-04T04:30:00Z"
    }]
}))]
pub struct Integrity {
    /// When the check was run that was run longest ago.
    #[schema(value_type = crate::domain::time::Instant)]
    pub as_of: Timestamp,
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
/// For each check how many rows break its rule, some of them, who can repair it, and when it was run: every quarter of an hour,
/// or now with `fresh`, which takes seconds on large practices.
#[utoipa::path(
    get,
    path = "/integrity",
    tag = "integrity",
    params(Wanted),
    responses((status = 200, description = "The findings of the checks", body = Integrity), Problems),
)]
pub(super) async fn get_integrity(
    _scope: Scope,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Integrity>> {
    let samples = wanted.samples.unwrap_or(SAMPLES);
    if samples > MAX_SAMPLES {
        return Err(Error::query("samples", format!("must be from 0 to {MAX_SAMPLES}")));
    }
    let chosen = wanted.check.unwrap_or_else(Chosen::all);
    let is_fresh = wanted.fresh == Some(true);
    let kept = if is_fresh { Vec::new() } else { kept(&app, &chosen).await? };
    let mut results = Vec::new();
    for check in chosen.checks() {
        let kept = kept.iter().find(|kept| kept.name == check.code);
        let (as_of, mut found) = match kept {
            Some(kept) => (kept.as_of, Findings::of_report(kept)?),
            None => run_and_keep(&app, check).await?,
        };
        found.samples.truncate(samples.into());
        results.push(CheckResult::new(check, found, as_of));
    }
    Ok(Json(Integrity::of(results)))
}

impl Integrity {
    fn of(checks: Vec<CheckResult>) -> Self {
        let rows = |severity| checks.iter().filter(|check| check.severity == severity).map(|check| check.count).sum();
        Self {
            as_of: checks.iter().map(|check| check.as_of).min().unwrap_or_default(),
            errors: rows(Severity::Error),
            warnings: rows(Severity::Warning),
            notices: rows(Severity::Notice),
            checks,
        }
    }
}

/// Runs checks in one snapshot, and keeps nothing.
pub async fn report(app: &App, chosen: &Chosen, samples: usize) -> Result<Integrity> {
    let look = Look { now: app.clock.now(), samples };
    let mut snapshot = app.db.read_snapshot(&Scope::Practice).await?;
    reports::give_room(&mut snapshot).await?;
    let mut results = Vec::new();
    for check in chosen.checks() {
        results.push(CheckResult::new(check, check.find(&mut snapshot, look).await?, look.now));
    }
    Ok(Integrity::of(results))
}

/// Runs the checks that were not run for a while.
pub async fn keep_reports(app: &App) -> Result<()> {
    let all = Chosen::all();
    let kept = kept(app, &all).await?;
    for check in all.checks() {
        if reports::is_due(app, kept.iter().find(|kept| kept.name == check.code)) {
            run_and_keep(app, check).await?;
        }
    }
    Ok(())
}

async fn kept(app: &App, chosen: &Chosen) -> Result<Vec<Report>> {
    let codes: Vec<&str> = chosen.checks().iter().map(|check| check.code).collect();
    reports::kept(app, &codes).await
}

async fn run_and_keep(app: &App, check: &Check) -> Result<(DateTime<Utc>, Findings)> {
    let mut tx = reports::begin(app).await?;
    let look = Look { now: app.clock.now(), samples: MAX_SAMPLES.into() };
    let found = check.find(&mut tx, look).await?;
    keep(&mut tx, check, look.now, &found).await?;
    tx.commit().await?;
    Ok((look.now, found))
}

/// Keeps what a check found.
pub(super) async fn keep(db: &mut PgConnection, check: &Check, as_of: DateTime<Utc>, found: &Findings) -> Result<()> {
    let samples = &found.samples[..found.samples.len().min(MAX_SAMPLES.into())];
    let report = Report { name: check.code.to_owned(), as_of, found: found.count, samples: json!(samples) };
    reports::keep(db, &report).await
}
