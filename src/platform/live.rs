//! Which sessions have ended although their access tokens are still valid, known on every instance within a second.
//!
//! Ending a session notifies (`pg_notify`, in its transaction) and every instance listens. A listener cannot know that
//! it hears nothing because nothing happened, so it makes a round trip on its connection several times a second: an
//! answer proves that everything notified before has arrived. While that proof is older than a second the guard asks
//! the database instead ([`EndedSessions::knows`]).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::app::App;

/// The channel on which ended sessions are named, one id a message.
pub const CHANNEL: &str = "safestories_ended_sessions";

/// How often the listener proves that it hears.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// How old its last proof may be.
const TRUSTED: Duration = Duration::from_secs(1);
/// An ended session is remembered for as long as a token may outlive it, and a little.
const REMEMBERED: Duration = Duration::from_mins(20);

/// The sessions that ended lately.
#[derive(Debug, Default)]
pub struct EndedSessions(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    ended: HashMap<Uuid, Instant>,
    /// Up to when everything has been heard.
    until: Option<Instant>,
}

impl EndedSessions {
    /// Whether `session` has ended; `None` when only the database knows.
    #[must_use]
    pub fn knows(&self, session: Uuid) -> Option<bool> {
        let heard = self.heard();
        if heard.ended.contains_key(&session) {
            return Some(true);
        }
        heard.until.is_some_and(|until| until.elapsed() < TRUSTED).then_some(false)
    }

    pub(super) fn add(&self, sessions: impl IntoIterator<Item = Uuid>) {
        let now = Instant::now();
        let mut heard = self.heard();
        heard.ended.extend(sessions.into_iter().map(|session| (session, now)));
        heard.ended.retain(|_, at| at.elapsed() < REMEMBERED);
    }

    fn heard_until(&self, at: Instant) {
        self.heard().until = Some(at);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens until `stop`; reconnects for ever.
pub async fn listen(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = listen_once(&app) => outcome,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the session listener lost its connection; sessions are checked by query");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

async fn listen_once(app: &App) -> sqlx::Result<()> {
    let mut listener = app.db.listener().await?;
    listener.listen(CHANNEL).await?;
    // What ended before the LISTEN took hold is in the table.
    let since = app.clock.now() - TimeDelta::from_std(REMEMBERED).unwrap_or_default();
    let missed = sqlx::query_scalar!("select session_id from internal.sessions where ended_at > $1", since)
        .fetch_all(&mut listener)
        .await?;
    app.ended.add(missed);
    loop {
        let asked = Instant::now();
        sqlx::query!("select 1 as answer").fetch_one(&mut listener).await?;
        while let Some(notification) = listener.next_buffered() {
            app.ended.add(notification.payload().parse::<Uuid>());
        }
        app.ended.heard_until(asked);
        match tokio::time::timeout(HEARTBEAT, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => app.ended.add(notification.payload().parse::<Uuid>()),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
    }
}
