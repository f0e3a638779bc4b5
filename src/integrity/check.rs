//! A check: a rule about the stored rows, the query that finds those that break it, and the remedy.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::{reports::Report, unit_of_work::UnitOfWork},
    db::repair::RepairedRows,
    domain::status::words,
    error::{Error, Result},
};

words! {
    /// How much a finding matters.
    #[schema(as = CheckSeverity)]
    pub enum Severity {
        /// Rows that are lost, wrong, or shut somebody out.
        Error,
        /// Rows that are read all right and should be put right.
        Warning,
        /// Rows that may well be as they are meant.
        Notice,
    }

    /// How a check's findings are repaired.
    #[schema(as = CheckRepair)]
    pub enum Repair {
        /// By the server, on request.
        Automatic,
        /// By the server, once an admin has assigned the rows.
        Chosen,
        /// By people, through other operations or in the database.
        ByHand,
    }
}

/// How a check is to look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// How many of the rows found to name.
    pub samples: usize,
}

impl Look {
    /// How many rows a query has to give: one at least, since its rows carry the count.
    pub(super) fn limit(self) -> i64 {
        i64::try_from(self.samples).unwrap_or(i64::MAX).max(1)
    }
}

/// One row found. Ids and words only: no name, no contact data, no clinical text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckSample, example = json!({ "table": "bookings", "id": "56001", "about": "booking_status: Canceled → cancelled" }))]
pub struct Sample {
    /// The table it stands in.
    pub table: String,
    /// Its key; the place of the row (`row (0,12)`) where it has none.
    pub id: String,
    /// The defect, in a few words.
    pub about: String,
}

/// The findings of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many rows.
    pub count: i64,
    /// Some of them.
    pub samples: Vec<Sample>,
}

/// A row of a check's query: a sample that carries the count of all.
pub(super) struct Row {
    pub total: i64,
    pub table: String,
    pub id: String,
    pub about: String,
}

impl Findings {
    /// From the rows of a query.
    pub(super) fn of(rows: Vec<Row>, look: Look) -> Self {
        let count = rows.first().map_or(0, |row| row.total);
        let samples =
            rows.into_iter().take(look.samples).map(|row| Sample { table: row.table, id: row.id, about: row.about });
        Self { count, samples: samples.collect() }
    }

    /// As they were kept.
    pub(super) fn of_report(report: &Report) -> Result<Self> {
        let samples = Deserialize::deserialize(&report.samples).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { count: report.found, samples })
    }

    /// Adds a row that was found outside a query.
    pub(super) fn add(&mut self, look: Look, sample: impl FnOnce() -> Sample) {
        self.count += 1;
        if self.samples.len() < look.samples {
            self.samples.push(sample());
        }
    }
}

/// Finds the rows that break the rule.
pub(super) type Find = for<'a> fn(&'a mut PgConnection, Look) -> BoxFuture<'a, Result<Findings>>;
/// Repairs them, all or so many at a time.
pub(super) type RepairFn = for<'a> fn(&'a mut UnitOfWork) -> BoxFuture<'a, Result<RepairedRows>>;

/// A rule about the stored rows.
pub struct Check {
    /// Its stable name.
    pub code: &'static str,
    /// The title: what the check finds.
    pub title: &'static str,
    /// The rule, and why it matters.
    pub rule: &'static str,
    /// How much a finding matters.
    pub severity: Severity,
    /// The effect of the repair, or advice for people.
    pub remedy: &'static str,
    pub(super) find: Find,
    /// None where it is not for a machine.
    pub(super) repair: Option<RepairFn>,
    /// Whether an admin can assign the rows.
    pub(super) chosen: bool,
}

impl Check {
    /// The one who repairs its findings: the server or a person.
    pub fn repair(&self) -> Repair {
        match (self.repair, self.chosen) {
            (Some(_), _) => Repair::Automatic,
            (None, true) => Repair::Chosen,
            (None, false) => Repair::ByHand,
        }
    }

    /// Runs it.
    pub async fn find(&self, db: &mut PgConnection, look: Look) -> Result<Findings> {
        (self.find)(db, look).await
    }
}

/// Declares checks: their codes, their descriptions, and the functions that find and repair.
macro_rules! checks {
    ($($(#[$doc:meta])* $code:literal = $severity:ident, $title:literal {
        rule: $rule:literal,
        find: $find:expr,
        remedy: $remedy:literal,
        $(repair: $repair:expr,)?
        $(chosen: $chosen:literal,)?
    })+) => {
        /// The checks of this family.
        pub(super) const CHECKS: &[$crate::integrity::check::Check] = &[$(
            $crate::integrity::check::Check {
                code: $code,
                title: $title,
                rule: $rule,
                severity: $crate::integrity::check::Severity::$severity,
                remedy: $remedy,
                find: |db, look| Box::pin($find(db, look)),
                repair: checks!(@repair $($repair)?),
                chosen: checks!(@chosen $($chosen)?),
            },
        )+];
    };
    (@repair) => { None };
    (@repair $repair:expr) => { Some(|uow| Box::pin($repair(uow))) };
    (@chosen) => { false };
    (@chosen $chosen:literal) => { $chosen };
}
pub(super) use checks;
