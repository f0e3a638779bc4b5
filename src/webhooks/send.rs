//! Sends deliveries that are due.
//!
//! An endpoint is worked by one task of an instance at a time, a few deliveries at once, so that a slow one holds up nobody else.
//! A delivery is claimed by setting when it is due again: beyond the time that an attempt may take. Nothing is sent inside a
//! transaction.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{hmac, rand};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{endpoints::context, event::Event};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    db::deadline::{STEP, within},
    domain::ids::{OutboundEndpointId, WebhookDeliveryId},
    error::Result,
    http::metrics::{WEBHOOK_ATTEMPTS, WEBHOOK_OLDEST},
    notifications::{Notice, NotificationKind, Recipient, notify},
};

/// How long an attempt may take.
const WITHIN: Duration = Duration::from_secs(15);
/// When a delivery that was claimed is due again: its process died.
const CLAIM: TimeDelta = TimeDelta::seconds(60);
/// How many deliveries of an endpoint are sent at once.
const AT_ONCE: i64 = 8;
/// How long after an attempt the next one is, in seconds; after the last one there is none.
const DELAYS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// The longest that a receiver may have an attempt put off.
const LONGEST: TimeDelta = TimeDelta::days(1);
/// After how long of failures nothing more is sent.
const FAILING: TimeDelta = TimeDelta::days(5);
/// How much of an answer is read, so that the connection can be used again.
const ANSWER: usize = 16 * 1024;
/// How often deliveries are looked for, at the least and at the most: longer while there is nothing.
const POLL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// A delivery that was claimed.
struct Claimed {
    delivery_id: WebhookDeliveryId,
    webhook_id: String,
    attempts: i32,
    event: Event,
}

/// What came of an attempt.
struct Outcome {
    status: Option<StatusCode>,
    /// None: the receiver took it.
    error: Option<String>,
    /// Not before then.
    put_off: Option<DateTime<Utc>>,
}

