//! Sends what is due. A message is in the hand of one instance at a time: it is `sending`, on a lease, before the service is asked,
//! and outside any transaction while it is.

use std::{mem, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    campaign,
    content::Content,
    hours, mail, reminders,
    service::Attempt,
    subject::{Address, Reason, Subject},
    tell, unsubscribe, whatsapp,
};
use crate::{
    app::state::App,
    db::deadline::{STEP, within},
    domain::{
        ids::{BookingId, BookingRequestId, MessageId},
        status::{Channel, MessageKind},
    },
    error::Result,
    http::metrics::{MESSAGES_OLDEST, MESSAGES_SENT, MESSAGES_UNCLEAR},
};

/// How often it is looked for what is due, besides when something is written.
const EVERY: Duration = Duration::from_secs(15);
/// How many are sent at once.
const BATCH: i64 = 8;
/// How long an instance may have a message in hand: longer than a service may take.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(2);
/// How often one is tried: the last time about eleven hours after the first.
const TRIES: i32 = 10;
/// The pause after the first refusal; each is twice as long as the one before, up to the longest.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST: TimeDelta = TimeDelta::hours(4);

/// A message in hand.
struct InHand {
    message_id: MessageId,
    tries: i32,
    created_at: DateTime<Utc>,
    zone_name: Option<String>,
    start_at: Option<DateTime<Utc>>,
    address: Address,
    campaign: String,
    content: Content,
}

