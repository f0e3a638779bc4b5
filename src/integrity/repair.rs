//! Repairs the findings of checks.
//!
//! The checks that a request names are repaired in one transaction: all, or none. A repair that works row by row stops
//! after so many rows and says how many are `remaining`; the caller simply repeats the request. Two repairs at the same
//! moment follow each other, and the second finds nothing left: a repair can be repeated without harm.
//!
//! Each leaves an entry `integrity_repair` with the check, the counts, the first ids, and the first rows as they were;
//! a change to one booking or client (a client matched, a time corrected) also leaves an entry of that booking or
//! client.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    check::{Check, Look, Repair, Sample},
    chosen::Chosen,
    report::{SAMPLES, keep},
};
use crate::{
    app::{
        reports::give_room,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{repair::RepairedRows, scope::Scope},
    domain::ids::{BookingId, NoteId, ResourceId, TherapistId},
    error::{Error, Result, problem::Problems},
    http::extract::{DryRun, Json, Query},
    notes, therapists,
};

/// How many of the rows found the trail keeps as they were.
const KEPT_SAMPLES: usize = 500;
/// The most rows an admin assigns or removes in one request.
const MAX_CHOICES: usize = 200;

/// The checks to repair.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "check": "booking_status_spelling" }))]
pub(super) struct RepairIntegrity {
    /// The check whose findings are repaired, or several: its code, or an array of codes.
    check: Chosen,
    /// For `note_without_booking` and `resource_without_therapist`: what belongs to what (at most 200).
    assign: Option<Vec<Assign>>,
    /// For `resource_without_therapist`: the ids of resources to be deleted (at most 200).
    #[schema(example = json!([14]))]
    remove: Option<Vec<ResourceId>>,
}

/// Where an orphaned row belongs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "id": 12, "to": "56431" }))]
pub(super) struct Assign {
    /// The key of the orphaned row: of a session note, or of a resource.
    #[schema(example = 12)]
    id: i32,
    /// The id of the booking, or of the therapist, it shall belong to.
    #[schema(example = "56431")]
    to: String,
}

/// The result of a repair.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "check": "booking_status_spelling",
    "found": 12,
    "repaired": 12,
    "remaining": 0,
    "changes": [{ "table": "bookings", "id": "56001", "about": "booking_status: Canceled → cancelled" }]
}))]
pub struct Repaired {
    /// The check's code.
    pub check: &'static str,
    /// How many rows broke the rule before.
    pub found: i64,
    /// How many rows were changed.
    pub repaired: i64,
    /// How many break the rule after: to be repaired by asking again, or not by a machine.
    pub remaining: i64,
    /// Some of the rows that were found before.
    pub changes: Vec<Sample>,
}

/// The results of the repairs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "dry_run": false,
    "repairs": [{
        "check": "booking_status_spelling",
        "found": 12,
        "repaired": 12,
        "remaining": 0,
        "changes": [{ "table": "bookings", "id": "56001", "about": "booking_status: Canceled → cancelled" }]
    }]
}))]
pub(super) struct Repairs {
    /// True if nothing was kept.
    dry_run: bool,
    /// One for each check, in the order in which they build on each other.
    repairs: Vec<Repaired>,
}

/// Repair what the checks found
///
/// In one transaction for all checks named, and audited. Repairs that make out each row by itself do 500 at a time:
/// ask again while `remaining` falls. Orphaned session notes and resources need an `assign` that says where they belong.
#[utoipa::path(
    post,
    path = "/integrity/repair",
    tag = "integrity",
    params(
        ("dry_run" = inline(Option<bool>), Query, description = "True: do it all, tell what was done, and keep nothing."),
    ),
    request_body = RepairIntegrity,
    responses((status = 200, description = "The repairs made", body = Repairs), Problems),
)]
pub(super) async fn repair_integrity(
    _scope: Scope,
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
    Json(request): Json<RepairIntegrity>,
) -> Result<Json<Repairs>> {
    request.check()?;
    let run = work.dry_run(dry_run).run(async |uow| {
        let mut repairs = Vec::new();
        for check in request.check.checks() {
            let repair = match check.repair() {
                // The repair was done by the first request, and the answer shows the present state.
                _ if uow.is_repeat() => repair(uow, check, async |_| Ok(RepairedRows::default())).await?,
                Repair::Chosen => repair(uow, check, async |uow| choose(uow, check, &request).await).await?,
                _ => repair_check(uow, check).await?,
            };
            repairs.push(repair);
        }
        let codes: Vec<&str> = request.check.checks().iter().map(|check| check.code).collect();
        uow.answers_with(StatusCode::OK, codes.join(","));
        Ok(Json(Repairs { dry_run: dry_run == Some(true), repairs }))
    });
    run.await
}

