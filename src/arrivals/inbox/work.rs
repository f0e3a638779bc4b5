//! Works messages: those about one booking or order together, in one transaction, claimed by locking them.
//!
//! All messages about it that are kept are folded ([`fold`](super::fold)), so that the end is the same in whatever order and
//! however often they came. A `live` one is written as another program writes, and taken up in the same transaction: so it gets
//! what an operation gives, and the audit trail names its service. Of a `shadow` one the same is done and rolled back; what it
//! would have changed is the difference between the service and the tables.
//!
//! What cannot be done yet is tried again, later each time, for a quarter of an hour; after that it stays, and `integrity` shows it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    super::take_up::{Subject, hurry, take_up},
    fold::{Folded, Placed, fold},
    message::{Mode, Source},
    receive::context,
    sources,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    bookings,
    db::{
        deadline::{STEP, within},
        received::{Received, RowChange, Written},
    },
    documents,
    domain::ids::{BookingId, InboundEndpointId, InboxMessageId},
    error::{Error, Result},
    http::metrics::{INBOX_MESSAGES, INBOX_OLDEST},
    messages, payment_links,
};

/// How many bookings and orders are looked for at a time.
const BATCH: i64 = 100;
/// How often a message is tried: the last time about 17 minutes after the first.
const TRIES: i32 = 12;
/// The columns whose values are shown where they differ: of all others the value may be somebody's.
const SHOWN: [&str; 23] = [
    "amount",
    "booking_duration",
    "booking_end_at",
    "booking_mode",
    "booking_start_at",
    "booking_status",
    "currency",
    "invitee_payment_amount",
    "invitee_payment_currency",
    "invitee_payment_gateway",
    "invitee_payment_reference_id",
    "invitee_status",
    "payment_date",
    "payment_gateway_name",
    "payment_reference_id",
    "recheduled_from",
    "refund_amount",
    "refund_id",
    "refund_status",
    "rescheduled_start_at",
    "state",
    "status",
    "therapist_id",
];
/// Columns that say only when a row was written.
const WRITTEN_AT: [&str; 3] = ["booking_updated_at", "created_at", "updated_at"];

/// Messages that are worked together.
struct Group {
    source: Source,
    mode: Mode,
    subject: String,
}

/// A message of a group.
struct Kept {
    message_id: InboxMessageId,
    endpoint_id: InboundEndpointId,
    key: String,
    body: Vec<u8>,
    said_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
}

