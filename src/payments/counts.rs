//! Counts the payments of every state, by the statement of their list.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{filter::PaymentFilter, list::PaymentList, model::PaymentState};
use crate::{
    app::state::App,
    db::scope::Scope,
    error::{Result, problem::Problems},
    http::{
        extract::{AnyOf, Json, Query},
        page,
    },
};

/// How many payments a filter leaves in each state; the states add up to `all`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "all": 2405, "completed": 2190, "pending": 24, "expired": 5, "cancelled": 60, "refund_requested": 0, "refund_initiated": 6,
    "refund_processing": 2, "refund_completed": 115, "refund_failed": 3, "refund_unknown": 0
}))]
pub(super) struct PaymentCounts {
    /// Every payment, and those awaited.
    all: i64,
    /// The money is there.
    completed: i64,
    /// The money is not there.
    pending: i64,
    /// The money is not there, and the payment link has expired.
    expired: i64,
    /// The session was cancelled, and its refund is undecided.
    cancelled: i64,
    /// Another program says that a refund was asked for.
    refund_requested: i64,
    /// A refund was opened.
    refund_initiated: i64,
    /// A refund is with the gateway.
    refund_processing: i64,
    /// The money went back.
    refund_completed: i64,
    /// The gateway refused the refund.
    refund_failed: i64,
    /// Another program says something of a refund that is not understood.
    refund_unknown: i64,
}

/// Count payments
///
/// The counts of all states, over what the filters leave: the same ones that the list takes. Leave `state` out for all states.
#[utoipa::path(
    get,
    path = "/payments/counts",
    tag = "payments",
    params(PaymentFilter),
    responses((status = 200, description = "The counts", body = PaymentCounts), Problems),
)]
pub(super) async fn count_payments(
    scope: Scope,
    State(app): State<App>,
    Query(filter): Query<PaymentFilter>,
) -> Result<Json<PaymentCounts>> {
    let criteria = filter.criteria(&app)?;
    let wanted = criteria.state.clone();
    let mut list = PaymentList { criteria, now: app.clock.now() };
    let mut db = app.db.read(&scope).await?;
    let all = page::count(&list, &mut db, i64::MAX).await?;
    let mut counts = PaymentCounts { all, ..PaymentCounts::default() };
    // Nearly all are completed: those are what the others leave.
    let mut others = 0;
    for (state, count) in counts.others() {
        if wanted.lets_pass(state) {
            list.criteria.state = AnyOf::of(state);
            *count = page::count(&list, &mut db, i64::MAX).await?;
            others += *count;
        }
    }
    counts.completed = counts.all - others;
    Ok(Json(counts))
}

impl PaymentCounts {
    /// The states but for the completed ones.
    fn others(&mut self) -> [(PaymentState, &mut i64); 9] {
        use PaymentState as S;
        [
            (S::Pending, &mut self.pending),
            (S::Expired, &mut self.expired),
            (S::Cancelled, &mut self.cancelled),
            (S::RefundRequested, &mut self.refund_requested),
            (S::RefundInitiated, &mut self.refund_initiated),
            (S::RefundProcessing, &mut self.refund_processing),
            (S::RefundCompleted, &mut self.refund_completed),
            (S::RefundFailed, &mut self.refund_failed),
            (S::RefundUnknown, &mut self.refund_unknown),
        ]
    }
}
