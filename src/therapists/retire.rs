//! Retiring and reinstating a therapist.
//!
//! A retired therapist takes no new sessions (booked, moved or restored) and no clients, whatever an admin overrides;
//! their past stays as it is and is counted as before. They cannot retire while a session runs or is upcoming, and
//! retiring moves no client: the admin cancels or transfers first. Their clients stay assigned until they are
//! transferred.
//!
//! A retired therapist should not read the record any longer, so the therapist's accounts are disabled too, unless the
//! request says that they shall finish their notes (`keep_logins`). Reinstating enables none of them: an admin does
//! that per account.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    lock::{Therapist, lock},
    model::Profile,
    refusal::{TherapistRefusal, Upcoming},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::{BookingId, TherapistId},
        text::Text,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{OptionalJson, Path},
    },
    users,
};

/// How many of the sessions that stand against it are named.
const NAMED: i64 = 20;

/// How a therapist leaves.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Moves abroad", "keep_logins": false }))]
pub(super) struct RetireTherapist {
    /// Why, for the audit.
    reason: Option<Text<500>>,
    /// True: their accounts are not disabled, so that they can finish their notes.
    #[serde(default)]
    keep_logins: bool,
}

/// Retire a therapist
///
/// They take no new sessions or clients, and their accounts are disabled. Refused while sessions run or are ahead. Where they
/// have retired before, this disables the accounts that were kept, and is refused if there are none (`unchanged`).
#[utoipa::path(
    post,
    path = "/therapists/{therapist_id}/retire",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), Preconditions),
    request_body = Option<RetireTherapist>,
    responses((status = 200, description = "Retired", body = Profile), Problems),
)]
pub(super) async fn retire_therapist(
    work: Work,
    Path(id): Path<TherapistId>,
    when: Preconditions,
    OptionalJson(request): OptionalJson<RetireTherapist>,
) -> Result<Versioned<Profile>> {
    changed(work, &id, async |uow| retire(uow, &id, &when, request).await).await
}

/// Let a therapist return
///
/// They take sessions and clients again. Accounts that were disabled stay so: each is enabled by itself.
#[utoipa::path(
    post,
    path = "/therapists/{therapist_id}/reinstate",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), Preconditions),
    responses((status = 200, description = "At work", body = Profile), Problems),
)]
pub(super) async fn reinstate_therapist(
    work: Work,
    Path(id): Path<TherapistId>,
    when: Preconditions,
) -> Result<Versioned<Profile>> {
    changed(work, &id, async |uow| {
        let therapist = locked(uow, &id, &when).await?;
        let left = sqlx::query!("delete from internal.retirements where therapist_id = $1", id.as_str())
            .execute(uow.db())
            .await?;
        if left.rows_affected() == 0 {
            return Err(Error::Unchanged("the therapist is at work"));
        }
        let sentence = format!("{} returned to work", therapist.name);
        uow.record(Entry::new("therapist_reinstate", sentence).on("therapist", &id));
        Ok(())
    })
    .await
}

async fn retire(uow: &mut UnitOfWork, id: &TherapistId, when: &Preconditions, request: RetireTherapist) -> Result<()> {
    let therapist = locked(uow, id, when).await?;
    ensure_idle(uow, id).await?;
    let now = uow.now();
    let retired = sqlx::query!(
        "insert into internal.retirements (therapist_id, retired_at)
         values ($1, $2)
         on conflict (therapist_id) do nothing",
        id.as_str(),
        now,
    )
    .execute(uow.db())
    .await?;
    let already = retired.rows_affected() == 0;
    let entry = Entry::new("therapist_retire", format!("{} retired", therapist.name)).on("therapist", id);
    let entry = entry.detail(json!({ "reason": request.reason.as_deref(), "keep_logins": request.keep_logins }));
    uow.record(if already { entry.quiet() } else { entry });
    let disabled = if request.keep_logins { Vec::new() } else { users::disable_therapist(uow, id).await? };
    if already && disabled.is_empty() {
        return Err(Error::Unchanged("the therapist has retired"));
    }
    Ok(())
}

/// Locks the therapist, in the version that the request names.
async fn locked(uow: &mut UnitOfWork, id: &TherapistId, when: &Preconditions) -> Result<Therapist> {
    let now = uow.now();
    let therapist = lock(uow.db(), id).await?.ok_or(Error::NotFound("therapist"))?;
    let profile = Profile::read(uow.db(), id, now).await?;
    when.check(profile.version(), &profile)?;
    Ok(therapist)
}

/// Fails while sessions run or are ahead.
async fn ensure_idle(uow: &mut UnitOfWork, id: &TherapistId) -> Result<()> {
    let now = uow.now();
    let ahead = sqlx::query!(
        r#"select b.booking_id as "booking_id!: BookingId",
                  b.booking_start_at as "booking_start_at!: Timestamp",
                  count(*) over () as "count!"
           from bookings b
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                      b.invitee_payment_amount) > $2
             and internal.booking_status(b.booking_status) is distinct from 'completed'
             and b.booking_id is not null
           order by b.booking_start_at, b.booking_id
           limit $3"#,
        id.as_str(),
        Timestamp::from(now) as Timestamp,
        NAMED,
    )
    .fetch_all(uow.db())
    .await?;
    let Some(count) = ahead.first().map(|first| first.count) else { return Ok(()) };
    let first = ahead
        .into_iter()
        .map(|row| Upcoming { booking_id: row.booking_id, booking_start_at: row.booking_start_at })
        .collect();
    Err(TherapistRefusal::Booked { count, first }.into())
}

async fn changed(
    work: Work,
    id: &TherapistId,
    change: impl AsyncFnOnce(&mut UnitOfWork) -> Result<()>,
) -> Result<Versioned<Profile>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, id, change).await?;
        let now = uow.now();
        Ok(Profile::read(uow.db(), id, now).await?.versioned())
    })
    .await
}
