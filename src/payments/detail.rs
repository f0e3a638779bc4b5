//! Reading one payment.

use axum::extract::State;

use super::model::Payment;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::PaymentId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a payment
#[utoipa::path(
    get,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = PaymentId, Path, description = "The payment's id", example = 4711)),
    responses(
        (status = 200, description = "The payment", body = Payment),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_payment(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<PaymentId>,
    unless: Preconditions,
) -> Result<Versioned<Payment>> {
    let mut db = app.db.read(&scope).await?;
    let payment = Payment::read(&mut db, id).await?;
    Ok(payment.versioned().unless(unless))
}
