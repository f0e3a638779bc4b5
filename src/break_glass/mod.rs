//! Break-glass: grants by which an admin reads clinical text.
//!
//! Admins read who wrote which note when, never its text. An admin who has to read one opens a **grant**: for one
//! client, with a reason, the password once more (and a code, where the second factor is on), for sixty minutes by the
//! server's clock. Every admin is notified at once, the one who opens it too. A grant holds for its user and its client
//! only.
//!
//! - Another grant may be opened while one is open: with a reason of its own, and sixty minutes from then on. Reads go
//!   under the one that lasts longest.
//! - Each read is audited before the text is sent, the list of the client's notes too: entries `break_glass_read`,
//!   whose subject is the grant. Where no entry can be written, the answer is 503 and no text.
//! - An attempt to read without a grant, and one to open it with a wrong password, are audited as refused.
//! - A grant waits for **review** until another admin closes it, once. Review ends a grant that is still open, so that
//!   the reviewer sees every read under it; a review waits for reads that are under way.
//! - Where a client was merged into another, the grants stay with the record they were opened for: its id answers 404
//!   with `merged_into`, and reading on takes a grant for the surviving one. Drafts are read too, marked as such.
//!
//! - An **export** with notes is listed and reviewed in the same way ([`note_export`]); nothing is read under it.
//! - A reviewer is independent of the opener ([`users::ensure_independent`](crate::users::ensure_independent)). Where no
//!   enabled admin is, the grant is closed after 30 days as unreviewed, and all admins are notified ([`close_unreviewed`]).
//! - A client's data is not erased while a grant waits for review.
//!
//! Closed grants are kept for three years, others until they are closed; the audit trail keeps their entries forever.

mod erase;
mod export;
mod list;
mod model;
mod notes;
mod open;
mod read;
mod refusal;
mod review;
mod unreviewed;

use chrono::{DateTime, Days, Utc};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::{
    erase::{ensure_reviewed, erase},
    export::note_export,
    model::OpenGrant,
};
pub use self::{refusal::PROBLEMS, unreviewed::close_unreviewed};
use crate::{app::state::App, error::Result};

/// How long a grant is kept after it was closed: three years.
const KEPT: Days = Days::new(3 * 365);

/// The routes of admins.
pub(crate) fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open::open_break_glass))
        .routes(routes!(list::list_break_glass))
        .routes(routes!(list::get_break_glass))
        .routes(routes!(review::review_break_glass))
        .routes(routes!(notes::list_client_notes))
        .routes(routes!(read::get_client_note))
        .routes(routes!(read::list_client_note_versions))
}

/// Deletes up to `limit` grants that were closed long ago; returns how many. Those that wait for review stay.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.break_glass_grants
         where grant_id = any (array(
             select grant_id
             from internal.break_glass_grants
             where reviewed_at < $1
                or unreviewed_at < $1
             limit $2
             for update skip locked
         ))",
        now - KEPT,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
