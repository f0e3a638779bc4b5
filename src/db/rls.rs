//! Row-level security: limits a therapist's request to its rows even where the code forgets the scope.
//!
//! Every request on a therapist route runs under the role [`ROLE`], in a transaction that names the therapist and the
//! account: lists, single reads, CSV, streams and units of work alike, since only a scope opens a connection. The role
//! owns nothing. `migrations/policies.sql` grants it the tables, columns and functions that those routes need, and
//! row-level security limits the rows. The owner, which all other routes and other programs connect as, is not subject to
//! it. Other roles have a policy that permits everything they were granted, but for two things that PostgreSQL refuses
//! under row security: their `copy … from` and their `pg_dump` fail, unless they are members of the owner or have
//! BYPASSRLS. Rules:
//!
//! - Policies limit rows. Columns (contact, payment) are hidden by the projections that all answers go through, which
//!   use the therapist whom the transaction names, not the value that the code binds.
//! - Reads across therapists are SECURITY DEFINER functions that check the caller's rights themselves: earlier notes of a
//!   client now assigned, names of colleagues, the audit trail, notifications, and the caches, in which a client's row
//!   counts the sessions with every therapist.
//! - A therapist adds rows only to rows of their own: a note's draft state only to a note of their booking, written by an
//!   earlier statement; the state that a booking was counted as, only for one booking of theirs at a time.
//! - The therapist and the account are settings, and the role belongs to the cluster, so a login of another practice in
//!   the same cluster may have both. The settings count only where the login itself may read a table that only the owner
//!   and its logins can (`internal.is_trusted_login()`); other logins see no row, and functions refuse them, whether they
//!   set the role or only inherit it.
//! - The state is stored as a digest of all policies and of all grants to the role or to everybody
//!   (`internal.rls_digest()`). Where it differs later, the server refuses to serve, and `safestories migrate` restores it.
//! - One operation leaves the role ([`UnitOfWork::as_owner`](crate::app::unit_of_work::UnitOfWork::as_owner)): finding the
//!   client of a booking that another program left without one, which matches among all clients, in Rust.
//! - Logins, audit entries of refused requests and background tasks belong to no therapist and run as the owner. The audit
//!   trail is always written with the owner's rights: where those are revoked, no clinical text is sent to anybody.
//! - A build with the feature `unscoped` leaves the code's own scoping out; the isolation tests pass with it.
//!
//! **PgBouncer** in transaction mode: role and settings are `set local`, sent with `begin` in one simple query, and end
//! with the transaction. No session state is needed, so the next transaction may use any server connection.
//!
//! **Costs.** A read has two round trips more: `begin` with its settings before, and `rollback`, which is sent after the
//! answer and which nobody waits for. A unit of work has none more. PostgreSQL plans a kept statement anew when the role on
//! a connection changes, so therapists have connections of their own, where the plan is kept. Rarely needed parts of a
//! policy are functions, since as conditions they are planned within one another. A page of bookings costs a therapist
//! about 1.4 times as much as an admin.
//!
//! An appointment belongs to the therapist it names, as the rules of the practice have it, or to the therapist of its
//! booking: an appointment that another program left behind when it moved the booking still names the former therapist.
//!
//! Functions that are not leakproof cannot use indexes under the role: a therapist's search reads their own rows, not the
//! trigrams of all.

use super::scope::Scope;

/// The role that therapists' requests run under.
pub const ROLE: &str = "safestories_therapist";

/// Takes up the role until the transaction ends.
pub(crate) const ENTER: &str = "set local role safestories_therapist";

/// The statements that give a transaction to a therapist, appended to those that begin it. Their settings end with the
/// transaction, so that a pooler may then give the connection to anybody.
pub(crate) fn role(scope: &Scope) -> Option<String> {
    let Scope::Own { therapist, user } = scope else { return None };
    Some(format!(
        "; {ENTER}; set local safestories.therapist_id = {}; set local safestories.user_id = '{}'",
        quoted(therapist.as_str()),
        user.0,
    ))
}

/// A literal, whatever `standard_conforming_strings` is.
fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