/// What became of messages.
#[derive(Debug)]
enum Outcome {
    /// Nobody else claimed them: nothing to do.
    Nothing,
    /// They stand so from now on.
    Done { state: &'static str, reason: Option<String>, changes: Vec<Value>, booking: Option<BookingId> },
    /// They are tried again, and stand so after the last try.
    Later { at_last: &'static str, reason: Option<String>, changes: Vec<Value> },
}

/// Works what is due; returns whether there is more.
pub(in super::super) async fn work_some(app: &App, stop: &CancellationToken) -> Result<bool> {
    let groups = within(STEP, due(app)).await?;
    let is_more = i64::try_from(groups.len()).is_ok_and(|found| found == BATCH);
    for group in groups {
        if stop.is_cancelled() {
            return Ok(true);
        }
        one(app, &group).await?;
    }
    Ok(is_more)
}

/// Measures how long the oldest message has waited.
pub(in super::super) async fn measure(app: &App) -> Result<()> {
    let oldest = sqlx::query_scalar!(
        r#"select min(i.received_at)
           from internal.inbox i
           join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
           where i.due_at is not null
             and e.mode = 'live'
             and not e.paused"#,
    )
    .fetch_one(&mut *app.db.unscoped().await?)
    .await?;
    let age = oldest.and_then(|oldest| (app.clock.now() - oldest).to_std().ok()).unwrap_or(Duration::ZERO);
    metrics::gauge!(INBOX_OLDEST).set(age.as_secs_f64());
    Ok(())
}

async fn due(app: &App) -> Result<Vec<Group>> {
    let groups = sqlx::query_as!(
        Group,
        r#"select e.source as "source: Source", e.mode as "mode: Mode", i.subject as "subject!"
           from internal.inbox i
           join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
           where i.due_at <= now()
             and i.subject is not null
             and not e.paused
           group by e.source, e.mode, i.subject
           order by min(i.message_id)
           limit $1"#,
        BATCH,
    )
    .fetch_all(&mut *app.db.unscoped().await?)
    .await?;
    Ok(groups)
}

/// Works the messages about one booking or order; a failure is noted with them.
async fn one(app: &App, group: &Group) -> Result<()> {
    let work = Work::of_task(app, group.source.service());
    let worked = match group.mode {
        Mode::Live => within(STEP, work.run_if_needed(async |uow| live(uow, group).await)).await,
        Mode::Shadow => within(STEP, work.dry_run(Some(true)).run(async |uow| shadow(uow, group).await)).await,
    };
    let outcome = worked.unwrap_or_else(|error| failed(group, &error));
    let state = match &outcome {
        Outcome::Nothing => return Ok(()),
        // Committed with its effects.
        Outcome::Done { state, .. } if group.mode == Mode::Live && *state == "applied" => *state,
        outcome => within(STEP, settle(app, group, outcome)).await?,
    };
    metrics::counter!(INBOX_MESSAGES, "source" => group.source.as_str(), "outcome" => state).increment(1);
    Ok(())
}

/// An error, as the inbox tells it: no words of a row.
fn failed(group: &Group, error: &Error) -> Outcome {
    tracing::warn!(source = group.source.as_str(), %error, "a message could not be worked");
    match error {
        Error::Refused(refusal) if refusal.kind().code == "client-erased" => {
            let reason = Some("the data of its client was erased".to_owned());
            Outcome::Done { state: "erased", reason, changes: Vec::new(), booking: None }
        }
        Error::Refused(refusal) => {
            let reason = Some(format!("refused: {}", refusal.kind().code));
            Outcome::Done { state: "given_up", reason, changes: Vec::new(), booking: None }
        }
        _ => {
            let reason = Some("it could not be written: the log says why".to_owned());
            Outcome::Later { at_last: "given_up", reason, changes: Vec::new() }
        }
    }
}

/// Carries messages out.
async fn live(uow: &mut UnitOfWork, group: &Group) -> Result<Outcome> {
    hurry(uow).await?;
    let claimed = claim(uow, group).await?;
    if claimed.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let written = match write(uow, group).await? {
        Ok(written) => written,
        Err(outcome) => return Ok(outcome),
    };
    let booking = written.iter().find_map(|written| written.booking.clone());
    if let Some(booking) = &booking {
        take_up(uow, &Subject::Booking(booking.clone())).await?;
    }
    let changes: Vec<Value> = written.iter().flat_map(|written| &written.rows).flat_map(differences).collect();
    let reason = written.iter().find_map(|written| written.contradicts).map(ToOwned::to_owned);
    let sentence = format!("{} sent a message", uow.context().doer());
    for message in &claimed {
        let entry = Entry::new("webhook_apply", sentence.clone()).on("inbox_message", message);
        uow.record(entry.detail(json!({ "booking_id": booking, "changed": columns(&changes) })).quiet());
    }
    let now = uow.now();
    sqlx::query!(
        "update internal.inbox
         set state = 'applied',
             reason = $2,
             differences = $3,
             booking_id = coalesce($4, booking_id),
             due_at = null,
             done_at = $5
         where message_id = any ($1)",
        &claimed as &[InboxMessageId],
        reason,
        Value::from(changes.clone()),
        booking.as_ref().map(BookingId::as_str),
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(Outcome::Done { state: "applied", reason, changes, booking })
}

/// Finds what messages would change.
async fn shadow(uow: &mut UnitOfWork, group: &Group) -> Result<Outcome> {
    hurry(uow).await?;
    uow.record(Entry::new("webhook_compare", "Compared a message").quiet());
    let written = match write(uow, group).await? {
        Ok(written) => written,
        Err(Outcome::Later { reason, changes, .. }) => {
            return Ok(Outcome::Later { at_last: "different", reason, changes });
        }
        Err(outcome) => return Ok(outcome),
    };
    let changes: Vec<Value> = written.iter().flat_map(|written| &written.rows).flat_map(differences).collect();
    let booking = written.iter().find_map(|written| written.booking.clone());
    Ok(if changes.is_empty() {
        Outcome::Done { state: "same", reason: None, changes, booking }
    } else {
        // The automation may not have written it yet.
        Outcome::Later { at_last: "different", reason: None, changes }
    })
}

/// Claims the messages that wait, unless another instance has.
async fn claim(uow: &mut UnitOfWork, group: &Group) -> Result<Vec<InboxMessageId>> {
    let claimed = sqlx::query_scalar!(
        r#"select i.message_id as "message_id: InboxMessageId"
           from internal.inbox i
           join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
           where i.subject = $1
             and i.due_at is not null
             and e.source = $2
             and e.mode = $3
             and not e.paused
           order by i.message_id
           for no key update of i skip locked"#,
        group.subject,
        group.source.as_str(),
        group.mode.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(claimed)
}

/// Writes what the messages come to; or says why not.
async fn write(uow: &mut UnitOfWork, group: &Group) -> Result<Result<Vec<Written>, Outcome>> {
    let Folded { booking, payments, links, statuses, forms } = match folded(uow, group).await? {
        Ok(folded) => folded,
        Err(reason) => {
            let reason = Some(reason.to_owned());
            return Ok(Err(Outcome::Done { state: "given_up", reason, changes: Vec::new(), booking: None }));
        }
    };
    let form_of = group.subject.strip_prefix("booking ").map(BookingId::from).filter(|_| forms > 0);
    let mut written = Vec::new();
    if let Some(said) = &booking {
        match bookings::receive(uow, said).await? {
            Received::Written(one) => written.push(one),
            Received::Missing(reason) => return Ok(Err(missing(reason))),
            Received::Overtaken if payments.is_empty() && form_of.is_none() => {
                let reason = Some("the booking has changed since".to_owned());
                let booking = Some(said.booking_id.clone());
                return Ok(Err(Outcome::Done { state: "ignored", reason, changes: Vec::new(), booking }));
            }
            Received::Overtaken => {}
        }
    }
    for said in &payments {
        match payment_links::receive(uow, said).await? {
            Received::Written(one) => written.push(one),
            Received::Missing(reason) => return Ok(Err(missing(reason))),
            Received::Overtaken => {}
        }
    }
    for said in &links {
        match payment_links::receive_link(uow, said).await? {
            Received::Written(one) => written.push(one),
            Received::Missing(reason) => return Ok(Err(missing(reason))),
            Received::Overtaken => {}
        }
    }
    for said in &statuses {
        match messages::receive(uow, said).await? {
            Received::Written(one) => written.push(one),
            Received::Missing(reason) => return Ok(Err(missing(reason))),
            Received::Overtaken => {}
        }
    }
    if !statuses.is_empty() && written.is_empty() {
        let reason = Some("no message was sent under this id".to_owned());
        return Ok(Err(Outcome::Done { state: "ignored", reason, changes: Vec::new(), booking: None }));
    }
    if let Some(id) = form_of {
        match documents::receive(uow, &id, forms).await? {
            Received::Written(one) => written.push(one),
            Received::Missing(reason) => return Ok(Err(missing(reason))),
            Received::Overtaken => {}
        }
    }
    Ok(Ok(written))
}

fn missing(reason: &'static str) -> Outcome {
    Outcome::Later { at_last: "given_up", reason: Some(reason.to_owned()), changes: Vec::new() }
}

/// All messages of a group that are kept, as one.
async fn folded(uow: &mut UnitOfWork, group: &Group) -> Result<Result<Folded, &'static str>> {
    let kept = sqlx::query_as!(
        Kept,
        r#"select i.message_id as "message_id: InboxMessageId",
                  i.endpoint_id as "endpoint_id: InboundEndpointId",
                  i.key,
                  i.body as "body!",
                  i.said_at,
                  i.received_at
           from internal.inbox i
           join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
           where i.subject = $1
             and i.body is not null
             and e.source = $2
             and e.mode = $3
             and (not e.paused or i.due_at is null)
           order by i.message_id"#,
        group.subject,
        group.source.as_str(),
        group.mode.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    let mut placed: Vec<Placed> = Vec::new();
    for Kept { message_id, endpoint_id, key, body, said_at, received_at } in kept {
        let Some(body) = uow.app().seals.inbox.open(&context(endpoint_id, &key), &body) else {
            tracing::warn!(%message_id, "a message was sealed with a secret that the server has no more");
            return Ok(Err("it was sealed with a secret that the server has no more"));
        };
        // Of one service, several endpoints may have the same.
        if let Ok(message) = sources::read(group.source, &body)
            && !placed.iter().any(|known| known.key == key)
        {
            placed.push(Placed { said_at: said_at.unwrap_or(received_at), key, message });
        }
    }
    Ok(Ok(fold(placed)))
}

/// The columns in which a row differs, with their values where these are nobody's.
fn differences(row: &RowChange) -> Vec<Value> {
    let Some(before) = &row.before else {
        return vec![json!({ "table": row.table, "column": null, "received": null, "stored": null })];
    };
    let columns = row.after.as_object().into_iter().flatten();
    columns
        .filter(|(column, after)| !WRITTEN_AT.contains(&column.as_str()) && !is_same(&before[column.as_str()], after))
        .map(|(column, after)| {
            let shown = |value: &Value| if SHOWN.contains(&column.as_str()) { value.clone() } else { Value::Null };
            json!({
                "table": row.table,
                "column": column,
                "received": shown(after),
                "stored": shown(&before[column.as_str()]),
            })
        })
        .collect()
}

/// Numbers are the same whatever their decimals.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| (one - other).abs() < 1e-6)
}

fn columns(changes: &[Value]) -> Vec<String> {
    let named = changes.iter().map(|change| {
        let text = |name: &str| change[name].as_str().unwrap_or("new").to_owned();
        format!("{}.{}", text("table"), text("column"))
    });
    named.collect()
}

/// Notes what became of messages that wait, beside their effects; returns the word.
async fn settle(app: &App, group: &Group, outcome: &Outcome) -> Result<&'static str> {
    let (state, at_last, reason, changes, booking) = match outcome {
        Outcome::Done { state, reason, changes, booking } => (Some(*state), *state, reason, changes, booking.as_ref()),
        Outcome::Later { at_last, reason, changes } => (None, *at_last, reason, changes, None),
        Outcome::Nothing => return Ok("nothing"),
    };
    let mut db = app.db.system_transaction().await?;
    let ended = sqlx::query_scalar!(
        r#"update internal.inbox i
           set state = coalesce($4::text, case when i.tries + 1 >= $6 then $5::text else 'waiting' end),
               reason = $7,
               differences = $8,
               booking_id = coalesce($9, i.booking_id),
               body = case when $4::text = 'erased' then null else i.body end,
               tries = i.tries + 1,
               due_at = case
                   when $4::text is null and i.tries + 1 < $6 then now() + interval '250 ms' * 2 ^ (i.tries + 1)
               end,
               done_at = case when $4::text is not null or i.tries + 1 >= $6 then $10::timestamptz end
           from internal.inbound_endpoints e
           where e.endpoint_id = i.endpoint_id
             and i.subject = $1
             and i.due_at is not null
             and e.source = $2
             and e.mode = $3
             and not e.paused
           returning i.due_at is null as "ended!""#,
        group.subject,
        group.source.as_str(),
        group.mode.as_str(),
        state,
        at_last,
        TRIES,
        reason.as_deref(),
        Value::from(changes.clone()),
        booking.map(BookingId::as_str),
        app.clock.now(),
    )
    .fetch_all(&mut *db)
    .await?;
    db.commit().await?;
    Ok(if ended.iter().any(|ended| *ended) { at_last } else { "again" })
}
