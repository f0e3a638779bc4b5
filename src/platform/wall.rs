//! The second wall: what a therapist's request reaches even if the code forgets whose rows are whose.
//!
//! Every request on a therapist route runs under the role [`ROLE`], which owns nothing, in a transaction that names the
//! therapist and the account. Row-level security of that role is in `migrations/0016_wall.sql`. Everybody else is as
//! before: the owner, who is the server on all other routes and every program that writes as the owner, is not subject to
//! it, and other roles meet a policy that lets them do what they were granted.

use super::caller::Scope;

/// The role that therapists' requests run under.
pub const ROLE: &str = "safestories_therapist";

/// Takes up the role until the transaction ends.
pub(super) const ENTER: &str = "set local role safestories_therapist";

/// What makes the transaction just begun a therapist's: to be appended to the statements that begin it. All of it ends
/// with the transaction, so that a pooler may give the connection to somebody else then.
pub(super) fn role(scope: &Scope) -> Option<String> {
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