/// Sends what is due until `stop`; a failure is tried again.
pub async fn run(app: App, stop: CancellationToken) {
    let working = Arc::new(Mutex::new(HashSet::new()));
    let tasks = TaskTracker::new();
    let (mut pause, mut failed) = (POLL.0, false);
    while !stop.is_cancelled() {
        match within(STEP, look(&app, &working, &tasks, &stop)).await {
            Ok(found) => {
                failed = false;
                pause = if found { POLL.0 } else { POLL.1.min(pause * 2) };
            }
            Err(error) => {
                pause = POLL.1;
                // Said once while it lasts: the database is away, say.
                if !mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "webhooks could not be looked for; it will be tried again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.webhooks.notified() => pause = POLL.0,
            () = tokio::time::sleep(pause) => {}
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Starts a task for each endpoint that has something due and none at it; returns whether there was any.
async fn look(
    app: &App,
    working: &Arc<Mutex<HashSet<OutboundEndpointId>>>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<bool> {
    let due = due(app).await?;
    for id in &due {
        let id = *id;
        if !working.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            continue;
        }
        let (app, working, stop) = (app.clone(), working.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = drain(&app, id, &stop).await {
                tracing::warn!(endpoint = %id, %error, "webhooks could not be sent; it will be tried again");
            }
            working.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }
    Ok(!due.is_empty())
}

/// Sends all that is due now, one endpoint after the other: for tests.
///
/// # Errors
///
/// If the database is away.
pub async fn send_all(app: &App) -> Result<()> {
    let drained = due(app).await?.into_iter().map(async |id| drain(app, id, &CancellationToken::new()).await);
    join_all(drained).await.into_iter().collect()
}

/// The endpoints that have something due; and measures how long the oldest has waited.
async fn due(app: &App) -> Result<Vec<OutboundEndpointId>> {
    let now = app.clock.now();
    let due = sqlx::query!(
        r#"select e.endpoint_id as "endpoint_id: OutboundEndpointId", d.occurred_at
           from internal.outbound_endpoints e
           cross join lateral (
               select d.occurred_at
               from internal.webhook_deliveries d
               where d.endpoint_id = e.endpoint_id
                 and d.due_at <= $1
               order by d.due_at, d.delivery_id
               limit 1
           ) d
           where e.deleted_at is null
             and e.disabled_at is null
             and not e.paused"#,
        now,
    )
    .fetch_all(&mut *app.db.unscoped().await?)
    .await?;
    let oldest = due.iter().map(|one| one.occurred_at).min();
    let age = oldest.and_then(|oldest| (now - oldest).to_std().ok()).unwrap_or(Duration::ZERO);
    metrics::gauge!(WEBHOOK_OLDEST).set(age.as_secs_f64());
    Ok(due.into_iter().map(|one| one.endpoint_id).collect())
}

/// Sends what is due to an endpoint, until nothing is.
async fn drain(app: &App, id: OutboundEndpointId, stop: &CancellationToken) -> Result<()> {
    while !stop.is_cancelled() {
        let Some((url, keys, claimed)) = within(STEP, claim(app, id)).await? else { break };
        let sent = claimed.iter().map(async |one| attempt(app, &url, &keys, one).await);
        let outcomes = join_all(sent).await;
        let is_gone = outcomes.iter().any(|outcome| outcome.status == Some(StatusCode::GONE));
        within(STEP, settle(app, id, &claimed, &outcomes)).await?;
        if within(STEP, disable(app, id, is_gone)).await? {
            break;
        }
    }
    Ok(())
}

/// Claims deliveries of an endpoint, with what they need; none where none is due.
async fn claim(app: &App, id: OutboundEndpointId) -> Result<Option<(String, Vec<hmac::Key>, Vec<Claimed>)>> {
    let mut db = app.db.system_transaction().await?;
    let now = app.clock.now();
    let endpoint = sqlx::query!(
        r#"select e.url, array(
                      select s.sealed from internal.outbound_secrets s where s.endpoint_id = $1 order by s.secret_id desc
                  ) as "secrets!"
           from internal.outbound_endpoints e
           where e.endpoint_id = $1
             and e.deleted_at is null
             and e.disabled_at is null
             and not e.paused"#,
        id.0,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(endpoint) = endpoint else { return Ok(None) };
    let rows = sqlx::query!(
        r#"update internal.webhook_deliveries d
           set due_at = $2, attempts = d.attempts + 1, last_at = $3
           from (
               select delivery_id
               from internal.webhook_deliveries
               where endpoint_id = $1
                 and due_at <= $3
               order by due_at, delivery_id
               limit $4
               for no key update skip locked
           ) due
           where d.delivery_id = due.delivery_id
           returning d.delivery_id as "delivery_id: WebhookDeliveryId", d.webhook_id, d.attempts, d.event_type, d.version, d.ids,
                     d.changed, d.occurred_at"#,
        id.0,
        now + CLAIM,
        now,
        AT_ONCE,
    )
    .fetch_all(&mut *db)
    .await?;
    db.commit().await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let opened = endpoint.secrets.iter().filter_map(|sealed| app.seals.webhooks.open(&context(id), sealed));
    let keys = opened.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key)).collect();
    let claimed = rows.into_iter().map(|row| Claimed {
        delivery_id: row.delivery_id,
        webhook_id: row.webhook_id,
        attempts: row.attempts,
        event: Event {
            event_type: row.event_type,
            version: row.version,
            ids: row.ids,
            changed: row.changed,
            occurred_at: row.occurred_at,
        },
    });
    Ok(Some((endpoint.url, keys, claimed.collect())))
}

/// The signatures of an attempt, one for each key.
fn signatures(keys: &[hmac::Key], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let signatures = keys.iter().map(|key| format!("v1,{}", BASE64.encode(hmac::sign(key, &signed))));
    signatures.collect::<Vec<_>>().join(" ")
}

/// Sends a delivery.
async fn attempt(app: &App, url: &str, keys: &[hmac::Key], claimed: &Claimed) -> Outcome {
    let failed = |error: String| Outcome { status: None, error: Some(error), put_off: None };
    if keys.is_empty() {
        return failed("the secret was sealed with a key that the server has no more: rotate it".to_owned());
    }
    let body = claimed.event.body();
    let now = app.clock.now();
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &claimed.webhook_id)
        .header("webhook-timestamp", now.timestamp())
        .header("webhook-signature", signatures(keys, &claimed.webhook_id, now.timestamp(), &body))
        .body(body);
    let Ok(request) = request else { return failed("the address is no URL".to_owned()) };
    match app.outgoing.entered.send(request, WITHIN).await {
        Err(failure) => failed(failure.to_string()),
        Ok(answer) => {
            let status = answer.status;
            let put_off = retry_after(&answer.headers, now);
            // A body that is long, or does not come, changes nothing.
            let _ = answer.body(ANSWER).await;
            let error = (!status.is_success()).then(|| format!("the receiver answered {}", status.as_u16()));
            Outcome { status: Some(status), error, put_off }
        }
    }
}

/// When the receiver wants the next attempt: in seconds, or at a time.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let at = match text.parse::<i64>() {
        Ok(seconds) => now + TimeDelta::seconds(seconds.clamp(0, LONGEST.num_seconds())),
        Err(_) => DateTime::parse_from_rfc2822(text).ok()?.to_utc(),
    };
    Some(at.min(now + LONGEST))
}

