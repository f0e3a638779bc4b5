//! The disagreements between `bookings`, `payments`, `refund_cancellation_table` and `booking_cancelled`, as a list.
//!
//! Every page finds all disagreements anew, in one statement over whole tables (`internal.money_disagreements`).

use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::disagreement::{DisagreementKind, DisagreementSide};
use crate::{
    db::pruned::pruned,
    domain::ids::{BookingId, PaymentId, RefundId},
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which disagreements can be listed: by kind, then booking.
    DisagreementOrder: KindUp = "kind", KindDown = "-kind"
}

/// Which disagreements an admin lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisagreementFilter {
    /// Only those of this kind.
    #[param(inline)]
    kind: Option<DisagreementKind>,
}

/// A disagreement: what each table says (null where it is not concerned), which is right, and what repairs it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "kind": "refund_status_differs",
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "payment_id": 4711,
    "refund_cancellation_id": null,
    "bookings": "paid 1700.00, refund initiated of 1700.00",
    "payments": "paid 1700.00, refund completed of 1700.00",
    "refund_cancellation_table": null,
    "booking_cancelled": null,
    "right": "payments",
    "rule": "A payment says what was paid and how much of it goes back; bookings and the list follow.",
    "mend": "Save the payment: PATCH /payments/{payment_id} with {}."
}))]
pub(super) struct Disagreement {
    /// The kind of disagreement.
    kind: DisagreementKind,
    /// The booking.
    booking_id: Option<BookingId>,
    /// Of which payment.
    payment_id: Option<PaymentId>,
    /// Of which refund (`refund_cancellation_table.id`).
    refund_cancellation_id: Option<RefundId>,
    /// The value in `bookings`.
    bookings: Option<String>,
    /// The value in `payments`.
    payments: Option<String>,
    /// The value in `refund_cancellation_table`.
    refund_cancellation_table: Option<String>,
    /// The value in `booking_cancelled`.
    booking_cancelled: Option<String>,
    /// Which of them is right; `nobody` where somebody has to look.
    right: DisagreementSide,
    /// By which rule.
    rule: &'static str,
    /// The repair.
    repair: &'static str,
    #[serde(skip)]
    place: String,
}

/// A row of `internal.money_disagreements`.
struct Found {
    kind: DisagreementKind,
    booking_id: Option<BookingId>,
    payment_id: Option<PaymentId>,
    refund_row: Option<RefundId>,
    bookings: Option<String>,
    payments: Option<String>,
    refunds: Option<String>,
    cancellations: Option<String>,
    place: String,
}

impl From<Found> for Disagreement {
    fn from(found: Found) -> Self {
        let settlement = found.kind.settlement();
        Self {
            kind: found.kind,
            booking_id: found.booking_id,
            payment_id: found.payment_id,
            refund_cancellation_id: found.refund_row,
            bookings: found.bookings,
            payments: found.payments,
            refund_cancellation_table: found.refunds,
            booking_cancelled: found.cancellations,
            right: settlement.right,
            rule: settlement.rule,
            repair: settlement.repair,
            place: found.place,
        }
    }
}

/// List disagreements
///
/// Every disagreement between `bookings`, `payments`, `refund_cancellation_table` and `booking_cancelled`: what each says,
/// which is right by which rule, and what repairs it. Reads whole tables: some seconds on a million bookings.
#[utoipa::path(
    get,
    path = "/refunds/reconciliation",
    tag = "refunds",
    params(
        DisagreementFilter,
        ("sort" = inline(Option<DisagreementOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of disagreements", content(
            (Page<Disagreement> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_disagreements(listing: Listing<DisagreementFilter, DisagreementOrder>) -> Result<Response> {
    listing.request.answer(Disagreements(listing.filter.kind)).await
}

/// The disagreements of a kind, or all.
struct Disagreements(Option<DisagreementKind>);

impl List for Disagreements {
    type Row = Disagreement;
    type Order = DisagreementOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: DisagreementOrder,
        position: &Position,
    ) -> Result<Vec<Disagreement>> {
        // Kind, booking, payment and refund together name a disagreement; together, as one text, they are its place.
        let rows = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Found),
            [r#"
                select d.kind as "kind!: DisagreementKind",
                       d.booking_id as "booking_id: BookingId",
                       d.payment_id as "payment_id: PaymentId",
                       d.refund_row as "refund_row: RefundId",
                       d.bookings,
                       d.payments,
                       d.refunds,
                       d.cancellations,
                       d.place as "place!"
                from (
                    select d.*,
                           d.kind || ' ' || coalesce(d.booking_id, '') || ' ' || coalesce(d.payment_id, 0)
                               || ' ' || coalesce(d.refund_row, 0) as place
                    from internal.money_disagreements($1) d
                ) d
                where true
                  and d.place < $2 -- by any
                order by
                    d.place desc -- by any
                limit $3
            "#],
            self.0.map(DisagreementKind::as_str),
            position.sort(),
            position.limit,
        )?;
        Ok(rows.into_iter().map(Disagreement::from).collect())
    }

    fn key(found: &Disagreement) -> Key {
        Key { sort: found.place.clone(), id: String::new() }
    }
}
