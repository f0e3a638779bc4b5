//! Recording payments: from the booking's columns, or by hand.
//!
//! A booking has one payment. Where more was paid later, its amount is corrected; where another program left several,
//! they stay, and what the booking says is their sum.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{lock, model::Payment, refusal::PaymentRefusal, sync};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::{BookingId, PaymentId},
        money::AmountInput,
        text::Text,
        time::{Instant, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// A payment that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000a",
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
    currency: Option<Text<10>>,
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
    let mut uow = work.begin().await?;
    let id = match uow.earlier() {
        Some(earlier) => PaymentId(earlier.parse().map_err(|_| Error::internal("a payment's id is a number"))?),
        None => record(&mut uow, request).await?,
    };
    let payment = Payment::read(uow.db(), id).await?;
    uow.answers_with(StatusCode::CREATED, id);
    uow.commit().await?;
    Ok(payment.versioned().created(format!("/api/v1/admin/payments/{id}")))
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
    ensure_free_reference(uow, request.payment_reference_id.as_deref(), request.payment_gateway_name.as_deref(), None)
        .await?;
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
        request.currency.as_deref().unwrap_or("INR"),
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

/// The payment that has arrived for a booking, if one has: a row of `payments` that is of nothing is still awaited.
pub async fn arrived(db: &mut PgConnection, booking: &BookingId) -> Result<Option<PaymentId>> {
    let arrived = sqlx::query_scalar!(
        r#"select payment_id as "payment_id!: PaymentId"
           from payments
           where booking_id = $1
             and internal.booking_paid(amount) > 0
           order by payment_id
           limit 1"#,
        booking.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(arrived)
}

/// Refuses a payment of the future.
pub(super) fn check_date(uow: &UnitOfWork, date: Option<Instant>) -> Result<()> {
    if date.is_some_and(|date| date.utc() > uow.now()) {
        return Err(Error::body("/payment_date", "is in the future"));
    }
    Ok(())
}

/// Refuses a reference that another payment has: in any letter case, through the same gateway or one that is not known.
/// Held to the end of the transaction, so that of two at the same moment one is refused.
pub(super) async fn ensure_free_reference(
    uow: &mut UnitOfWork,
    reference: Option<&str>,
    gateway: Option<&str>,
    own: Option<PaymentId>,
) -> Result<()> {
    let Some(reference) = reference else { return Ok(()) };
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('payment reference ' || lower($1), 0))", reference)
        .fetch_one(uow.db())
        .await?;
    let taken = sqlx::query_scalar!(
        r#"select payment_id as "payment_id!: PaymentId"
           from payments
           where left(lower(btrim(payment_reference_id)), 100) = left(lower($1), 100)
             and lower(btrim(payment_reference_id)) = lower($1)
             and (nullif(btrim(payment_gateway_name), '') is null
                  or $2::text is null
                  or lower(btrim(payment_gateway_name)) = lower($2))
             and payment_id is distinct from $3
           order by payment_id
           limit 1"#,
        reference,
        gateway,
        own.map(|own| own.0),
    )
    .fetch_optional(uow.db())
    .await?;
    taken.map_or(Ok(()), |taken| Err(PaymentRefusal::ReferenceTaken(taken).into()))
}

/// Writes the `payments` row of a booking that says it was paid and has none: a new one, or another program's.
///
/// A booking whose payment is awaited (`invitee_status` `waiting`) was not paid.
pub async fn record_for_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "insert into payments
             (booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
              payment_gateway_name, created_at, updated_at)
         select b.booking_id,
                b.invitee_name,
                b.invitee_email,
                b.invitee_payment_reference_id,
                b.invitee_payment_amount,
                left(coalesce(nullif(btrim(b.invitee_payment_currency), ''), 'INR'), 10),
                coalesce(b.invitee_created_at, $2),
                b.invitee_payment_gateway,
                $2,
                $2
         from bookings b
         where b.booking_id = $1
           and internal.booking_paid(b.invitee_payment_amount) > 0
           and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
           and not exists (select from payments p where p.booking_id = b.booking_id)",
        booking.as_str(),
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Completes the payment of a booking of another program: creates it where there is none, and, if it is the only one,
/// copies the data that only its booking has (amount, currency, gateway, reference, payer, refund).
pub(super) async fn complete(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    record_for_booking(uow, booking).await?;
    sqlx::query!(
        "update payments p
         set amount = v.amount,
             currency = v.currency,
             payment_gateway_name = v.gateway,
             payment_reference_id = v.reference,
             invitee_name = v.name,
             invitee_email = v.email
         from bookings b
         cross join lateral (
             select p.payment_id,
                    case when internal.booking_paid(p.amount) > 0 then p.amount else b.invitee_payment_amount end
                        as amount,
                    coalesce(nullif(btrim(p.currency), ''),
                             left(nullif(btrim(b.invitee_payment_currency), ''), 10), 'INR') as currency,
                    coalesce(p.payment_gateway_name, b.invitee_payment_gateway) as gateway,
                    coalesce(p.payment_reference_id, b.invitee_payment_reference_id) as reference,
                    coalesce(p.invitee_name, b.invitee_name) as name,
                    coalesce(p.invitee_email, b.invitee_email) as email
             from payments p
             where p.booking_id = b.booking_id
         ) v
         where b.booking_id = $1
           and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
           and p.payment_id = v.payment_id
           and (p.amount, p.currency, p.payment_gateway_name, p.payment_reference_id, p.invitee_name, p.invitee_email)
               is distinct from (v.amount, v.currency, v.gateway, v.reference, v.name, v.email)
           and (select count(*) from payments o where o.booking_id = b.booking_id) = 1",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    take_over_refund(uow, booking).await
}

/// Copies a refund that only the booking or the list of refunds has to the booking's only payment. Without a stated
/// amount it is the whole payment.
async fn take_over_refund(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "update payments p
         set refund_status = left(told.status, 50),
             refund_amount = case
                 when internal.booking_paid(p.refund_amount) > 0 then p.refund_amount
                 when internal.booking_paid(told.amount) > 0 then told.amount
                 else p.amount
             end,
             refund_failed_date = coalesce(p.refund_failed_date, told.failed_at),
             refund_id = coalesce(p.refund_id, told.refund_id)
         from (
             select coalesce(internal.refund_status(b.refund_status), internal.refund_status(r.refund_status)) as status,
                    b.refund_amount as amount,
                    b.refund_failed_time as failed_at,
                    coalesce(b.refund_id, r.refund_id) as refund_id
             from bookings b
             left join lateral (
                 select r.refund_status, r.refund_id
                 from refund_cancellation_table r
                 where r.session_id = b.booking_id
                   and internal.refund_status(r.refund_status) is not null
                 order by r.id
                 limit 1
             ) r on true
             where b.booking_id = $1
         ) told
         where p.booking_id = $1
           and told.status is not null
           and internal.refund_status(p.refund_status) is null
           and (select count(*) from payments o where o.booking_id = $1) = 1",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
