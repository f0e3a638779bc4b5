//! Counts the refunds of every state, by the statement of their list.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{filter::RefundFilter, list::RefundList, model::RefundState};
use crate::{
    app::state::App,
    db::scope::Scope,
    error::{Result, problem::Problems},
    http::{
        extract::{AnyOf, Json, Query},
        page,
    },
};

/// How many refunds a filter leaves in each state; the states add up to `all`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "all": 186, "pending": 60, "requested": 0, "initiated": 6, "processing": 2, "failed": 3, "completed": 115, "unknown": 0
}))]
pub(super) struct RefundCounts {
    /// Every refund, actual or possible.
    all: i64,
    /// The session was cancelled, and no refund was started.
    pending: i64,
    /// Another program says that it was asked for.
    requested: i64,
    /// Opened.
    initiated: i64,
    /// With the gateway.
    processing: i64,
    /// The gateway refused.
    failed: i64,
    /// The money is back.
    completed: i64,
    /// Another program says something that is not understood.
    unknown: i64,
}

/// Count refunds
///
/// The counts of all states, over what the filters leave: the same ones that the list takes. Leave `status` out for all states.
#[utoipa::path(
    get,
    path = "/refunds/counts",
    tag = "refunds",
    params(RefundFilter),
    responses((status = 200, description = "The counts", body = RefundCounts), Problems),
)]
pub(super) async fn count_refunds(
    scope: Scope,
    State(app): State<App>,
    Query(filter): Query<RefundFilter>,
) -> Result<Json<RefundCounts>> {
    use RefundState as S;
    let criteria = filter.criteria(&app)?;
    let wanted = criteria.status.clone();
    let mut list = RefundList { criteria, now: app.clock.now() };
    let mut db = app.db.read(&scope).await?;
    let mut counts = RefundCounts::default();
    for (state, count) in [
        (S::Pending, &mut counts.pending),
        (S::Requested, &mut counts.requested),
        (S::Initiated, &mut counts.initiated),
        (S::Processing, &mut counts.processing),
        (S::Failed, &mut counts.failed),
        (S::Completed, &mut counts.completed),
        (S::Unknown, &mut counts.unknown),
    ] {
        if wanted.lets_pass(state) {
            list.criteria.status = AnyOf::of(state);
            *count = page::count(&list, &mut db, i64::MAX).await?;
            counts.all += *count;
        }
    }
    Ok(Json(counts))
}
