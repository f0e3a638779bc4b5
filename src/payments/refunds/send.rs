//! Sends refunds to the gateway, and asks for those without an answer.
//!
//! An [attempt](super::attempts) is claimed by moving its time on, in a transaction of its own; then the gateway is called; then its
//! answer is written, in another transaction. Whoever dies in between leaves an attempt that is due again a minute later. One that
//! was sent before is looked for among the payment's refunds by its key, and sent with the same key where it is not there.
//!
//! A message may have told the end before: a refund only moves forward.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::answer;
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::deadline::{STEP, within},
    domain::{
        ids::PaymentId,
        money::{Amount, to_minor},
        status::RefundStatus,
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result},
    http::etag::Preconditions,
    payments::{lock, receive::know, refund, sync},
    razorpay::{self, Account, NewRefund, Trouble},
};

/// How many are taken at a time.
const BATCH: i64 = 50;
/// For how long an attempt is left to whoever claimed it.
const CLAIMED: TimeDelta = TimeDelta::seconds(60);
/// The longest time between two tries.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// An attempt that is due.
struct Attempt {
    id: i32,
    payment_id: PaymentId,
    amount: Amount,
    currency: String,
    idempotency_key: String,
    state: String,
    gateway_id: Option<String>,
    tries: i32,
    reference: Option<String>,
    gateway_payment_id: Option<String>,
    /// How far the refund is here.
    refund_status: Option<String>,
}

/// The end of a try.
enum Outcome {
    /// The gateway has it; with its id of the payment.
    Accepted(razorpay::Refund, String),
    /// It will never be done, and why.
    Refused(String),
    /// Somebody has moved the refund on by hand.
    Withdrawn,
    /// It is tried again.
    Later(String),
}

/// Sends what is due, and asks for what has no answer.
///
/// # Errors
///
/// If the database is away.
pub async fn send_due(app: &App) -> Result<()> {
    let Some(account) = &app.razorpay else { return Ok(()) };
    let due = sqlx::query_scalar!(
        "select attempt_id from internal.gateway_refunds where due_at <= $1 order by due_at limit $2",
        app.clock.now(),
        BATCH,
    )
    .fetch_all(&mut *app.db.unscoped().await?)
    .await?;
    for id in due {
        if app.stopping.is_cancelled() {
            break;
        }
        let Some(attempt) = within(STEP, claim(app, id)).await? else { continue };
        let outcome = send(app, account, &attempt).await;
        within(STEP, conclude(app, &attempt, outcome)).await?;
    }
    Ok(())
}

/// Claims an attempt, unless another instance has.
async fn claim(app: &App, id: i32) -> Result<Option<Attempt>> {
    let now = app.clock.now();
    let mut db = app.db.system_transaction().await?;
    let attempt = sqlx::query_as!(
        Attempt,
        r#"update internal.gateway_refunds r
           set tries = r.tries + 1, due_at = $3
           from internal.gateway_refunds o
           left join payments p on p.payment_id = o.payment_id
           left join internal.gateway_payments g on g.payment_id = o.payment_id
           where r.attempt_id = $1
             and o.attempt_id = r.attempt_id
             and r.due_at <= $2
           returning r.attempt_id as id,
                     r.payment_id as "payment_id: PaymentId",
                     r.amount as "amount!: Amount",
                     r.currency,
                     r.idempotency_key,
                     r.state,
                     r.gateway_id,
                     r.tries,
                     p.payment_reference_id as "reference?",
                     g.gateway_payment_id as "gateway_payment_id?",
                     internal.refund_status(p.refund_status) as refund_status"#,
        id,
        now,
        now + CLAIMED,
    )
    .fetch_optional(&mut *db)
    .await?;
    db.commit().await?;
    Ok(attempt)
}

