//! Refunds: their list (`refund_cancellation_table`), their status, and the disagreements between the tables that hold
//! refunds.

pub(super) mod answer;
pub(super) mod attempts;
mod counts;
pub mod disagreement;
mod filter;
mod list;
pub(super) mod model;
mod reconciliation;
mod send;
mod status;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    model::{Refund, RefundState},
    reconciliation::keep_disagreements,
    send::send_due,
};
use crate::app::state::App;

/// The routes of admins.
pub(super) fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_refunds))
        .routes(routes!(counts::count_refunds))
        .routes(routes!(reconciliation::list_disagreements))
        .routes(routes!(list::get_refund))
        .routes(routes!(status::move_refund))
}
