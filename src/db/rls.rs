//! The row-level security: what a therapist's request reaches even if the code forgets whose rows are whose.
//!
//! Every request on a therapist route runs under the role [`ROLE`], in a transaction that names the therapist and the
//! account: lists, single reads, CSV, streams and units of work alike, since only a scope opens a connection. The role owns
//! nothing. `migrations/policies.sql` grants it what those routes need, and
//! row-level security says which rows of it. The owner, who is the server on all other routes and every program that writes
//! as the owner, is not subject to it. Other roles meet a policy that lets them do what they were granted, but for two things
//! that PostgreSQL does not do under row security at all: their `copy … from` is refused, and so is their `pg_dump`, unless
//! they are members of the owner or have BYPASSRLS. Rules:
//!
//! - Policies guarantee rows. Columns (contact, payment) are hidden by the projections that all answers go through, which
//!   go by the therapist whom the transaction names, not by what the code binds.
//! - What looks across therapists is a SECURITY DEFINER function that says itself what it does for whom: earlier notes of a
//!   client now assigned, names of colleagues, the trail, notifications, and the caches, in which a client's row counts
//!   the sessions with everybody.
//! - What a therapist adds hangs on what is theirs already: whether a note is a draft is said of the note of that booking, which
//!   is written by a statement before; what a booking counted for, of one booking of theirs at a time.
//! - Who is asking is a setting, and the role is the cluster's, so a login of another practice beside this one may have both.
//!   It is answered only where the login itself reads what is the owner's alone (`internal.is_trusted_login()`); others
//!   see no row, and functions refuse them, whether they set the role or only inherit it.
//! - How it stands is kept as a digest of all policies and of all grants to the role or to everybody (`internal.rls_digest()`).
//!   What differs later is not served, and `safestories migrate` makes it again.
//! - One thing steps out of the role ([`UnitOfWork::as_owner`](crate::app::unit_of_work::UnitOfWork::as_owner)): making out the
//!   client of a booking that another program left without one, which is matching among all clients, written in Rust.
//! - Logins, the trail of refused requests and the background belong to no therapist and run as the owner. The trail is
//!   written with the owner's rights always: where those are taken away, nothing clinical is answered to anybody.
//! - A build with the feature `unscoped` leaves the code's own scoping out; the isolation tests pass with it.
//!
//! **PgBouncer** in transaction mode: role and settings are `set local`, sent with `begin` in one simple query, and gone
//! with the transaction. No session state is relied on, so any server connection will do for the next one: seven people at
//! once over three server connections of PgBouncer 1.21 each read what is theirs.
//!
//! **What it costs.** A read has two round trips more: `begin` with its settings, before; `rollback`, which is sent behind
//! the answer and waited for by nobody. Together 0.1 ms. A unit of work has none more. PostgreSQL plans a kept statement
//! anew when the role on a connection changes, so therapists have connections of their own, where the plan is kept: 0.05 ms
//! instead of 3. A policy's rarer questions are functions, since as conditions they are planned within one another. On
//! `demo load --bookings 100000`, the same page of fifty bookings of one therapist, warm, `explain (analyze, buffers)` of
//! the kept plans (PostgreSQL 15, a machine under load):
//!
//! ```text
//! an admin's      0.29 to 0.59 ms
//! the therapist's 0.37 to 0.53 ms, 460 buffers:
//!   -> Index Scan Backward using bookings_by_therapist_start on bookings b (rows=51, hit=52)
//!        Index Cond: ((therapist_id = $0) AND (booking_id IS NOT NULL))        $0: the policy's own comparison
//!   -> Index Scan using appointments_of_session on appointment_table a (51 times, hit=153)
//!        Filter: ((therapist_id = $4) OR (SubPlan 5))        the SubPlan: never executed
//!   -> Index Scan using client_session_notes_of_booking on client_session_notes n (51 times, hit=102)
//!   -> Index Scan using all_clients_table_pkey on all_clients_table c (51 times, hit=153): is contact data shown?
//! ```
//!
//! Over HTTP, release build, 100,000 bookings, a quiet machine, pages a second: sixteen connections 2,420 to 2,490 of an
//! admin and 1,760 to 1,780 of the therapist (1.37 to 1.40 times the cost), four 1.23 to 1.55 times, most runs below 1.45.
//! A single client that waits for each answer sees medians of 1.0 and 1.2 ms, and of 2.1 and 2.5 through PgBouncer 1.21.
//!
//! Asking whether the login is trusted is 0.006 ms of it. An appointment is a therapist's by the therapist it names, as the
//! rules of the practice have it, or by its booking: one that another program left behind when it moved the booking names the
//! former one still. Asking for the booking of each would be 0.055 ms a page.
//!
//! Functions that are not leakproof are not looked up in indexes by the role: a therapist's search reads their own rows,
//! not the trigrams of all.

use super::scope::Scope;

/// The role that therapists' requests run under.
pub const ROLE: &str = "safestories_therapist";

/// Takes up the role until the transaction ends.
pub(crate) const ENTER: &str = "set local role safestories_therapist";

/// What makes the transaction just begun a therapist's: to be appended to the statements that begin it. All of it ends
/// with the transaction, so that a pooler may give the connection to somebody else then.
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