/// Sends what is due until `stop`; a failure of the database is tried again. Ends at once where nothing is sent.
pub async fn run(app: App, stop: CancellationToken) {
    if !app.messaging.sends_any() {
        return;
    }
    let mut failed = false;
    loop {
        match send_due(&app, &stop).await {
            Ok(()) => failed = false,
            Err(error) if !mem::replace(&mut failed, true) => {
                tracing::warn!(%error, "messages could not be worked; it will be tried again");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.messages_woken.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Writes the reminders that are near, and sends all that is due.
///
/// # Errors
///
/// If the database is away.
pub async fn send_due(app: &App, stop: &CancellationToken) -> Result<()> {
    within(STEP, reminders::arm(app)).await?;
    within(STEP, give_up_leases(app)).await?;
    while !stop.is_cancelled() {
        let (in_hand, is_more) = within(STEP, take_some(app)).await?;
        let sent = join_all(in_hand.into_iter().map(|message| send(app, message))).await;
        sent.into_iter().collect::<Result<()>>()?;
        if !is_more {
            break;
        }
    }
    within(STEP, measure(app)).await
}

/// Messages whose instance ended while it had them in hand: nobody knows whether they were sent.
async fn give_up_leases(app: &App) -> Result<()> {
    let mut tx = app.db.system_transaction().await?;
    sqlx::query!(
        "update internal.messages
         set state = 'unclear',
             reason = $2,
             leased_until = null,
             done_at = $1
         where leased_until < $1",
        app.clock.now(),
        Reason::Interrupted.as_str(),
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Takes some messages in hand; those that do not hold any more are closed. Returns whether there are more.
async fn take_some(app: &App) -> Result<(Vec<InHand>, bool)> {
    let now = app.clock.now();
    let mut tx = app.db.system_transaction().await?;
    let due = sqlx::query!(
        r#"select message_id as "message_id: MessageId",
                  kind as "kind: MessageKind",
                  booking_id as "booking_id: BookingId",
                  request_id as "request_id: BookingRequestId",
                  start_at,
                  link,
                  tries,
                  created_at
           from internal.messages
           where due_at <= $1
           order by due_at, message_id
           limit $2
           for update skip locked"#,
        now,
        BATCH,
    )
    .fetch_all(&mut *tx)
    .await?;
    let is_more = i64::try_from(due.len()).is_ok_and(|found| found == BATCH);
    let mut in_hand = Vec::new();
    for one in due {
        let (booking, request) = (one.booking_id.as_ref(), one.request_id);
        let subject = Subject::read(&mut tx, booking, request).await?;
        let allowed = hours::due(subject.zone(app.zone), now, now, one.start_at);
        let link = tell::open(app, booking, request, one.link.as_deref());
        let checked = subject
            .address(one.kind, one.start_at, now, &app.messaging)
            .and_then(|address| Ok((address, Content::new(one.kind, &subject, link, app.zone)?)));
        let campaign = match &checked {
            Ok((Address::Whatsapp(_), _)) => campaign::find(&mut tx, one.kind, &subject).await?,
            _ => Some(String::new()),
        };
        let checked = checked.and_then(|found| Ok((found, campaign.ok_or(Reason::NoCampaign)?)));
        match checked {
            Err(reason) => {
                sqlx::query!(
                    "update internal.messages
                     set state = 'not_sent', reason = $2, due_at = null, done_at = $3
                     where message_id = $1",
                    one.message_id.0,
                    reason.as_str(),
                    now,
                )
                .execute(&mut *tx)
                .await?;
                metrics::counter!(MESSAGES_SENT, "channel" => "none", "outcome" => "not_sent").increment(1);
            }
            // It was to go by day, and the server was away.
            Ok(_) if allowed > now => {
                sqlx::query!(
                    "update internal.messages set due_at = $2 where message_id = $1",
                    one.message_id.0,
                    allowed
                )
                .execute(&mut *tx)
                .await?;
            }
            Ok(((address, content), campaign)) => {
                sqlx::query!(
                    "update internal.messages
                     set state = 'sending',
                         channel = $2,
                         reason = null,
                         answer = null,
                         tries = tries + 1,
                         due_at = null,
                         leased_until = $3
                     where message_id = $1",
                    one.message_id.0,
                    address.channel().as_str(),
                    now + LEASE,
                )
                .execute(&mut *tx)
                .await?;
                let client = subject.client_id.as_deref().filter(|_| address.channel() == Channel::Email);
                let unsubscribe = client.and_then(|client| unsubscribe::link(app, client, Channel::Email));
                in_hand.push(InHand {
                    message_id: one.message_id,
                    tries: one.tries + 1,
                    created_at: one.created_at,
                    zone_name: subject.time_zone,
                    start_at: one.start_at,
                    address,
                    campaign,
                    content: content.ended_by(unsubscribe),
                });
            }
        }
    }
    tx.commit().await?;
    Ok((in_hand, is_more))
}

/// Sends one, and writes down what became of it.
async fn send(app: &App, message: InHand) -> Result<()> {
    let id = format!("safestories.{}.{}", message.message_id, message.created_at.timestamp_micros());
    let attempt = attempt(app, &id, &message.address, &message.campaign, &message.content).await;
    let now = app.clock.now();
    let (state, reason, answer, service_id) = match attempt {
        Attempt::Taken(service_id) => ("sent", None, None, service_id),
        Attempt::Refused(answer) if message.tries >= TRIES => ("failed", Some(Reason::GivenUp), Some(answer), None),
        Attempt::Refused(answer) => ("waiting", Some(Reason::Refused), Some(answer), None),
        Attempt::Unclear(answer) => ("unclear", Some(Reason::NoAnswer), Some(answer), None),
    };
    let pause = (PAUSE * 2_i32.pow(u32::try_from(message.tries - 1).unwrap_or_default().min(9))).min(LONGEST);
    let again =
        (state == "waiting").then(|| tell::at_once(app, message.zone_name.as_deref(), now + pause, message.start_at));
    let mut tx = app.db.system_transaction().await?;
    sqlx::query!(
        "update internal.messages
         set state = $2,
             reason = $3,
             answer = $4,
             service_id = $5,
             due_at = $6::timestamptz,
             leased_until = null,
             done_at = case when $6 is null then $7::timestamptz end
         where message_id = $1
           and state = 'sending'",
        message.message_id.0,
        state,
        reason.map(Reason::as_str),
        answer,
        service_id,
        again,
        now,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    let outcome = if state == "waiting" { "refused" } else { state };
    let channel = message.address.channel().as_str();
    metrics::counter!(MESSAGES_SENT, "channel" => channel, "outcome" => outcome).increment(1);
    Ok(())
}

/// Hands a message to its service.
pub(super) async fn attempt(app: &App, id: &str, address: &Address, campaign: &str, content: &Content) -> Attempt {
    match (address, &app.messaging.whatsapp, &app.messaging.mail) {
        (Address::Whatsapp(phone), Some(account), _) => whatsapp::send(app, account, campaign, phone, content).await,
        (Address::Email(email), _, Some(server)) => mail::send(server, id, email, content).await,
        _ => Attempt::Refused("no service is configured for this channel".to_owned()),
    }
}

/// How long the oldest message has been due, and how many wait for a person.
async fn measure(app: &App) -> Result<()> {
    let standing = sqlx::query!(
        r#"select (select min(due_at) from internal.messages where due_at is not null) as oldest,
                  (select count(*) from internal.messages where state = 'unclear') as "unclear!""#,
    )
    .fetch_one(&mut *app.db.unscoped().await?)
    .await?;
    let age = standing.oldest.and_then(|oldest| (app.clock.now() - oldest).to_std().ok()).unwrap_or(Duration::ZERO);
    metrics::gauge!(MESSAGES_OLDEST).set(age.as_secs_f64());
    metrics::gauge!(MESSAGES_UNCLEAR).set(f64::from(u32::try_from(standing.unclear).unwrap_or(u32::MAX)));
    Ok(())
}
