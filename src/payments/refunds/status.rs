//! Moving a refund through its status: initiated, processing, completed; or failed, and initiated again.
//!
//! The payment's refund is the truth: where another program left the list behind it, the way goes on from where the
//! payment is, and all places agree afterwards. A refund of no payment (another program's) goes its way in the list and
//! in its booking.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedRefund},
    attempts,
    model::{Refund, RefundState},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::{BookingId, RefundId},
        money::{Amount, AmountInput},
        status::RefundStatus,
        text::{NO_NAME, Text},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
    payments::{
        complete::{complete, elsewhere},
        lock::{self, LockedPayment},
        refund,
        refusal::RefundRefusal,
        sync,
    },
};

/// How far a refund has come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refund_status": "processing", "refund_id": "rfnd_demo_1" }))]
pub(super) struct MoveRefund {
    /// The status it has now. `initiated` opens a refund that waits to be decided, and takes up one that failed.
    refund_status: RefundStatus,
    /// How much goes back, where that is not what was asked for; at most what was paid.
    refund_amount: Option<AmountInput>,
    /// The gateway's id of the refund.
    refund_id: Option<Text<255>>,
    /// Why; kept in the trail.
    reason: Option<Text<2000>>,
    /// True, with `initiated`: the money goes back in another way; the gateway is not told.
    by_hand: Option<bool>,
}

/// Move a refund on
///
/// `initiated` → `processing` → `completed`, or `failed` → `initiated`; any other move is refused and names the present
/// state. One that is initiated is sent to the gateway, as a refund that is opened. The payment, the booking (the sum of its refunds, and the status of the least far) and the list agree
/// afterwards. Once completed, the admins are told.
#[utoipa::path(
    post,
    path = "/refunds/{id}/status",
    tag = "refunds",
    params(("id" = RefundId, Path, description = "The refund's id"), DryRun, Preconditions),
    request_body = MoveRefund,
    responses((status = 200, description = "Moved", body = ChangedRefund), Problems),
)]
pub(super) async fn move_refund(
    work: Work,
    Path(id): Path<RefundId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    Json(request): Json<MoveRefund>,
) -> Result<Response> {
    let changed = work
        .dry_run(dry_run)
        .run(async |uow| {
            uow.once(StatusCode::OK, &id, async |uow| advance(uow, id, &conditions, request).await).await?;
            answer::changed(uow, id).await
        })
        .await?;
    Ok(if changed.body.is_kept() { changed.into_response() } else { Json(changed.body).into_response() })
}

/// A refund with its payment and booking, locked until the transaction ends.
struct Locked {
    refund: Refund,
    payment: Option<LockedPayment>,
    /// The booking of a refund that is of no payment.
    booking: Option<BookingId>,
}

async fn lock(uow: &mut UnitOfWork, id: RefundId, conditions: &Preconditions) -> Result<Locked> {
    let now = uow.now();
    let seen = Refund::read(uow.db(), id, now).await?;
    let mut payment = match seen.refund_of {
        Some(payment) => Some(lock::payment(uow, payment, &Preconditions::default()).await?),
        None => None,
    };
    let mut booking = None;
    if payment.is_none()
        && let Some(session) = &seen.session_id
        && let Some(locked) = lock::booking(uow, session).await?
    {
        complete(uow, session).await?;
        booking = Some(locked.booking_id);
    }
    sqlx::query!("select from refund_cancellation_table where id = $1 for no key update", id.0)
        .fetch_optional(uow.db())
        .await?;
    // Read again under the locks: until then somebody may have moved it.
    let refund = Refund::read(uow.db(), id, now).await?;
    conditions.check(&refund.version, &refund)?;
    if let (None, Some(completed)) = (&payment, refund.refund_of) {
        payment = Some(lock::payment(uow, completed, &Preconditions::default()).await?);
    }
    Ok(Locked { refund, payment, booking })
}

impl Locked {
    /// The status: of the payment, else of the list, else of any place that has one.
    async fn state(&self, uow: &mut UnitOfWork) -> Result<RefundState> {
        let said = self.payment.as_ref().and_then(|locked| locked.payment.refund_status.clone());
        let said = match (said.or_else(|| self.refund.refund_status.clone()), &self.payment, &self.booking) {
            (Some(status), ..) => Some(status),
            (None, Some(locked), _) => match locked.payment.payment_id {
                Some(payment) => elsewhere(uow, locked.payment.booking_id.as_ref(), payment).await?,
                None => None,
            },
            (None, None, Some(booking)) => {
                let id = booking.as_str();
                sqlx::query_scalar!(
                    "select internal.refund_status(refund_status) from bookings where booking_id = $1",
                    id,
                )
                .fetch_one(uow.db())
                .await?
            }
            (None, None, None) => None,
        };
        Ok(RefundState::read(said.as_deref()))
    }

    /// The amount paid.
    fn paid(&self) -> Amount {
        self.payment.as_ref().map_or(self.refund.amount, |locked| locked.payment.amount)
    }

