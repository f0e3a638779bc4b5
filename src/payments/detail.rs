//! One payment.

use axum::extract::State;

use super::model::Payment;
use crate::platform::{
    app::App,
    caller::Scope,
    error::Result,
    etag::{Preconditions, Versioned},
    extract::Path,
    ids::PaymentId,
    problem::Problems,
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
    db.answered();
    Ok(payment.versioned().unless(unless))
}
