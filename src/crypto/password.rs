//! Passwords: argon2id with OWASP's parameters, off the async threads, in bounded numbers.
//!
//! A hash takes 19 MiB and tens of milliseconds of a core, so a queue bounds them: a flood of logins waits, and is
//! refused (429) when the queue is full, while all other requests are served.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, oneshot};

use crate::error::{Error, Result};

/// The gauge of password hashes running and waiting.
pub(crate) const PASSWORD_QUEUE: &str = "safestories_password_queue";

/// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many hashes are computed at a time.
const PARALLEL: usize = 2;
/// The memory of a hash is on the heap.
const STACK: usize = 256 * 1024;
/// How many may wait for their turn.
const QUEUE: usize = 64;

/// Hashes and checks passwords; cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queues: Arc<Mutex<HashMap<Key, Weak<AsyncMutex<()>>>>>,
    /// The size of a thread's stack.
    stack: usize,
}

/// The key by which attempts are counted: a digest of the account and the address together.
pub type Key = [u8; 32];

/// The turn of one attempt; the next one of its key begins when it is dropped.
#[derive(Debug)]
#[must_use = "the turn ends when it is dropped"]
pub struct Turn(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(PARALLEL)),
            waiting: Arc::default(),
            queues: Arc::default(),
            stack: STACK,
        }
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| Error::Internal(anyhow::anyhow!("argon2 parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Passwords {
    /// The PHC string of `password`, with a salt of its own.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if the queue is full.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || {
            let hash = argon2()?
                .hash_password(password.as_bytes())
                .map_err(|error| Error::Internal(anyhow::anyhow!("argon2: {error}")))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` matches the stored text. A text that is no PHC string matches nothing, after the same work;
    /// so does `None`, which stands for a user that does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if the queue is full.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        self.run(move || {
            let argon2 = argon2()?;
            let stored = stored.as_deref().and_then(|stored| PasswordHash::new(stored).ok());
            if let Some(hash) = stored.filter(|hash| hash.algorithm.as_str() == "argon2id") {
                return Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok());
            }
            // The same work for names that do not exist, so that the time taken does not reveal which names exist.
            let _ = argon2.hash_password(password.as_bytes());
            Ok(false)
        })
        .await
    }

    /// Waits until no other attempt under this key is being checked: of many at the same moment each is decided knowing
    /// how the one before it ended, and right passwords do not count against each other.
    pub async fn turn(&self, key: Key) -> Turn {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.retain(|_, queue| queue.strong_count() > 0);
            let queue = queues.get(&key).and_then(Weak::upgrade).unwrap_or_default();
            queues.insert(key, Arc::downgrade(&queue));
            queue
        };
        Turn(queue.lock_owned().await)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let place = Place::take(&self.waiting)?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|error| Error::Internal(error.into()))?;
        let (answer, answered) = oneshot::channel();
        // A thread of its own: where none can be made, the runtime's pool panics, and keeps what it was to run, permits included.
        let thread = thread::Builder::new().name("password".to_owned()).stack_size(self.stack).spawn(move || {
            // Both are given back when the work is done, even if the client has gone meanwhile.
            let _held = (place, turn);
            let _ = answer.send(work());
        });
        thread.map_err(|error| Error::Unavailable(error.into()))?;
        answered.await.map_err(|error| Error::Internal(error.into()))?
    }
}

/// A place in the queue.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self> {
        let place = Self(waiting.clone());
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(PASSWORD_QUEUE).increment(1.0);
        if before < QUEUE + PARALLEL { Ok(place) } else { Err(Error::TooMany(1)) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!(PASSWORD_QUEUE).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_no_thread_can_be_made_the_permit_is_given_back() {
        let mut passwords = Passwords { stack: usize::MAX / 4, ..Passwords::default() };
        for _ in 0..=PARALLEL + QUEUE {
            assert!(matches!(passwords.hash("correct horse".to_owned()).await, Err(Error::Unavailable(_))));
        }
        assert_eq!((passwords.turns.available_permits(), passwords.waiting.load(Ordering::Relaxed)), (PARALLEL, 0));
        passwords.stack = STACK;
        passwords.hash("correct horse".to_owned()).await.unwrap();
    }

    #[tokio::test]
    async fn only_a_hash_of_the_password_matches() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify =
            |password: &str, stored: Option<&str>| passwords.verify(password.to_owned(), stored.map(str::to_owned));
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!verify("plain", Some("plain")).await.unwrap(), "plain text never matches");
        assert!(!verify("", None).await.unwrap());
    }
}