/// When a delivery is sent again after an attempt, up to a fifth later; none after the last one.
fn next(attempts: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let delay = DELAYS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    let mut byte = [0];
    // Without randomness there is no jitter.
    let _ = rand::fill(&mut byte);
    let jitter = delay * 1000 / 5 * i64::from(byte[0]) / 255;
    Some(now + TimeDelta::seconds(*delay) + TimeDelta::milliseconds(jitter))
}

/// Notes what came of attempts. One that took so long that another began says nothing any more.
async fn settle(app: &App, id: OutboundEndpointId, claimed: &[Claimed], outcomes: &[Outcome]) -> Result<()> {
    let now = app.clock.now();
    let mut db = app.db.system_transaction().await?;
    for (one, outcome) in claimed.iter().zip(outcomes) {
        let is_taken = outcome.error.is_none();
        let again = if is_taken {
            None
        } else {
            next(one.attempts, now).map(|at| outcome.put_off.map_or(at, |off| at.max(off)))
        };
        let state = match (is_taken, again) {
            (true, _) => "delivered",
            (false, Some(_)) => "waiting",
            (false, None) => "failed",
        };
        sqlx::query!(
            "update internal.webhook_deliveries
             set state = $3, due_at = $4, last_status = $5, last_error = $6
             where delivery_id = $1
               and attempts = $2
               and state = 'waiting'",
            one.delivery_id.0,
            one.attempts,
            state,
            again,
            outcome.status.map(|status| i32::from(status.as_u16())),
            outcome.error,
        )
        .execute(&mut *db)
        .await?;
        let outcome = if is_taken {
            "delivered"
        } else if again.is_some() {
            "again"
        } else {
            "failed"
        };
        metrics::counter!(WEBHOOK_ATTEMPTS, "outcome" => outcome).increment(1);
    }
    let any_taken = outcomes.iter().any(|outcome| outcome.error.is_none());
    sqlx::query!(
        "update internal.outbound_endpoints
         set failing_since = case when $2 then null else $3::timestamptz end
         where endpoint_id = $1
           and (failing_since is null) <> $2",
        id.0,
        any_taken,
        now,
    )
    .execute(&mut *db)
    .await?;
    db.commit().await
}

/// Ends sending to an endpoint that is gone, or has failed for five days, and tells the admins; returns whether it did.
async fn disable(app: &App, id: OutboundEndpointId, is_gone: bool) -> Result<bool> {
    let now = app.clock.now();
    let failing_since =
        sqlx::query_scalar!("select failing_since from internal.outbound_endpoints where endpoint_id = $1", id.0)
            .fetch_optional(&mut *app.db.unscoped().await?)
            .await?
            .flatten();
    if !is_gone && failing_since.is_none_or(|since| now - since < FAILING) {
        return Ok(false);
    }
    Work::of_task(app, "webhooks")
        .run_if_needed(async |uow| {
            let reason = if is_gone { "gone" } else { "failing" };
            let name = sqlx::query_scalar!(
                "update internal.outbound_endpoints
                 set disabled_at = $2, disabled_for = $3
                 where endpoint_id = $1
                   and disabled_at is null
                   and deleted_at is null
                 returning name",
                id.0,
                now,
                reason,
            )
            .fetch_optional(uow.db())
            .await?;
            let Some(name) = name else { return Ok(()) };
            let why = if is_gone {
                "its receiver answered that it is gone (410)"
            } else {
                "every attempt has failed for five days"
            };
            let message =
                format!("Nothing more is sent to the webhook endpoint {name}: {why}. Its events are kept for 30 days.");
            uow.record(Entry::new("webhook_endpoint_disable", message.clone()).on("outbound_endpoint", id));
            let title = "A webhook endpoint was disabled";
            let id = id.to_string();
            let kind = NotificationKind::WebhookDisabled;
            notify(uow, Notice { kind, title, message: &message, related_id: Some(&id), to: &[Recipient::EveryAdmin] })
                .await
        })
        .await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of the reference implementations.
        let key = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let keys = [hmac::Key::new(hmac::HMAC_SHA256, &key)];
        let signed = signatures(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn attempts_are_put_off_as_the_receiver_asks() {
        let now = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
        let after = |text: &str| {
            let headers = [(header::RETRY_AFTER, text.parse().unwrap())].into_iter().collect();
            retry_after(&headers, now).map(|at| (at - now).num_seconds())
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("99999999999"), Some(86_400));
        assert_eq!(after("Mon, 02 Feb 2026 02:41:20 GMT"), Some(80));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn ten_attempts_are_made_over_three_days() {
        let now = DateTime::UNIX_EPOCH;
        let delays: Vec<_> = (1..=10).map(|attempts| next(attempts, now).map(|at| (at - now).num_seconds())).collect();
        assert_eq!(delays[9], None);
        for (delay, least) in delays.iter().flatten().zip(DELAYS) {
            assert!((least..=least * 6 / 5).contains(delay), "{delay} after {least}");
        }
    }
}