/// Sends an attempt, or asks what became of it.
async fn send(app: &App, account: &Account, attempt: &Attempt) -> Outcome {
    match try_to_send(app, account, attempt).await {
        Ok(outcome) => outcome,
        Err(Trouble::Refused(reason)) => Outcome::Refused(reason),
        Err(trouble) => Outcome::Later(trouble.to_string()),
    }
}

async fn try_to_send(app: &App, account: &Account, attempt: &Attempt) -> Result<Outcome, Trouble> {
    let client = &app.outgoing.services;
    let payment = match (&attempt.gateway_payment_id, &attempt.reference) {
        (Some(id), _) => id.clone(),
        (None, Some(id)) if id.starts_with("pay_") => id.clone(),
        (None, Some(order)) => match account.captured_of_order(client, order).await? {
            Some(captured) => captured.id,
            None => return Ok(Outcome::Refused("the gateway knows no payment of this order".to_owned())),
        },
        (None, None) => return Ok(Outcome::Refused("the payment has no reference".to_owned())),
    };
    let is_sent = attempt.state == "sent";
    if is_sent || attempt.tries > 1 {
        let refunds = account.refunds_of(client, &payment).await?;
        let is_ours = |refund: &razorpay::Refund| {
            refund.note.as_deref() == Some(&attempt.idempotency_key) || Some(&refund.id) == attempt.gateway_id.as_ref()
        };
        if let Some(found) = refunds.into_iter().find(is_ours) {
            return Ok(Outcome::Accepted(found, payment));
        }
        if is_sent {
            return Ok(Outcome::Later("the gateway does not know the refund".to_owned()));
        }
    }
    if attempt.refund_status.as_deref() != Some(RefundStatus::Initiated.as_str()) {
        return Ok(Outcome::Withdrawn);
    }
    let Some(units) = to_minor(attempt.amount, &attempt.currency) else {
        return Ok(Outcome::Refused("the amount is no whole number of the currency's units".to_owned()));
    };
    let new = NewRefund { payment: &payment, units, idempotency_key: &attempt.idempotency_key };
    Ok(Outcome::Accepted(account.refund(client, &new).await?, payment))
}

/// Writes what became of a try.
async fn conclude(app: &App, attempt: &Attempt, outcome: Outcome) -> Result<()> {
    let now = app.clock.now();
    match outcome {
        Outcome::Accepted(refund, payment) => {
            let status = match refund.status.as_str() {
                "processed" => RefundStatus::Completed,
                "failed" => RefundStatus::Failed,
                _ => RefundStatus::Processing,
            };
            let (state, due_at) = match status {
                RefundStatus::Completed => ("completed", None),
                RefundStatus::Failed => ("failed", None),
                _ => ("sent", Some(app.zone.next_night(now))),
            };
            let reason = (status == RefundStatus::Failed).then_some("the gateway could not give it back");
            let said = Said { status, gateway_id: Some(&refund.id), gateway_payment: Some(&payment), reason };
            write(app, attempt, state, due_at, &said).await
        }
        Outcome::Refused(reason) => {
            let said =
                Said { status: RefundStatus::Failed, gateway_id: None, gateway_payment: None, reason: Some(&reason) };
            write(app, attempt, "failed", None, &said).await
        }
        Outcome::Withdrawn => put(app, attempt, "withdrawn", None, "the refund was moved on by hand").await,
        Outcome::Later(reason) => {
            let pause = TimeDelta::seconds(30 << attempt.tries.clamp(0, 10)).min(LONGEST_PAUSE);
            let due_at = if attempt.state == "sent" { app.zone.next_night(now) } else { now + pause };
            put(app, attempt, &attempt.state, Some(due_at), &reason).await
        }
    }
}

