//! Row-level security: the rows that a therapist's request reaches even if the code forgets whose rows are whose, or runs
//! SQL of somebody else's.
//!
//! Every request on a therapist route runs on a connection that logs in as a role of its own, in a transaction that is sealed
//! for the therapist and the account (`seal`): lists, single reads, CSV, streams and units of work alike, since only a scope
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
//!   (`internal.asking()`): earlier notes of a client now assigned, names of colleagues, the trail, notifications, and the
//!   caches, in which a client's row counts the sessions with everybody.
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
//!   else then. Where no pooler is between, whatever else was left on the connection is reset, too.
//! - Rarer questions of the policies are functions: as conditions they are planned within one another. Functions that are not
//!   leakproof are not looked up in indexes by the role: a therapist's search reads their own rows, not the trigrams of all.

/// The group of the logins of therapists' requests, which grants and policies name.
pub const ROLE: &str = "safestories_therapist";
