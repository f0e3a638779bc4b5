//! Requests to erase a client's data: no admin erases alone.
//!
//! An admin requests the erasure with a reason and the password once more; all admins are notified. Another admin accepts
//! it within seven days, and the data is erased in that transaction ([`erase`](super::erase)). Any admin may withdraw it
//! until then. A client has one waiting request at a time.
//!
//! - The admin who accepts is independent of the one who requests, by the rule of reviews
//!   ([`users::ensure_independent`](crate::users::ensure_independent)).
//! - In a practice of one admin the request is due after 72 hours, and is then carried out by any instance ([`due`]). It
//!   remains to be accepted where another admin was enabled meanwhile. A practice whose other admins were disabled within
//!   the last 30 days does not count as one of one admin.
//! - Each rule against an erasure (sessions ahead, refunds in flight, open reviews) is checked when it is requested, and
//!   again under the locks when it is carried out. A request that became due and was refused is tried again until it
//!   expires; `refused_as` names the problem.
//! - A request ends with the rights of its requester, with a merge into the client, and with any row of the client's that is
//!   added: the second admin accepts the erasure of what the request showed them.
//!
//! Requests are kept for three years after their end. The certificate of an erasure is kept for good.

mod accept;
mod create;
mod due;
mod list;
mod model;
mod refusal;
mod withdraw;

use chrono::{DateTime, Days, Utc};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{due::carry_out_due, refusal::PROBLEMS};
use crate::{app::state::App, error::Result};

/// How long a request is kept after its end: three years.
const KEPT: Days = Days::new(3 * 365);

/// The routes of admins.
pub(super) fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::erase_client))
        .routes(routes!(list::list_erase_requests))
        .routes(routes!(list::get_erase_request, withdraw::withdraw_erase_request))
        .routes(routes!(accept::accept_erase_request))
}

/// Deletes up to `limit` requests that ended long ago; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.erase_requests
         where request_id = any (array(
             select request_id
             from internal.erase_requests
             where ended_at < $1
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
