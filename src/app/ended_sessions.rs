//! Sessions that ended lately while their access tokens are still valid.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use uuid::Uuid;

/// How old the last proof that all notifications arrived may be.
const TRUSTED: Duration = Duration::from_secs(1);
/// An ended session is remembered for as long as a token may outlive it, and a little.
pub(super) const REMEMBERED: Duration = Duration::from_mins(20);

/// The sessions that ended lately.
#[derive(Debug, Default)]
pub struct EndedSessions {
    received: Mutex<Received>,
    /// Changes when another one ends.
    more: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Received {
    ended: HashMap<Uuid, Instant>,
    /// All notifications up to this instant have arrived.
    until: Option<Instant>,
}

impl EndedSessions {
    /// Whether `session` has ended; `None` when only the database knows.
    pub fn knows(&self, session: Uuid) -> Option<bool> {
        let received = self.received();
        if received.ended.contains_key(&session) {
            return Some(true);
        }
        received.is_up_to_date().then_some(false)
    }

    /// Whether every notification arrives here within a second.
    pub fn is_current(&self) -> bool {
        self.received().is_up_to_date()
    }

    /// Notifies when another session has ended.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.more.subscribe()
    }

    pub(crate) fn add(&self, sessions: impl IntoIterator<Item = Uuid>) {
        let now = Instant::now();
        let mut received = self.received();
        let before = received.ended.len();
        received.ended.extend(sessions.into_iter().map(|session| (session, now)));
        let more = received.ended.len() > before;
        received.ended.retain(|_, at| at.elapsed() < REMEMBERED);
        drop(received);
        if more {
            self.more.send_replace(());
        }
    }

    pub(super) fn current_until(&self, at: Instant) {
        self.received().until = Some(at);
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    fn is_up_to_date(&self) -> bool {
        self.until.is_some_and(|until| until.elapsed() < TRUSTED)
    }
}