/// Notes how an attempt stands.
async fn put(app: &App, attempt: &Attempt, state: &str, due_at: Option<DateTime<Utc>>, reason: &str) -> Result<()> {
    let mut db = app.db.system_transaction().await?;
    sqlx::query!(
        "update internal.gateway_refunds
         set state = $2,
             due_at = $3,
             reason = $4,
             done_at = case when $3::timestamptz is null then $5::timestamptz end
         where attempt_id = $1
           and state in ('due', 'sent')",
        attempt.id,
        state,
        due_at,
        reason,
        app.clock.now(),
    )
    .execute(&mut *db)
    .await?;
    db.commit().await
}

/// What the gateway says of a refund.
struct Said<'a> {
    status: RefundStatus,
    gateway_id: Option<&'a str>,
    gateway_payment: Option<&'a str>,
    reason: Option<&'a str>,
}

/// Writes the gateway's answer to the attempt and to all places of the refund.
async fn write(
    app: &App,
    attempt: &Attempt,
    state: &str,
    due_at: Option<DateTime<Utc>>,
    said: &Said<'_>,
) -> Result<()> {
    let work = Work::of_task(app, "Razorpay");
    work.run(async |uow| {
        let now = uow.now();
        advance(uow, attempt, said).await?;
        sqlx::query!(
            "update internal.gateway_refunds
             set state = $2,
                 due_at = $3,
                 reason = $4,
                 gateway_id = coalesce($5, gateway_id),
                 done_at = case when $3::timestamptz is null then $6::timestamptz end
             where attempt_id = $1
               and state in ('due', 'sent')",
            attempt.id,
            state,
            due_at,
            said.reason,
            said.gateway_id,
            now,
        )
        .execute(uow.db())
        .await?;
        Ok(())
    })
    .await
}

/// Moves the refund on, unless it is further.
async fn advance(uow: &mut UnitOfWork, attempt: &Attempt, said: &Said<'_>) -> Result<()> {
    let id = attempt.payment_id;
    let locked = match lock::payment(uow, id, &Preconditions::default()).await {
        Ok(locked) => locked,
        // Another program has deleted it.
        Err(Error::NotFound(_)) => {
            uow.record(Entry::new("refund_status", "The payment of a refund is gone").on("payment", id).quiet());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if let Some(payment) = said.gateway_payment {
        know(uow, payment, id).await?;
    }
    let now = Timestamp::from(uow.now());
    let moved = sqlx::query!(
        "update payments
         set refund_status = $2,
             refund_id = coalesce($3, refund_id),
             refund_failed_date = case when $2::text = 'failed' then $4::timestamp else refund_failed_date end,
             updated_at = $4
         where payment_id = $1
           and coalesce(internal.refund_step(refund_status), 0) < internal.refund_step($2::text)",
        id.0,
        said.status.as_str(),
        said.gateway_id,
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    let booking = locked.booking.as_ref();
    let about = booking.map(|booking| &booking.booking_id);
    if let Some(booking) = about {
        sync::sync_refund_of_booking(uow, booking).await?;
    }
    sync::sync_refund_rows(uow, about, id).await?;
    let refund = answer::of_payment(uow, about, id).await?;
    let name = booking.map_or(NO_NAME, |booking| booking.client.name.as_str());
    let (amount, currency) = (attempt.amount, &attempt.currency);
    let sentence = format!("The gateway: the refund of {amount} {currency} to {name} is {}", said.status);
    let mut entry = Entry::new("refund_status", sentence).on("refund", refund).detail(json!({
        "booking_id": about,
        "payment_id": id,
        "from": attempt.refund_status,
        "refund_status": said.status,
        "refund_amount": amount,
        "refund_id": said.gateway_id,
        "reason": said.reason,
    }));
    if let Some(booking) = booking {
        entry = entry.client(&booking.client.client_id, &booking.client.name);
    }
    if moved.rows_affected() == 0 {
        uow.record(entry.quiet());
        return Ok(());
    }
    uow.record(entry);
    if said.status == RefundStatus::Completed {
        refund::announce(uow, said.status, about, &format!("{amount} {currency} to {name}")).await?;
    }
    Ok(())
}