    /// The amount of the refund: of this request, of an earlier one, or all.
    fn amount(&self, asked: Option<AmountInput>) -> Result<Amount> {
        let before = self.payment.as_ref().map_or(self.refund.refund_amount, |locked| locked.payment.refund_amount);
        let amount = match asked {
            Some(asked) => Amount::from(asked),
            None if before > Amount::ZERO => before,
            None => self.paid(),
        };
        if amount <= Amount::ZERO {
            return Err(RefundRefusal::Nothing.into());
        }
        if amount > self.paid() {
            return Err(RefundRefusal::Exceeds(self.paid().max(Amount::ZERO)).into());
        }
        Ok(amount)
    }
}

/// Moves a refund on.
async fn advance(uow: &mut UnitOfWork, id: RefundId, conditions: &Preconditions, request: MoveRefund) -> Result<()> {
    let locked = lock(uow, id, conditions).await?;
    let present = locked.state(uow).await?;
    let wanted = request.refund_status;
    if !present.may_become(wanted) {
        return Err(RefundRefusal::WrongState { present, wanted }.into());
    }
    let reason = request.reason.as_deref();
    if present == RefundState::Pending {
        let payment = locked.payment.as_ref().ok_or(RefundRefusal::Nothing)?;
        let terms = refund::Terms { amount: request.refund_amount, reason, by_hand: request.by_hand };
        refund::open_payment(uow, payment, &terms).await?;
        return Ok(());
    }
    let amount = locked.amount(request.refund_amount)?;
    write(uow, &locked, wanted, amount, request.refund_id.as_deref()).await?;
    if let Some(payment) = locked.payment.as_ref().and_then(|locked| locked.payment.payment_id)
        && wanted == RefundStatus::Initiated
        && request.by_hand != Some(true)
    {
        attempts::intend(uow, payment, amount).await?;
    }

    let booking = locked.payment.as_ref().and_then(|locked| locked.booking.as_ref());
    let about = booking.map(|booking| &booking.booking_id).or(locked.booking.as_ref());
    let name = booking.map(|booking| booking.client.name.as_str()).or(locked.refund.client_name.as_deref());
    let name = name.unwrap_or(NO_NAME);
    let currency = locked.refund.currency.as_deref().unwrap_or("INR");
    let mut entry =
        Entry::new("refund_status", format!("Refund of {amount} {currency} to {name}: {present} to {wanted}"))
            .on("refund", id)
            .detail(json!({
                "booking_id": about,
                "payment_id": locked.refund.refund_of,
                "from": present,
                "refund_status": wanted,
                "refund_amount": amount,
                "reason": reason,
            }));
    if let Some(booking) = booking {
        entry = entry.client(&booking.client.client_id, &booking.client.name);
    }
    uow.record(entry);
    if wanted == RefundStatus::Completed {
        refund::announce(uow, wanted, about, &format!("{amount} {currency} to {name}")).await?;
    }
    Ok(())
}

/// Writes the status to all places of the refund.
async fn write(
    uow: &mut UnitOfWork,
    locked: &Locked,
    wanted: RefundStatus,
    amount: Amount,
    gateways_id: Option<&str>,
) -> Result<()> {
    let now = Timestamp::from(uow.now());
    if let Some(LockedPayment { payment, .. }) = &locked.payment
        && let Some(id) = payment.payment_id
    {
        sqlx::query!(
            "update payments
             set refund_status = $2::text,
                 refund_amount = $3,
                 refund_initiation_date = case when $2 = 'initiated' then $4 else refund_initiation_date end,
                 refund_failed_date = case $2 when 'failed' then $4 when 'initiated' then null else refund_failed_date end,
                 refund_id = coalesce($5, refund_id),
                 updated_at = $4
             where payment_id = $1",
            id.0,
            wanted.as_str(),
            amount as Amount,
            now as Timestamp,
            gateways_id,
        )
        .execute(uow.db())
        .await?;
        if let Some(booking) = &payment.booking_id {
            sync::sync_refund_of_booking(uow, booking).await?;
        }
        return sync::sync_refund_rows(uow, payment.booking_id.as_ref(), id).await;
    }
    sqlx::query!(
        "with listed as (
             update refund_cancellation_table
             set refund_status = $2::text,
                 refund_id = coalesce($3, refund_id)
             where id = $1
         )
         update bookings
         set refund_status = $2::text,
             refund_amount = $4,
             refund_failed_time = case $2 when 'failed' then $5 when 'initiated' then null else refund_failed_time end,
             refund_id = coalesce($3, refund_id)
         where booking_id = $6
           and not exists (
               select
               from payments p
               where p.booking_id = $6
                 and internal.refund_status(p.refund_status) is not null
           )",
        locked.refund.id.0,
        wanted.as_str(),
        gateways_id,
        amount as Amount,
        now as Timestamp,
        locked.booking.as_ref().map(BookingId::as_str),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
