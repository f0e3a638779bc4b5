//! Correcting a payment.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    lock,
    model::Payment,
    record::{check_date, ensure_free_reference},
    refusal::PaymentRefusal,
    sync,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::PaymentId,
        money::{Amount, AmountInput, Currency},
        text::Text,
        time::{Instant, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path},
    },
};

/// Fields to correct (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": "1500.00", "payment_reference_id": "pay_demo_1" }))]
pub(super) struct EditPayment {
    /// How much was paid; cannot be cleared, nor be less than what goes back.
    #[serde(default)]
    #[schema(value_type = Option<AmountInput>)]
    amount: Patch<AmountInput>,
    /// In which currency; cleared, it is INR.
    #[serde(default)]
    #[schema(value_type = Option<Currency>)]
    currency: Patch<Currency>,
    /// Through which gateway.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    payment_gateway_name: Patch<Text<255>>,
    /// The gateway's reference; no other payment may have it.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    payment_reference_id: Patch<Text<255>>,
    /// When it was paid; cannot be cleared, nor be in the future.
    #[serde(default)]
    #[schema(value_type = Option<Instant>)]
    payment_date: Patch<Instant>,
}

/// Correct a payment
///
/// JSON merge patch. The booking's payment columns follow. Any request, even an empty one, syncs the booking and the
/// list of refunds with the payment, which repairs the disagreements that the reconciliation shows. The refund has
/// operations of its own.
#[utoipa::path(
    patch,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = PaymentId, Path, description = "The payment's id"), Preconditions),
    request_body = EditPayment,
    responses((status = 200, description = "Corrected", body = Payment), Problems),
)]
pub(super) async fn edit_payment(
    work: Work,
    Path(id): Path<PaymentId>,
    conditions: Preconditions,
    Json(request): Json<EditPayment>,
) -> Result<Versioned<Payment>> {
    work.run(async |uow| {
        edit(uow, id, &conditions, request).await?;
        let now = uow.now();
        Ok(Payment::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

/// Corrects a payment.
async fn edit(uow: &mut UnitOfWork, id: PaymentId, conditions: &Preconditions, request: EditPayment) -> Result<()> {
    match request.amount {
        Patch::Clear => return Err(Error::body("/amount", "cannot be cleared")),
        Patch::Set(amount) if amount.is_zero() => return Err(Error::body("/amount", "must be more than 0")),
        Patch::Set(_) | Patch::Keep => {}
    }
    match request.payment_date {
        Patch::Clear => return Err(Error::body("/payment_date", "cannot be cleared")),
        Patch::Set(date) => check_date(uow, Some(date))?,
        Patch::Keep => {}
    }
    let locked = lock::payment(uow, id, conditions).await?;
    let before = &locked.payment;
    if let Patch::Set(amount) = request.amount
        && before.refund_status.is_some()
        && before.refund_amount > Amount::from(amount)
    {
        return Err(PaymentRefusal::BelowRefund(before.refund_amount).into());
    }
    let changed = request.names();
    let gateway = request.payment_gateway_name.apply(before.payment_gateway_name.clone());
    let reference = request.payment_reference_id.clone().apply(before.payment_reference_id.clone());
    if let Patch::Set(reference) = &request.payment_reference_id {
        ensure_free_reference(uow, Some(reference), Some(id)).await?;
    }
    let currency = request.currency.apply(before.currency.clone()).unwrap_or_else(|| Currency::INR.to_owned());
    let amount = match request.amount {
        Patch::Set(amount) => Amount::from(amount),
        Patch::Keep | Patch::Clear => Amount::ABSENT,
    };
    let date = match request.payment_date {
        Patch::Set(date) => Timestamp::from(date),
        Patch::Keep | Patch::Clear => Timestamp::ABSENT,
    };
    sqlx::query!(
        "with corrected as (
             update payments
             set amount = coalesce($2, amount),
                 currency = $3,
                 payment_gateway_name = $4,
                 payment_reference_id = $5,
                 payment_date = coalesce($6, payment_date),
                 updated_at = $7
             where payment_id = $1
             returning booking_id
         )
         -- What names the payment by its former reference names it by its id from now on.
         update refund_cancellation_table r
         set payment_id = $1::integer::text
         from corrected
         where r.session_id = corrected.booking_id
           and r.payment_id = $8",
        id.0,
        amount as Amount,
        currency,
        gateway,
        reference,
        date as Timestamp,
        Timestamp::from(uow.now()) as Timestamp,
        before.payment_reference_id,
    )
    .execute(uow.db())
    .await?;
    match &locked.booking {
        Some(booking) => sync::sync(uow, booking, id).await?,
        None => sync::sync_refund_rows(uow, None, id).await?,
    }
    let name = locked.booking.as_ref().map(|booking| booking.client.name.as_str()).or(before.invitee_name.as_deref());
    let mut entry = Entry::new("payment_edit", format!("Corrected the payment of {}", name.unwrap_or("somebody")))
        .on("payment", id)
        .detail(json!({
            "booking_id": before.booking_id,
            "changed": changed,
            "amount_before": before.amount,
            "amount": if amount.is_some() { amount } else { before.amount },
        }));
    if let Some(booking) = &locked.booking {
        entry = entry.client(&booking.client.client_id, &booking.client.name);
    }
    uow.record(entry);
    Ok(())
}

impl EditPayment {
    /// The fields it names.
    fn names(&self) -> Vec<&'static str> {
        let named = [
            ("amount", self.amount.is_named()),
            ("currency", self.currency.is_named()),
            ("payment_gateway_name", self.payment_gateway_name.is_named()),
            ("payment_reference_id", self.payment_reference_id.is_named()),
            ("payment_date", self.payment_date.is_named()),
        ];
        named.into_iter().filter(|(_, named)| *named).map(|(name, _)| name).collect()
    }
}
