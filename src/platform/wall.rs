//! The second wall: what a therapist's request reaches even if the code forgets whose rows are whose.
//!
//! Every request on a therapist route runs in a transaction that names the therapist and the account.

use super::caller::Scope;

/// What makes the transaction just begun a therapist's: to be appended to the statements that begin it. All of it ends
/// with the transaction, so that a pooler may give the connection to somebody else then.
pub(super) fn role(scope: &Scope) -> Option<String> {
    let Scope::Own { therapist, user } = scope else { return None };
    Some(format!(
        "; set local safestories.therapist_id = {}; set local safestories.user_id = '{}'",
        quoted(therapist.as_str()),
        user.0,
    ))
}

/// A literal, whatever `standard_conforming_strings` is.
fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
