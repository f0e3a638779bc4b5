//! The answer of every operation on a refund: the refund after the change, read in the same transaction.

use serde::Serialize;
use utoipa::ToSchema;

use super::model::Refund;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Effect,
    domain::ids::{BookingId, PaymentId, RefundId},
    error::Result,
    http::etag::Versioned,
};

/// A refund as an operation leaves it; from a dry run, as it would leave it, with what else would be done.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::payments) struct ChangedRefund {
    #[serde(flatten)]
    refund: Refund,
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effects: Option<Vec<Effect>>,
}

impl ChangedRefund {
    /// Whether it was done.
    pub(in crate::payments) fn is_kept(&self) -> bool {
        self.effects.is_none()
    }
}

/// Answers with the refund.
pub(in crate::payments) async fn changed(uow: &mut UnitOfWork, id: RefundId) -> Result<Versioned<ChangedRefund>> {
    let now = uow.now();
    let refund = Refund::read(uow.db(), id, now).await?;
    let (stored, effects) = (refund.version.clone(), uow.effects());
    let dry_run = effects.is_some().then_some(true);
    Ok(Versioned::new(stored, ChangedRefund { refund, dry_run, effects }))
}

/// The refund of a payment that has one.
pub(in crate::payments) async fn of_payment(
    uow: &mut UnitOfWork,
    booking: Option<&BookingId>,
    payment: PaymentId,
) -> Result<RefundId> {
    let id = sqlx::query_scalar!(
        r#"select r.id as "id: RefundId"
           from refund_cancellation_table r
           where (r.session_id = $1 or (r.session_id is null and r.payment_id = $2::integer::text))
             and internal.payment_of_refund(r.session_id, r.payment_id) = $2
           order by r.id
           limit 1"#,
        booking.map(BookingId::as_str),
        payment.0,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(id)
}
