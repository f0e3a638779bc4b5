//! Reading one refund.

use axum::extract::State;

use super::model::Refund;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::RefundId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a refund
#[utoipa::path(
    get,
    path = "/refunds/{id}",
    tag = "refunds",
    params(("id" = RefundId, Path, description = "The refund's id")),
    responses(
        (status = 200, description = "The refund", body = Refund),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_refund(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<RefundId>,
    unless: Preconditions,
) -> Result<Versioned<Refund>> {
    let mut db = app.db.read(&scope).await?;
    let refund = Refund::read(&mut db, id).await?;
    Ok(refund.versioned().unless(unless))
}
