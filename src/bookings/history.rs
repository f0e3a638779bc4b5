//! A booking's history, latest first, read from the audit trail.

use axum::{extract::State, response::Response};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::model::Booking;
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{ids::BookingId, time::Timestamp},
    error::{Result, problem::Problems},
    http::{
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders of a history.
    HistoryOrder: LatestFirst = "-at", EarliestFirst = "at"
}

/// Something that was done to a booking.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryEntry {
    /// When it was done.
    at: Timestamp,
    /// The action's stable name.
    #[schema(example = "booking_reschedule")]
    action: String,
    /// The account that did it; null where a program did.
    #[schema(example = 1)]
    actor_id: Option<i32>,
    /// The name of that account.
    #[schema(example = "Front desk")]
    actor_name: Option<String>,
    /// Its role at the time.
    #[schema(example = "admin")]
    actor_role: String,
    /// The request that did it.
    #[schema(example = "0199c0de-0000-7000-8000-000000000000")]
    request_id: String,
    /// The facts: states, times, reasons.
    #[schema(value_type = Object)]
    detail: Value,
    #[serde(skip)]
    entry_id: i64,
}

/// Get a booking's history
///
/// Every change made through this server, latest first.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/history",
    tag = "bookings",
    params(
        ("booking_id" = BookingId, Path, description = "The booking's id"),
        ("sort" = inline(Option<HistoryOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of the history", content(
            (Page<HistoryEntry> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_booking_history(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<BookingId>,
    listing: Listing<NoFilter, HistoryOrder>,
) -> Result<Response> {
    Booking::find(&mut *app.db.read(&scope).await?, &scope, &id, app.clock.now()).await?;
    listing.request.answer(History(id)).await
}

/// The history of one booking.
struct History(BookingId);

impl List for History {
    type Row = HistoryEntry;
    type Order = HistoryOrder;

    async fn rows(&self, db: &mut PgConnection, order: HistoryOrder, position: &Position) -> Result<Vec<HistoryEntry>> {
        let entries = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(HistoryEntry),
            [r#"
                select e.at as "at!: Timestamp",
                       e.action,
                       e.actor_id,
                       coalesce(u.full_name, u.name) as actor_name,
                       e.actor_role,
                       e.request_id,
                       e.detail,
                       e.entry_id
                from internal.audit_entries e
                left join users u on u.id = e.actor_id
                where e.subject_type = 'booking'
                  and e.subject_id = $1
                  and e.outcome = 'done'
                  and e.entry_id < $2::text::bigint -- by any
                order by
                    e.entry_id desc -- by any
                limit $3
            "#],
            self.0.as_str(),
            position.sort(),
            position.limit,
        )?;
        Ok(entries)
    }

    fn key(entry: &HistoryEntry) -> Key {
        Key { sort: entry.entry_id.to_string(), id: String::new() }
    }
}
