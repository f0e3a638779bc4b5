//! The disagreements between `bookings`, `payments`, `refund_cancellation_table` and `booking_cancelled`, as a list.
//!
//! They are found by a background task ([`keep_disagreements`]), in one statement over whole tables
//! (`internal.money_disagreements`); a page reads what was found last.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::disagreement::{DisagreementKind, DisagreementSide};
use crate::{
    app::{
        reports::{self, Report},
        state::App,
    },
    db::pruned::pruned,
    domain::{
        ids::{BookingId, PaymentId, RefundId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::AnyOf,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which disagreements can be listed: by kind, then booking.
    DisagreementOrder: KindUp = "kind", KindDown = "-kind"
}

/// The report's name.
const NAME: &str = "reconciliation";

/// Which disagreements an admin lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisagreementFilter {
    /// Only those of this kind.
    #[serde(default)]
    #[param(value_type = Option<Vec<DisagreementKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<DisagreementKind>,
    /// True: find them now, and wait for it.
    fresh: Option<bool>,
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
    "repair": "Save the payment: PATCH /payments/{payment_id} with {}."
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

/// A row of `internal.disagreements`.
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
/// which is right by which rule, and what repairs it. Found every quarter of an hour (`page.as_of`), or now with `fresh`: some
/// seconds on a million bookings.
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
pub(super) async fn list_disagreements(
    State(app): State<App>,
    listing: Listing<DisagreementFilter, DisagreementOrder>,
) -> Result<Response> {
    let is_fresh = listing.filter.fresh == Some(true) && listing.request.is_first();
    let kept = if is_fresh { None } else { kept(&app).await? };
    let report = match kept {
        Some(report) => report,
        None => find_and_keep(&app).await?,
    };
    listing.request.answer(Disagreements { kinds: listing.filter.kind, as_of: report.as_of }).await
}

/// Finds the disagreements, if that is some time ago.
pub async fn keep_disagreements(app: &App) -> Result<()> {
    if reports::is_due(app, kept(app).await?.as_ref()) {
        find_and_keep(app).await?;
    }
    Ok(())
}

async fn kept(app: &App) -> Result<Option<Report>> {
    Ok(reports::kept(app, &[NAME]).await?.pop())
}

async fn find_and_keep(app: &App) -> Result<Report> {
    let mut tx = reports::begin(app).await?;
    let as_of = app.clock.now();
    sqlx::query!("delete from internal.disagreements").execute(&mut *tx).await?;
    let found = sqlx::query!(
        // Kind, booking, payment and refund together name a disagreement; together, as one text, they are its place.
        "insert into internal.disagreements
             (place, kind, booking_id, payment_id, refund_row, bookings, payments, refunds, cancellations)
         select concat_ws(' ', d.kind, coalesce(d.booking_id, ''), coalesce(d.payment_id, 0), coalesce(d.refund_row, 0)),
                d.*
         from internal.money_disagreements() d",
    )
    .execute(&mut *tx)
    .await?;
    let report =
        Report { name: NAME.to_owned(), as_of, found: found.rows_affected().cast_signed(), samples: json!([]) };
    reports::keep(&mut tx, &report).await?;
    tx.commit().await?;
    Ok(report)
}

/// The disagreements of a kind, or all.
struct Disagreements {
    kinds: AnyOf<DisagreementKind>,
    as_of: DateTime<Utc>,
}

impl List for Disagreements {
    type Row = Disagreement;
    type Order = DisagreementOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: DisagreementOrder,
        position: &Position,
    ) -> Result<Vec<Disagreement>> {
        let rows = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Found),
            [r#"select d.kind as "kind: DisagreementKind",
                       d.booking_id as "booking_id: BookingId",
                       d.payment_id as "payment_id: PaymentId",
                       d.refund_row as "refund_row: RefundId",
                       d.bookings,
                       d.payments,
                       d.refunds,
                       d.cancellations,
                       d.place
                from internal.disagreements d
                where true
                  and d.kind = any ($1::text[])
                  and d.place < $2 -- by any
                order by d.place desc -- by any
                limit $3"#],
            self.kinds.words() => Option<Vec<&str>>,
            position.sort(),
            position.limit,
        )?;
        Ok(rows.into_iter().map(Disagreement::from).collect())
    }

    fn as_of(&self) -> Option<Timestamp> {
        Some(self.as_of.into())
    }

    fn key(found: &Disagreement) -> Key {
        Key { sort: found.place.clone(), id: String::new() }
    }
}
