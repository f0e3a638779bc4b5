//! Listens to notifications between instances: sessions that were changed while their access tokens are still valid, and new
//! events for the open streams. One connection per instance listens for both.
//!
//! A trigger notifies of a session that ends or is deleted, whoever does it, and every instance listens: it trusts the session
//! no longer, and looks it up so that its open streams end too. Silence may mean a lost connection, so the listener makes a round trip on its connection several times a second: an answer proves that all
//! earlier notifications have arrived. The proof holds only where notifications arrive at all: not through a pooler in
//! transaction mode, nor in another database. So each new connection first waits, without a query of its own, for a
//! notification sent on a connection of the requests' pool. While the last proof is older than a second the guard asks
//! the database instead ([`Sessions::is_alive`](super::sessions::Sessions::is_alive)); and so that open streams end too, the
//! sessions that ended are looked up twice a second meanwhile.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::{PgListener, PgNotification};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{sessions::REMEMBERED, state::App};
use crate::{
    db::deadline::{ANSWER, within},
    error::{Error, Result},
};

/// The channel on which changed sessions are named, one id a message (`internal.tell_of_session`).
pub const CHANNEL: &str = "safestories_sessions";
/// The channel that announces new events for open streams, without a payload.
pub const NEWS: &str = "safestories_news";
/// The channel that announces messages to clients, without a payload.
pub const MESSAGES: &str = "safestories_messages";

/// The channel that says that events are to be sent, without a payload (`internal.publish`).
pub const WEBHOOKS: &str = "safestories_webhooks";

/// The channel on which a listener is tried.
const TRIAL: &str = "safestories_trial";

/// How often the listener proves that its connection works.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// A connection that gives no answer for so long is lost.
const LOST: Duration = Duration::from_secs(2);
/// How long the test notification of a new connection may take to arrive.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(2);
/// When it is tried again after it lost its connection.
const AGAIN: Duration = Duration::from_secs(1);
/// How often the LISTEN is tried again where no notification arrives: seldom, since each LISTEN through a pooler leaves
/// a server connection that receives notifications its next user does not expect.
const RETRY_STALE: Duration = Duration::from_mins(5);
/// How often ended sessions are looked up while the listener is not current.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Listens until `stop`; reconnects forever.
pub async fn listen(app: App, stop: CancellationToken) {
    tokio::join!(keep_listening(&app, &stop), stop.run_until_cancelled(look_up_meanwhile(&app)));
}

/// Looks up ended sessions while the listener is not current.
async fn look_up_meanwhile(app: &App) {
    loop {
        tokio::time::sleep(LOOK_UP).await;
        if !app.sessions.is_current()
            && let Err(error) = within(ANSWER, look_up(app)).await
        {
            tracing::debug!(%error, "the ended sessions cannot be looked up");
        }
    }
}

async fn look_up(app: &App) -> Result<()> {
    let mut db = app.db.unscoped().await?;
    let ended = sqlx::query_scalar!("select session_id from internal.sessions where ended_at > $1", horizon(app))
        .fetch_all(&mut *db)
        .await?;
    app.sessions.add_ended(ended);
    Ok(())
}

/// Since when ended sessions may still have tokens that have not.
fn horizon(app: &App) -> DateTime<Utc> {
    app.clock.now() - TimeDelta::from_std(REMEMBERED).unwrap_or_default()
}

/// The reason why an instance receives no notifications.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the session listener lost its connection: {0}")]
    Connection(#[from] sqlx::Error),
    #[error("the session listener cannot be tried: {0}")]
    Untried(#[from] Error),
    #[error(
        "notifications do not arrive: SAFESTORIES_DIRECT_DATABASE_URL has to lead to the same database, past a \
         PgBouncer in transaction mode"
    )]
    Stale,
}

async fn keep_listening(app: &App, stop: &CancellationToken) {
    let mut warned = false;
    while !stop.is_cancelled() {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = listen_once(app, &mut warned) => outcome,
        };
        let mut pause = AGAIN;
        if let Err(error) = outcome {
            if matches!(error, Lost::Stale) {
                pause = RETRY_STALE;
            }
            if !std::mem::replace(&mut warned, true) {
                tracing::warn!("{error}; sessions are checked by query");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn listen_once(app: &App, warned: &mut bool) -> Result<(), Lost> {
    let mut listener = app.db.listener().await?;
    within(ANSWER, listener.listen_all([CHANNEL, NEWS, WEBHOOKS, MESSAGES, TRIAL])).await?;
    if !receives_from_others(app, &mut listener).await? {
        return Err(Lost::Stale);
    }
    *warned = false;
    // Sessions that ended before the LISTEN took effect are in the table.
    let missed = sqlx::query_scalar!("select session_id from internal.sessions where ended_at > $1", horizon(app))
        .fetch_all(&mut listener);
    app.sessions.add_ended(within(ANSWER, missed).await?);
    app.sessions.forget_alive();
    app.streams.notify();
    loop {
        let asked = Instant::now();
        // Where none was changed, a round trip.
        let over = sqlx::query_scalar!(
            r#"select c.session_id as "session_id!"
               from unnest($1::uuid[]) c (session_id)
               where not exists (
                   select
                   from internal.sessions s
                   where s.session_id = c.session_id
                     and s.ended_at is null
                     and s.expires_at > $2
               )"#,
            &app.sessions.take_changed(),
            app.clock.now(),
        );
        app.sessions.add_ended(within(LOST, over.fetch_all(&mut listener)).await?);
        while let Some(notification) = listener.next_buffered() {
            take(app, &notification);
        }
        app.sessions.current_until(asked);
        match tokio::time::timeout(HEARTBEAT, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => take(app, &notification),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
}

/// Whether a notification sent on another connection arrives. The listener only waits: a pooler would let it receive
/// notifications on the server connection that it has for a statement.
async fn receives_from_others(app: &App, listener: &mut PgListener) -> Result<bool, Lost> {
    let word = Uuid::new_v4().to_string();
    let mut db = app.db.system_transaction().await?;
    sqlx::query!(r#"select pg_notify($1, $2)::text as "told""#, TRIAL, word).fetch_one(&mut *db).await?;
    db.commit().await?;
    let received = async {
        while let Some(notification) = listener.try_recv().await? {
            if notification.channel() == TRIAL && notification.payload() == word {
                return Ok(true);
            }
            take(app, &notification);
        }
        Ok(false)
    };
    tokio::time::timeout(TRIAL_TIMEOUT, received).await.unwrap_or(Ok(false))
}

fn take(app: &App, notification: &PgNotification) {
    match notification.channel() {
        NEWS => app.streams.notify(),
        WEBHOOKS => app.webhooks.notify_one(),
        MESSAGES => app.messages_woken.notify_one(),
        TRIAL => {}
        _ => {
            if let Ok(session) = notification.payload().parse() {
                app.sessions.changed(session);
            }
        }
    }
}
