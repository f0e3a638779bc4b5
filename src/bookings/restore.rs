//! Restoring a cancelled booking, while the therapist is still free then and the session is in the future.

use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    cancel,
    lock::{self, Locked, Transition},
    reassign::reassign,
    refusal::BookingRefusal,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    booking_requests,
    db::scope::Scope,
    domain::{
        ids::{BookingId, TherapistId},
        status::{BookingStatus, InviteeStatus, MessageKind},
        text::Text,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, OptionalJson, Path, Query},
    },
    messages,
    notifications::{self, Notice, NotificationKind, Recipient},
    payments,
    scheduling::{self, Override, Purpose, Wanted},
    therapists,
};

/// With whom the session takes place; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "therapist_id": "58701" }))]
pub(super) struct RestoreBooking {
    /// Where the client was transferred meanwhile: the session's therapist, or the client's present one.
    therapist_id: Option<TherapistId>,
    /// True: restore it although the therapist takes no sessions then, another session is too near, or the day is full; needs a
    /// `reason`.
    override_rules: Option<bool>,
    /// Why the rules are waived.
    reason: Option<Text<500>>,
}

/// Restore a cancelled booking
///
/// The session is confirmed again. Refused when its start has passed, its time has been given to another, or is held or closed,
/// or its money is on its way back (`refund-under-way`). The cancellation stays on record; a refund that was not started is no
/// longer due, a payment still awaited is awaited again. Where the client was transferred meanwhile, `therapist_id` says whether
/// the session stays with its therapist or goes to the client's; without it, it is refused and names the latter
/// (`client-transferred`).
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/restore",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), DryRun, Preconditions),
    request_body = Option<RestoreBooking>,
    responses((status = 200, description = "Restored", body = ChangedBooking), Problems),
)]
pub(super) async fn restore_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    OptionalJson(request): OptionalJson<RestoreBooking>,
) -> Result<Response> {
    answer::changed(work.dry_run(dry_run), &scope, &id, async |uow| {
        restore(uow, &scope, &id, &conditions, request).await
    })
    .await
}

/// Confirms a cancelled booking again, with the therapist that was asked for.
async fn restore(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
    request: RestoreBooking,
) -> Result<()> {
    let waived = Override::check(None, request.override_rules, request.reason)?.check_reason()?;
    let wanted = request.therapist_id.as_ref();
    if let Some(wanted) = wanted {
        lock_therapists(uow, id, wanted).await?;
    }
    let mut locked = lock::lock(uow, scope, id, conditions).await?;
    locked.ensure(Transition::Restore, scope)?;
    if let Some(to) = moves_to(uow, &locked, wanted).await? {
        reassign(uow, std::slice::from_ref(id), &to).await?;
        locked.therapist = Some(to);
    }
    let booking = &locked.booking;
    payments::cancellation::ensure_not_under_way(uow, id).await?;
    let now = uow.now();
    let Some(slot) = booking.slot().filter(|slot| slot.start > now) else {
        return Err(
            BookingRefusal::WrongState { state: booking.state, wanted: "restored once its start has passed" }.into()
        );
    };
    let overridden = match &locked.therapist {
        Some(therapist) => {
            cancel::cancel_lapsed(uow, &therapist.therapist_id).await?;
            let wanted = Wanted { slot, kind: booking.kind(), purpose: Purpose::Restore(id) };
            scheduling::take(uow, therapist, &wanted, &waived).await?
        }
        None => None,
    };
    sqlx::query!(
        "update bookings b
         set booking_status = $2,
             invitee_status = case
                 when not exists (select from payments p where p.booking_id = b.booking_id)
                     and $3 = (
                         select e.detail ->> 'invitee_status'
                         from internal.audit_entries e
                         where e.subject_type = 'booking'
                           and e.subject_id = b.booking_id
                           and e.action = 'booking_cancel'
                           and e.outcome = 'done'
                         order by e.entry_id desc
                         limit 1
                     )
                 then $3
                 else $4
             end,
             invitee_cancelled_at = null,
             invitee_cancelled_reason = null,
             booking_cancelled_by = null,
             booking_cancel_reason = null,
             booking_updated_at = $5
         where booking_id = $1",
        id.as_str(),
        BookingStatus::Confirmed.as_str(),
        InviteeStatus::Waiting.as_str(),
        InviteeStatus::Confirmed.as_str(),
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    payments::cancellation::withdraw(uow, id).await?;
    booking_requests::fulfil_paid(uow, id).await?;
    announce(uow, &locked).await?;
    uow.record(
        Entry::new("booking_restore", format!("Restored the session of {}", locked.client.name))
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({
                "booking_start_at": booking.booking_start_at,
                "therapist_id": locked.therapist.as_ref().map(|therapist| &therapist.therapist_id),
                "override": overridden,
            })),
    );
    Ok(())
}

/// Locks the session's therapist and the one asked for, in the order in which everybody does.
async fn lock_therapists(uow: &mut UnitOfWork, id: &BookingId, wanted: &TherapistId) -> Result<()> {
    sqlx::query!(
        "select t.therapist_id
         from therapists t
         where t.therapist_id = $1
            or t.therapist_id = (select b.therapist_id from bookings b where b.booking_id = $2)
         order by t.therapist_id
         for no key update",
        wanted.as_str(),
        id.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(())
}

/// The therapist to whom the session goes, where it does not stay: the client's, who was transferred from the session's.
async fn moves_to(
    uow: &mut UnitOfWork,
    locked: &Locked,
    wanted: Option<&TherapistId>,
) -> Result<Option<therapists::Therapist>> {
    let own = locked.booking.therapist_id.as_ref();
    let present = sqlx::query!(
        r#"select c.therapist_id as "therapist_id!: TherapistId",
                  coalesce(t.name, c.assigned_therapist) as name
           from all_clients_table c
           left join lateral (
               select t.name from therapists t where t.therapist_id = c.therapist_id order by t.id limit 1
           ) t on true
           where c.client_id = $1
             and c.therapist_id <> $2
             and exists (
                 select
                 from client_transfer_history h
                 where h.transfer_id in (select internal.client_transfers($1))
                   and h.from_therapist_id = $2
             )"#,
        locked.client.client_id.as_str(),
        own.map(TherapistId::as_str),
    )
    .fetch_optional(uow.db())
    .await?;
    match (wanted, present) {
        (Some(wanted), _) if Some(wanted) == own => Ok(None),
        (None, None) => Ok(None),
        (Some(wanted), Some(present)) if *wanted == present.therapist_id => therapists::lock(uow.db(), wanted).await,
        (Some(_), _) => Err(Error::body("/therapist_id", "is neither the session's therapist nor the client's")),
        (None, Some(present)) => {
            Err(BookingRefusal::Transferred { therapist_id: present.therapist_id, name: present.name }.into())
        }
    }
}

/// Notifies the admins and the therapist that a booking stands again.
pub(super) async fn announce(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::NewBooking,
        title: "Booking restored",
        message: &format!("The session of {} takes place after all", locked.client.name),
        related_id: Some(locked.booking.booking_id.as_str()),
        to: &locked.recipients(Recipient::Admins),
    };
    notifications::notify(uow, notice).await?;
    messages::tell(uow, MessageKind::Confirmation, &locked.booking.booking_id).await
}
