//! What this instance knows of sessions: which it found alive, and which ended lately while their access tokens are still valid.
//!
//! The first token of a session is checked against the database; further ones are not, until somebody tells that the session
//! was changed, or a quarter of an hour has passed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use uuid::Uuid;

use crate::domain::{
    ids::{TherapistId, UserId},
    status::UserRole,
};

/// How old the last proof that all notifications arrived may be.
const TRUSTED: Duration = Duration::from_secs(1);
/// An ended session is remembered for as long as a token may outlive it, and a little.
pub(super) const REMEMBERED: Duration = Duration::from_mins(20);
/// For how long a session that was found alive is not looked up again: less than one that ended is remembered.
const ALIVE: Duration = Duration::from_mins(15);

/// Whose session it is, and with which rights.
pub type Holder = (UserId, UserRole, Option<TherapistId>);

/// The sessions that this instance knows.
#[derive(Debug, Default)]
pub struct Sessions {
    received: Mutex<Received>,
    /// Changes when another one ends.
    more: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Received {
    ended: HashMap<Uuid, Instant>,
    alive: HashMap<Uuid, (Holder, Instant)>,
    /// Those that were changed, and have to be looked up.
    changed: Vec<Uuid>,
    /// All notifications up to this instant have arrived.
    until: Option<Instant>,
}

impl Sessions {
    /// Whether `session` is known to have ended.
    pub fn has_ended(&self, session: Uuid) -> bool {
        self.received().ended.contains_key(&session)
    }

    /// Whether `session` is known to be alive, and of that holder.
    pub fn is_alive(&self, session: Uuid, holder: &Holder) -> bool {
        let received = self.received();
        received.is_up_to_date()
            && received.alive.get(&session).is_some_and(|(known, at)| known == holder && at.elapsed() < ALIVE)
    }

    /// Whether every notification arrives here within a second.
    pub fn is_current(&self) -> bool {
        self.received().is_up_to_date()
    }

    /// Notifies when another session has ended.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.more.subscribe()
    }

    /// Notes a session that the database has.
    pub fn found_alive(&self, session: Uuid, holder: Holder) {
        let mut received = self.received();
        received.alive.retain(|_, (_, at)| at.elapsed() < ALIVE);
        received.alive.insert(session, (holder, Instant::now()));
    }

    pub(crate) fn add_ended(&self, sessions: impl IntoIterator<Item = Uuid>) {
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

    /// Trusts none any more, since notifications may have been missed.
    pub(super) fn forget_alive(&self) {
        self.received().alive.clear();
    }

    /// Notes that a session was changed: it is looked up before it is trusted again.
    pub(super) fn changed(&self, session: Uuid) {
        let mut received = self.received();
        received.alive.remove(&session);
        received.changed.push(session);
    }

    /// Those that were changed since this was asked last.
    pub(super) fn take_changed(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.received().changed)
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
