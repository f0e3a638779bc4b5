//! Reading payments: the list, latest first, and one of them.
//!
//! One statement a page (`select_payments!`). A page by date costs the same at any depth; so does one of a refund's
//! state, a client or a search. For the month of a session and for a therapist all their payments are found and sorted.

use axum::{extract::State, response::Response};
use sqlx::PgConnection;

use super::{
    filter::{ClientPaymentFilter, PaymentFilter, PaymentOrder},
    model::{Payment, PaymentState, read_payments},
    select::{Criteria, select_payments},
};
use crate::{
    app::state::App,
    clients,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
};

/// List payments
///
/// Payments, latest first; and, as `pending`, bookings whose payment has not arrived, which have no `payment_id` yet.
/// Each is in one `state`, so that the lists of all states add up to this one. Periods go by the start of the session.
/// `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/payments",
    tag = "payments",
    params(PaymentFilter, ("sort" = inline(Option<PaymentOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of payments", content(
            (Page<Payment> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_payments(
    State(app): State<App>,
    listing: Listing<PaymentFilter, PaymentOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(PaymentList(criteria)).await
}

/// List a client's payments
///
/// The client's payments, latest first; and, as `pending`, those that have not arrived.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/payments",
    tag = "clients",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ClientPaymentFilter,
        ("sort" = inline(Option<PaymentOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of payments", content(
            (Page<Payment> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_client_payments(
    scope: Scope,
    State(app): State<App>,
    Path(client): Path<ClientId>,
    listing: Listing<ClientPaymentFilter, PaymentOrder>,
) -> Result<Response> {
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &client).await?;
    let criteria = listing.filter.of(client).criteria(&app)?;
    listing.request.answer(PaymentList(criteria)).await
}

/// The payments that a filter wants.
struct PaymentList(Criteria);

/// How many there are.
struct Count {
    count: i64,
}

/// One page in one direction: the order's key in either set and its type, the comparison with the position, and the
/// direction.
macro_rules! page_of_payments {
    ($key:literal, $awaited_key:literal: $type:literal, $beyond:literal, $direction:literal, $criteria:expr,
     $position:expr) => {{
        let (nth, mark) = beyond($position);
        read_payments!(
            $key,
            $awaited_key,
            [
                "and ($12::text is null or (" $key ", p.payment_id, '') " $beyond " ($12::text::" $type ", $13, $14)) "
                "order by " $key " " $direction ", p.payment_id " $direction " limit $15"
            ],
            [
                "and ($12::text is null or (" $awaited_key ", 0, b.booking_id) " $beyond " ($12::text::" $type ", $13, $14)) "
                "order by " $awaited_key " " $direction ", b.booking_id " $direction " limit $15"
            ],
            ["order by f.place " $direction ", f.nth " $direction ", f.mark " $direction " limit $15"],
            $criteria,
            $position.sort(),
            nth,
            mark,
            $position.limit,
        )
    }};
}

/// The ids of a position: the payment's, and the booking's where it is awaited.
fn beyond(position: &Position) -> (Option<i32>, Option<&str>) {
    let ids = position.id().and_then(|id| id.split_once(' '));
    (ids.and_then(|(nth, _)| nth.parse().ok()), ids.map(|(_, mark)| mark))
}

impl List for PaymentList {
    type Row = Payment;
    type Order = PaymentOrder;

    async fn rows(&self, db: &mut PgConnection, order: PaymentOrder, position: &Position) -> Result<Vec<Payment>> {
        use PaymentOrder as O;
        // One arm for each order and direction, so that every statement is plain, checked and indexed.
        macro_rules! read {
            ($key:literal, $awaited_key:literal: $type:literal) => {
                if position.descending {
                    page_of_payments!($key, $awaited_key: $type, "<", "desc", self.0, position).fetch_all(db).await
                } else {
                    page_of_payments!($key, $awaited_key: $type, ">", "asc", self.0, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::LatestFirst | O::EarliestFirst => {
                read!("coalesce(p.payment_date, '-infinity')", "'-infinity'::timestamp": "timestamp")
            }
            O::LargestFirst | O::SmallestFirst => read!(
                "round(internal.booking_paid(p.amount), 2)",
                "round(internal.booking_paid(b.invitee_payment_amount), 2)": "numeric"
            ),
            O::NameUp | O::NameDown => read!(
                "left(internal.fold(coalesce(p.invitee_name, '')), 100)",
                "left(internal.fold(coalesce(b.invitee_name, '')), 100)": "text"
            ),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let count =
            select_payments!(Count, r#"count(*) as "count!""#, ["1"], ["1"], [], [], [], self.0).fetch_one(db).await?;
        Ok(count.count)
    }

    fn key(payment: &Payment) -> Key {
        payment.key()
    }
}

/// Get a payment
#[utoipa::path(
    get,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = PaymentId, Path, description = "The payment's id")),
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
