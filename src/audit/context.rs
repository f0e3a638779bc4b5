//! The audit context of a request: the actor, the address and the request id.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use uuid::Uuid;

use crate::domain::{ids::UserId, status::UserRole};

/// The acting user, as audit entries name them.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The account.
    pub user_id: UserId,
    /// Its role at the time.
    pub role: UserRole,
    /// Through which login.
    pub session_id: Option<Uuid>,
}

/// The request a change belongs to.
#[derive(Clone, Debug)]
pub struct AuditContext {
    /// Found in logs and answers too.
    pub request_id: Arc<str>,
    /// The method and the template of the path.
    pub route: Arc<str>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The `Idempotency-Key`, if it carries one.
    pub idempotency_key: Option<Arc<str>>,
    /// The HMACs of target and body that recognise a repeat, where the request has a key: the first is stored.
    pub fingerprints: Arc<[Vec<u8>]>,
    /// The user who sent it, if anybody is logged in.
    pub actor: Option<Actor>,
    settled: Arc<AtomicBool>,
}

impl AuditContext {
    /// The audit context of work without a request: the command line, background tasks.
    pub fn of_task(name: &str) -> Self {
        Self {
            request_id: Uuid::now_v7().to_string().into(),
            route: name.into(),
            address: None,
            idempotency_key: None,
            fingerprints: Arc::default(),
            actor: None,
            settled: Arc::default(),
        }
    }

    /// The context of a request.
    pub(crate) fn of_request(
        request_id: Arc<str>,
        route: Arc<str>,
        address: Option<IpAddr>,
        idempotency_key: Option<Arc<str>>,
        actor: Option<Actor>,
    ) -> Self {
        Self {
            request_id,
            route,
            address,
            idempotency_key,
            fingerprints: Arc::default(),
            actor,
            settled: Arc::default(),
        }
    }

    /// Who acts without a request, at the beginning of a sentence: the name of the task.
    pub fn doer(&self) -> String {
        let mut letters = self.route.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    }

    /// That of other work for the same request, which is settled by itself.
    pub(crate) fn beside(&self) -> Self {
        Self { idempotency_key: None, settled: Arc::default(), ..self.clone() }
    }

    /// Notes that nothing more is to be written: the entries are committed, or there are to be none.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }
}