impl RepairIntegrity {
    /// Refuses checks that the server cannot repair, and choices that belong to no check.
    fn check(&self) -> Result<()> {
        let checks = self.check.checks();
        let choices = self.assign.as_ref().map_or(0, Vec::len) + self.remove.as_ref().map_or(0, Vec::len);
        for check in checks {
            match check.repair() {
                Repair::ByHand => {
                    let advice = format!("`{}` is not repaired by a machine. {}", check.code, check.remedy);
                    return Err(Error::body("/check", advice));
                }
                Repair::Chosen if checks.len() > 1 => {
                    let advice = format!("`{}` is repaired alone, by what is assigned", check.code);
                    return Err(Error::body("/check", advice));
                }
                Repair::Chosen if choices == 0 => {
                    return Err(Error::body("/assign", "says what belongs to what, and is needed for this check"));
                }
                Repair::Automatic if choices > 0 => {
                    return Err(Error::body("/check", "is repaired without `assign` and `remove`"));
                }
                Repair::Automatic | Repair::Chosen => {}
            }
        }
        if choices > MAX_CHOICES {
            return Err(Error::body("/assign", format!("at most {MAX_CHOICES} rows at a time")));
        }
        Ok(())
    }
}

/// Repairs the findings of a check, all or so many at a time.
///
/// # Errors
///
/// If the database refuses, or the server cannot repair the check's findings.
pub async fn repair_check(uow: &mut UnitOfWork, check: &'static Check) -> Result<Repaired> {
    let act = check.repair.ok_or_else(|| Error::internal("a check that no machine repairs is to be repaired"))?;
    repair(uow, check, act).await
}

/// Looks, repairs, looks again, and records it.
async fn repair(
    uow: &mut UnitOfWork,
    check: &'static Check,
    act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<RepairedRows>,
) -> Result<Repaired> {
    give_room(uow.db()).await?;
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('integrity_repair', 0))").fetch_one(uow.db()).await?;
    let look = Look { now: uow.now(), samples: KEPT_SAMPLES };
    let mut found = check.find(uow.db(), look).await?;
    let wanted = found.count > 0 || check.repair() == Repair::Chosen;
    let repaired = if wanted { act(uow).await? } else { RepairedRows::default() };
    give_room(uow.db()).await?;
    let after = if repaired.rows > 0 { check.find(uow.db(), look).await? } else { found.clone() };
    keep(uow.db(), check, look.now, &after).await?;
    let remaining = after.count;
    record(uow, check, &repaired, remaining, &found.samples);
    found.samples.truncate(SAMPLES.into());
    Ok(Repaired { check: check.code, found: found.count, repaired: repaired.rows, remaining, changes: found.samples })
}

fn record(uow: &mut UnitOfWork, check: &Check, repaired: &RepairedRows, remaining: i64, before: &[Sample]) {
    let entry = Entry::new("integrity_repair", format!("Repaired {} rows: {}", repaired.rows, check.title))
        .on("check", check.code)
        .detail(json!({
            "check": check.code,
            "repaired": repaired.rows,
            "remaining": remaining,
            "ids": repaired.ids,
            "before": before,
        }));
    if repaired.rows > 0 {
        uow.record_first(entry);
    } else {
        uow.record(entry.quiet());
    }
}

/// Repairs orphaned rows as the admin chose.
async fn choose(uow: &mut UnitOfWork, check: &Check, request: &RepairIntegrity) -> Result<RepairedRows> {
    let mut repaired = RepairedRows::default();
    let of_notes = check.code == "note_without_booking";
    for (at, Assign { id, to }) in request.assign.iter().flatten().enumerate() {
        let place = format!("/assign/{at}");
        let entry = if of_notes {
            notes::upkeep::relink(uow, NoteId(*id), &BookingId::from(to.as_str()), &place).await?;
            Entry::new("session_note_relink", "Gave an orphaned session note to a booking").on("session_note", id)
        } else {
            therapists::repair::adopt_resource(uow, ResourceId(*id), &TherapistId::from(to.as_str()), &place).await?;
            Entry::new("resource_assign", "Gave an orphaned resource to a therapist").on("resource", id)
        };
        uow.record(entry.detail(json!({ "to": to })).quiet());
        repaired.add(id);
    }
    for (at, id) in request.remove.iter().flatten().enumerate() {
        if of_notes {
            return Err(Error::body("/remove", "is for resources: a session note is never deleted"));
        }
        let name = therapists::repair::remove_resource(uow, *id, &format!("/remove/{at}")).await?;
        let entry = Entry::new("resource_remove", "Deleted an orphaned resource").on("resource", id);
        uow.record(entry.detail(json!({ "resource_name": name })).quiet());
        repaired.add(id);
    }
    Ok(repaired)
}
