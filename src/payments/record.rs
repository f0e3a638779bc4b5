//! Recording a payment by hand.
//!
//! A booking has one payment. Where more was paid later, its amount is corrected; where another program left several,
//! they stay, and what the booking says is their sum.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{complete::take_over_refund, lock, model::Payment, refusal::PaymentRefusal, sync};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    booking_requests,
    domain::{
        ids::{BookingId, PaymentId},
        money::{AmountInput, Currency},
        status::MessageKind,
        text::Text,
        time::{Instant, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
    messages,
};

/// A payment that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000b",
    "amount": "1700.00",
    "currency": "INR",
    "payment_gateway_name": "upi",
    "payment_reference_id": "upi_603512345678",
    "payment_date": "2026-02-03T18:05:00+05:30"
}))]
pub(super) struct RecordPayment {
    /// The booking that was paid for.
    booking_id: BookingId,
    /// How much; more than 0.
    amount: AmountInput,
    /// In which currency; INR unless given.
    currency: Option<Currency>,
    /// Through which gateway; `cash` and the like are gateways too.
    payment_gateway_name: Option<Text<255>>,
    /// The gateway's reference; no other payment may have it.
    payment_reference_id: Option<Text<255>>,
    /// When; now unless given, and not in the future.
    payment_date: Option<Instant>,
}

/// Record a payment
///
/// Records by hand what was paid for a booking; the booking's payment columns follow, and a payment that was awaited has
/// arrived. A booking has one payment: refused where there is one already, or where another has the reference. For a
/// cancelled booking, a refund is then waiting to be decided.
#[utoipa::path(
    post,
    path = "/payments",
    tag = "payments",
    request_body = RecordPayment,
    responses((status = 201, description = "Recorded", body = Payment), Problems),
)]
pub(super) async fn record_payment(work: Work, Json(request): Json<RecordPayment>) -> Result<Versioned<Payment>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| record(uow, request).await).await?;
        let now = uow.now();
        Ok(Payment::read(uow.db(), id, now).await?.versioned().created(format!("/api/v1/admin/payments/{id}")))
    })
    .await
}

/// Records a payment; answers with its id.
async fn record(uow: &mut UnitOfWork, request: RecordPayment) -> Result<PaymentId> {
    if request.amount.is_zero() {
        return Err(Error::body("/amount", "must be more than 0"));
    }
    check_date(uow, request.payment_date)?;
    let booking = lock::booking(uow, &request.booking_id)
        .await?
        .ok_or_else(|| Error::body("/booking_id", "there is no such booking"))?;
    let id = booking.booking_id.as_str();
    let present = sqlx::query_scalar!(
        r#"select payment_id as "payment_id!: PaymentId" from payments where booking_id = $1 order by payment_id limit 1"#,
        id,
    )
    .fetch_optional(uow.db())
    .await?;
    if let Some(present) = present {
        return Err(PaymentRefusal::Already(present).into());
    }
    ensure_free_reference(uow, request.payment_reference_id.as_deref(), None).await?;
    let now = Timestamp::from(uow.now());
    let payment = sqlx::query_scalar!(
        r#"insert into payments
               (booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
                payment_gateway_name, created_at, updated_at)
           select booking_id, invitee_name, invitee_email, $2, $3, $4, $5, $6, $7, $7
           from bookings
           where booking_id = $1
           returning payment_id as "payment_id: PaymentId""#,
        id,
        request.payment_reference_id.as_deref(),
        request.amount as AmountInput,
        request.currency.as_ref().map_or(Currency::INR, Currency::as_str),
        request.payment_date.map_or(now, Timestamp::from) as Timestamp,
        request.payment_gateway_name.as_deref(),
        now as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    take_over_refund(uow, &booking.booking_id).await?;
    if booking.awaited {
        sqlx::query!("update bookings set invitee_status = 'confirmed' where booking_id = $1", id)
            .execute(uow.db())
            .await?;
        messages::tell(uow, MessageKind::Confirmation, &booking.booking_id).await?;
        booking_requests::fulfil_paid(uow, &booking.booking_id).await?;
    }
    sync::sync(uow, &booking, payment).await?;
    let client = &booking.client;
    uow.record(
        Entry::new("payment_record", format!("Recorded a payment of {} by {}", request.amount.amount(), client.name))
            .on("payment", payment)
            .client(&client.client_id, &client.name)
            .detail(json!({
                "booking_id": booking.booking_id,
                "amount": request.amount.amount(),
                "payment_gateway_name": request.payment_gateway_name.as_deref(),
                "payment_reference_id": request.payment_reference_id.as_deref(),
                "awaited": booking.awaited,
            })),
    );
    Ok(payment)
}

/// Refuses a payment of the future.
pub(super) fn check_date(uow: &UnitOfWork, date: Option<Instant>) -> Result<()> {
    if date.is_some_and(|date| date.utc() > uow.now()) {
        return Err(Error::body("/payment_date", "is in the future"));
    }
    Ok(())
}

/// Refuses a reference that another payment has, in any letter case and whatever its gateway is called: it is the same
/// payment. Held to the end of the transaction, so that of two at the same moment one is refused.
pub(super) async fn ensure_free_reference(
    uow: &mut UnitOfWork,
    reference: Option<&str>,
    own: Option<PaymentId>,
) -> Result<()> {
    let Some(reference) = reference else { return Ok(()) };
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('payment reference ' || internal.fold($1), 0))",
        reference
    )
    .fetch_one(uow.db())
    .await?;
    let taken = sqlx::query_scalar!(
        r#"select payment_id as "payment_id!: PaymentId"
           from payments
           where left(internal.fold(payment_reference_id), 100) = left(internal.fold($1), 100)
             and internal.fold(payment_reference_id) = internal.fold($1)
             and payment_id is distinct from $2
           order by payment_id
           limit 1"#,
        reference,
        own.map(|own| own.0),
    )
    .fetch_optional(uow.db())
    .await?;
    taken.map_or(Ok(()), |taken| Err(PaymentRefusal::ReferenceTaken(taken).into()))
}
