//! Payments and refunds as a service tells them, written as they came: nothing is refused. `arrivals` gives the other tables
//! the rest.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{lock, refunds::attempts};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    db::received::{Received, RowChange, Written},
    domain::{
        ids::{BookingId, PaymentId},
        money::from_minor,
        status::{MessageKind, RefundStatus},
        time::Timestamp,
    },
    error::Result,
    messages,
};

/// A payment as a service tells it.
#[derive(Debug, Clone)]
pub struct SaidPayment {
    /// The booking, where the service knows it.
    pub booking_id: Option<BookingId>,
    /// By which our rows know it, the most likely one first: the order, the payment.
    pub references: Vec<String>,
    /// The name of the gateway.
    pub gateway: String,
    /// The money, where it has arrived.
    pub paid: Option<Paid>,
    /// Its refund.
    pub refund: Option<SaidRefund>,
    /// The reference of the payment link that it was made through.
    pub link: Option<String>,
    /// The gateway's id of the payment, where the first reference is that of its order.
    pub gateway_payment_id: Option<String>,
    /// Since when money is authorised that was not taken yet.
    pub authorized_at: Option<DateTime<Utc>>,
    /// The rule that it contradicts.
    pub contradicts: Option<&'static str>,
}

/// Money that has arrived.
#[derive(Debug, Clone)]
pub struct Paid {
    /// A decimal number.
    pub amount: String,
    /// Its ISO 4217 code.
    pub currency: String,
    /// When it was paid.
    pub at: Timestamp,
    /// When the service had it.
    pub captured_at: DateTime<Utc>,
}

/// A refund as a gateway tells it.
#[derive(Debug, Clone)]
pub struct SaidRefund {
    /// The gateway's id of it.
    pub refund_id: String,
    /// How many of the currency's smallest units.
    pub units: u64,
    /// Its ISO 4217 code.
    pub currency: String,
    /// How far it is.
    pub status: RefundStatus,
    /// Since when it is there.
    pub at: Timestamp,
}

/// The row that is meant.
struct Target {
    payment_id: Option<PaymentId>,
    booking_id: Option<BookingId>,
}

/// Writes a payment and its refund as they are told. A refund only moves forward.
///
/// # Errors
///
/// If the data of its client was erased.
pub async fn receive(uow: &mut UnitOfWork, said: &SaidPayment) -> Result<Received> {
    let Some(target) = find(uow, said).await? else {
        return Ok(Received::Missing("no booking and no payment has this reference"));
    };
    if let Some(booking) = &target.booking_id {
        let Some(locked) = lock::booking(uow, booking).await? else {
            return Ok(Received::Missing("the booking is not there yet"));
        };
        locked.client.ensure_kept()?;
    }
    // Read again under the lock.
    let Some(target) = find(uow, said).await? else {
        return Ok(Received::Missing("no booking and no payment has this reference"));
    };
    let before = row(uow, target.payment_id).await?;
    let written = uow.as_another_program(async |uow| write(uow, said, &target).await).await?;
    let after = row(uow, written).await?;
    let rows = after.map(|after| RowChange { table: "payments", before, after }).into_iter().collect();
    if let (None, Some(payment)) = (&target.booking_id, written) {
        let entry = Entry::new("refund_status", format!("{} told of a refund", uow.context().doer()));
        uow.record(entry.on("payment", payment));
    }
    Ok(Received::Written(Written { booking: target.booking_id, rows, contradicts: said.contradicts }))
}

async fn write(uow: &mut UnitOfWork, said: &SaidPayment, target: &Target) -> Result<Option<PaymentId>> {
    let mut payment = target.payment_id;
    if let (Some(paid), Some(booking)) = (&said.paid, &target.booking_id) {
        payment = Some(record(uow, said, paid, booking, payment).await?);
        confirm(uow, booking).await?;
    }
    if let (Some(id), Some(payment)) = (&said.gateway_payment_id, payment) {
        know(uow, id, payment).await?;
    }
    if let (Some(refund), Some(payment)) = (&said.refund, payment) {
        refund_of(uow, refund, payment).await?;
        attempts::follow(uow, &refund.refund_id, refund.status).await?;
    }
    Ok(payment)
}

