//! Row-level security: the rows that a therapist's request reaches even if the code forgets whose rows are whose, or runs
//! SQL of somebody else's.
//!
//! Every request on a therapist route runs on a connection that logs in as a role of its own, in a transaction that is sealed
//! for the therapist and the account (see below): lists, single reads, CSV, streams and units of work alike, since only a scope
//! opens a connection. The login is a member of the group [`ROLE`], to which `migrations/policies.sql` grants what those
//! routes need, column by column. It owns nothing, and is no member of the owner. Row-level security says which rows.
//!
//! The owner, who is the server on all other routes and every program that writes as the owner, is not subject to it. Other
//! roles meet a policy that lets them do what they were granted, but for two things that PostgreSQL does not do under row
//! security at all: their `copy … from` is refused, and so is their `pg_dump`, unless they are members of the owner or have
//! BYPASSRLS. Rules:
//!
//! - Policies guarantee rows. Columns (contact, payment) are hidden by the projections that all answers go through, which
//!   go by the therapist whom the transaction names, not by what the code binds.
//! - What looks across therapists, or deletes, is a SECURITY DEFINER function that says itself what it does for whom
//!   (`internal.own_therapist_unless_owner()`): earlier notes of a client now assigned, names of colleagues, the trail,
//!   notifications, and the caches, in which a client's row counts the sessions with everybody.
//! - What a therapist adds hangs on what is theirs already: whether a note is a draft is said of a note that the same
//!   transaction inserted before; what a booking counted for, of one booking of theirs at a time.
//! - Policies and functions check the seal, once a statement. A login of another practice in the same cluster is a member of
//!   the same group, and cannot seal anything here.
//! - How it stands is kept as a digest of all policies and of all grants to the group, its login or everybody
//!   (`internal.rls_digest()`). What differs later is not served, and `safestories migrate` makes it again.
//! - Nothing steps out of it. A booking that another program left without a client is completed before, in a transaction of
//!   the practice's own ([`complete_for_therapist`](crate::clients::complete_for_therapist)).
//! - Logins, the trail of refused requests and the background belong to no therapist and run as the owner. The trail is
//!   written with the owner's rights always: where those are taken away, nothing clinical is answered to anybody.
//! - A build with the feature `unscoped` leaves the code's own scoping out; the isolation tests pass with it.
//! - Nothing lasts longer than the transaction, so that PgBouncer in transaction mode may give the connection to somebody
//!   else then. Where no pooler is between, whatever else was left on the connection is reset before another
//!   account takes it.
//! - Rarer questions of the policies are functions: as conditions they are planned within one another. Functions that are not
//!   leakproof are not looked up in indexes by the role: a therapist's search reads their own rows, not the trigrams of all.
//!
//! # The seal
//!
//! How a therapist's transaction proves whose it is: the login of therapists' requests, and the key that seals.
//!
//! The login may run any SQL, so a setting that names a therapist proves nothing by itself. The server hashes it together
//! with a key and with what tells the transaction from all others, the backend and the instant it began
//! (`internal.this_transaction()`). A function that runs as the owner checks the seal (`internal.is_sealed()`). The seal of
//! another transaction, which `pg_stat_activity` shows to sessions of the same login, is good for nothing.
//!
//! Login and key stand in `internal.therapist_login`, which only the owner reads. They are read when the first connection
//! is needed, and again where they are refused: somebody has changed them.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use sqlx::{ConnectOptions, Connection, Error, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use super::deadline::{ANSWER, within};
use crate::domain::ids::{TherapistId, UserId};

/// The group of the logins of therapists' requests, which grants and policies name.
pub const ROLE: &str = "safestories_therapist";

/// The role in which booking links are opened: the owner takes it for a transaction that only reads, and that names the link by
/// the HMAC of its token. It has the rows about that link's therapist which the page needs.
pub const GUESTS: &str = "safestories_guest";

/// Where therapists' requests log in, and how their transactions are sealed.
#[derive(Debug)]
pub(super) struct TherapistLogin {
    /// The owner, who reads it.
    pub(super) owner: PgConnectOptions,
    /// The address; where it was derived, login and password are still the owner's.
    pub(super) address: PgConnectOptions,
    /// Whether an administrator gave the address, with login and password.
    pub(super) is_given: bool,
    known: Mutex<Option<Arc<Access>>>,
}

/// What the database says of it.
#[derive(Debug)]
pub(super) struct Access {
    options: PgConnectOptions,
    key: Key,
}

struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl TherapistLogin {
    pub(super) fn new(owner: PgConnectOptions, address: PgConnectOptions, is_given: bool) -> Arc<Self> {
        Arc::new(Self { owner, address, is_given, known: Mutex::new(None) })
    }

    /// Login and key, read where that has not been done.
    pub(super) async fn access(&self) -> Result<Arc<Access>, Error> {
        let mut known = self.known.lock().await;
        if let Some(access) = &*known {
            return Ok(access.clone());
        }
        let access = Arc::new(within(ANSWER, self.read()).await?);
        *known = Some(access.clone());
        Ok(access)
    }

    async fn read(&self) -> Result<Access, Error> {
        let mut conn = self.owner.connect().await?;
        let row = sqlx::query!("select login, password, seal_key from internal.therapist_login")
            .fetch_optional(&mut conn)
            .await?;
        conn.close().await.ok();
        let missing =
            || Error::Configuration("the login of therapists' requests is missing: run `safestories migrate`".into());
        let row = row.ok_or_else(missing)?;
        let mut options = self.address.clone();
        if !self.is_given {
            options = options.username(&row.login.ok_or_else(missing)?).password(&row.password.ok_or_else(missing)?);
        }
        Ok(Access { options, key: Key(row.seal_key) })
    }

    /// Reads them again when they are needed next, since these were refused.
    pub(super) async fn forget(&self, refused: &Arc<Access>) {
        let mut known = self.known.lock().await;
        if known.as_ref().is_some_and(|access| Arc::ptr_eq(access, refused)) {
            *known = None;
        }
    }

    /// Connects; once more with what the database says now, where the password is refused.
    pub(super) async fn connect(&self) -> Result<PgConnection, Error> {
        let access = self.access().await?;
        match access.options.connect().await {
            Err(Error::Database(error)) if matches!(error.code().as_deref(), Some("28P01" | "28000")) => {
                self.forget(&access).await;
                self.access().await?.options.connect().await
            }
            connected => connected,
        }
    }
}

impl Access {
    /// The statement that makes a transaction a therapist's. It fails with 42501 where the key is not the database's.
    pub(super) fn seal(&self, transaction: &str, therapist: &TherapistId, user: UserId) -> String {
        let (user, therapist) = (user.0, therapist.as_str());
        let mut inner = Context::new(&SHA256);
        inner.update(format!("{transaction}\n{user}\n{therapist}").as_bytes());
        // The inner hash has a fixed length, so that nothing can be added behind it.
        let mut seal = Context::new(&SHA256);
        seal.update(&self.key.0);
        seal.update(inner.finish().as_ref());
        format!(
            "select set_config('safestories.therapist_id', {}, true), set_config('safestories.user_id', '{user}', true), \
             set_config('safestories.seal', '{}', true), internal.is_sealed()",
            quoted(therapist),
            HEXLOWER.encode(seal.finish().as_ref()),
        )
    }
}

/// A literal, whatever `standard_conforming_strings` is.
fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
