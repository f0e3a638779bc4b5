//! Refunds: the list of what goes back (`refund_cancellation_table`), the way of each, and where the places that tell of
//! refunds disagree.

mod answer;
mod detail;
pub mod disagreement;
mod filter;
mod list;
mod model;
mod reconciliation;
mod status;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::answer::{ChangedRefund, changed, id_of, of_payment};
pub use self::model::{Refund, RefundState};
use crate::app::state::App;

/// What admins may do with them.
pub(super) fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_refunds))
        .routes(routes!(reconciliation::list_disagreements))
        .routes(routes!(detail::get_refund))
        .routes(routes!(status::move_refund))
}