/// The payment of these references, else the booking of them or the one that is named, with its payment of no reference.
async fn find(uow: &mut UnitOfWork, said: &SaidPayment) -> Result<Option<Target>> {
    let target = sqlx::query_as!(
        Target,
        r#"with said as (
               select r.reference, r.place, left(internal.fold(r.reference), 100) as key
               from unnest($1::text[]) with ordinality r (reference, place)
           ), known as (
               select p.payment_id, p.booking_id
               from said
               join payments p
                    on p.payment_reference_id is not null
                    and left(internal.fold(p.payment_reference_id), 100) = said.key
                    and internal.fold(p.payment_reference_id) = internal.fold(said.reference)
               where $2::text is null
                  or p.booking_id = $2
               order by said.place, p.payment_id
               limit 1
           ), known_to_gateway as (
               select p.payment_id, p.booking_id
               from internal.gateway_payments g
               join payments p on p.payment_id = g.payment_id
               where g.gateway_payment_id = any ($1)
                 and ($2::text is null or p.booking_id = $2)
                 and not exists (select from known)
               order by p.payment_id
               limit 1
           ), booked as (
               select b.booking_id
               from bookings b
               where b.booking_id = $2
               union all
               (select b.booking_id
                from said
                join bookings b
                     on b.invitee_payment_reference_id is not null
                     and left(internal.fold(b.invitee_payment_reference_id), 100) = said.key
                     and internal.fold(b.invitee_payment_reference_id) = internal.fold(said.reference)
                where $2::text is null
                order by said.place, b.booking_id)
               limit 1
           )
           select known.payment_id as "payment_id: PaymentId", known.booking_id as "booking_id: BookingId"
           from known
           union all
           select payment_id, booking_id
           from known_to_gateway
           union all
           select (
                      select p.payment_id
                      from payments p
                      where p.booking_id = booked.booking_id
                        and p.payment_reference_id is null
                        -- Money that came through a link is none that was recorded by hand.
                        and (not $3 or internal.booking_paid(p.amount) = 0)
                      order by p.payment_id
                      limit 1
                  ),
                  booked.booking_id
           from booked
           where not exists (select from known)
             and not exists (select from known_to_gateway)"#,
        &said.references,
        said.booking_id.as_ref().map(BookingId::as_str),
        said.link.is_some(),
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(target)
}

async fn row(uow: &mut UnitOfWork, payment: Option<PaymentId>) -> Result<Option<Value>> {
    let row = sqlx::query_scalar!(
        r#"select to_jsonb(p) as "row!" from payments p where p.payment_id = $1"#,
        payment.map(|payment| payment.0),
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(row)
}

/// Records money that has arrived; a row that has an amount keeps it.
async fn record(
    uow: &mut UnitOfWork,
    said: &SaidPayment,
    paid: &Paid,
    booking: &BookingId,
    known: Option<PaymentId>,
) -> Result<PaymentId> {
    let now = Timestamp::from(uow.now());
    let reference = said.references.first();
    if let Some(known) = known {
        sqlx::query!(
            "update payments
             set amount = case when internal.booking_paid(amount) > 0 then amount else $2::text::numeric end,
                 currency = case when internal.booking_paid(amount) > 0 then currency else $3 end,
                 payment_date = coalesce(payment_date, $4),
                 payment_gateway_name = coalesce(payment_gateway_name, $5),
                 payment_reference_id = coalesce(payment_reference_id, $6),
                 updated_at = $7
             where payment_id = $1
               and (internal.booking_paid(amount) = 0 or payment_reference_id is null)",
            known.0,
            paid.amount,
            paid.currency,
            paid.at as Timestamp,
            said.gateway,
            reference,
            now as Timestamp,
        )
        .execute(uow.db())
        .await?;
        return Ok(known);
    }
    let recorded = sqlx::query_scalar!(
        r#"insert into payments
               (booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
                payment_gateway_name, created_at, updated_at)
           select b.booking_id, b.invitee_name, b.invitee_email, $2, $3::text::numeric, $4, coalesce($5::timestamp, $7), $6, $7, $7
           from bookings b
           where b.booking_id = $1
           returning payment_id as "payment_id: PaymentId""#,
        booking.as_str(),
        reference,
        paid.amount,
        paid.currency,
        paid.at as Timestamp,
        said.gateway,
        now as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(recorded)
}

/// Keeps the gateway's id of a payment.
pub(super) async fn know(uow: &mut UnitOfWork, id: &str, payment: PaymentId) -> Result<()> {
    sqlx::query!(
        "insert into internal.gateway_payments as g (payment_id, gateway_payment_id)
         values ($1, $2)
         on conflict (payment_id) do update
         set gateway_payment_id = excluded.gateway_payment_id
         where g.gateway_payment_id <> excluded.gateway_payment_id",
        payment.0,
        id,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// A booking whose payment was awaited is confirmed.
async fn confirm(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let confirmed = sqlx::query!(
        "update bookings
         set invitee_status = 'confirmed'
         where booking_id = $1
           and internal.invitee_status(invitee_status) = 'waiting'",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    if confirmed.rows_affected() > 0 {
        messages::tell(uow, MessageKind::Confirmation, booking).await?;
    }
    Ok(())
}

/// Writes how far a refund is, unless the row is further. After a failure the next one may begin anew.
async fn refund_of(uow: &mut UnitOfWork, refund: &SaidRefund, payment: PaymentId) -> Result<()> {
    let failed = refund.status == RefundStatus::Failed;
    sqlx::query!(
        "update payments
         set refund_status = $2,
             refund_amount = $3::text::numeric,
             refund_id = $4,
             refund_initiation_date = coalesce(refund_initiation_date, $5),
             refund_failed_date = case when $6 then coalesce(refund_failed_date, $5) end,
             updated_at = $7
         where payment_id = $1
           and (coalesce(internal.refund_step(refund_status), 0) <= internal.refund_step($2)
                or internal.refund_status(refund_status) = 'failed' and refund_id is distinct from $4)
           and (internal.refund_status(refund_status), refund_amount, refund_id)
               is distinct from ($2::text, $3::text::numeric, $4::varchar)",
        payment.0,
        refund.status.as_str(),
        from_minor(refund.units, &refund.currency),
        refund.refund_id,
        refund.at as Timestamp,
        failed,
        Timestamp::from(uow.now()) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
