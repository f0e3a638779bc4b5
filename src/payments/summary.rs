//! The payments and refunds of a period, summed: as a whole, by gateway and by therapist.
//!
//! The figures are sums over the payments of bookings whose session starts in the period, cancelled ones included, which
//! are the sums of the dashboard too. Gross is the sum of payments, refunded that of completed refunds, net the
//! difference; refunds under way are a figure of their own, and still in the net.

use axum::extract::State;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::state::App,
    dashboards::{Period, PeriodParams},
    db::scope::Scope,
    domain::{ids::TherapistId, money::Amount, time::Timestamp},
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// Sums over the payments for bookings of a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "payments": 120, "gross": "204000.00", "refunds": 6, "refunded": "8500.00", "net": "195500.00",
    "open_refunds": 2, "refunds_in_flight": "3400.00"
}))]
pub(super) struct MoneyFigures {
    /// How many payments brought something in.
    payments: i64,
    /// The sum of payments, cancelled bookings included.
    gross: Amount,
    /// How many refunds were completed.
    refunds: i64,
    /// The sum of completed refunds.
    refunded: Amount,
    /// Gross less refunded.
    net: Amount,
    /// How many refunds are initiated or processing.
    open_refunds: i64,
    /// The sum of refunds under way.
    refunds_in_flight: Amount,
}

/// The figures of one gateway.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GatewayMoney {
    /// The gateway, in lower case; null where none is named.
    #[schema(example = "razorpay")]
    gateway: Option<String>,
    /// In the period.
    current: MoneyFigures,
    /// In the period before.
    previous: MoneyFigures,
}

/// The figures of one therapist.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TherapistMoney {
    /// The therapist; null for bookings without one.
    #[schema(example = "58701")]
    therapist_id: Option<TherapistId>,
    /// Their name.
    #[schema(example = "Asha Rao")]
    therapist_name: Option<String>,
    /// In the period.
    current: MoneyFigures,
    /// In the period before.
    previous: MoneyFigures,
}

/// The sums of payments and refunds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentSummary {
    /// The first day of the period.
    #[schema(example = "2026-02-01")]
    from: NaiveDate,
    /// Its last day.
    #[schema(example = "2026-02-28")]
    to: NaiveDate,
    /// The first day of the period before, which is as long.
    #[schema(example = "2026-01-04")]
    previous_from: NaiveDate,
    /// Its last day.
    #[schema(example = "2026-01-31")]
    previous_to: NaiveDate,
    /// The zone of the days.
    #[schema(example = "Asia/Kolkata")]
    tz: String,
    /// In the period.
    current: MoneyFigures,
    /// In the period before.
    previous: MoneyFigures,
    /// By gateway, the largest gross first; those without any money in either period are left out.
    gateways: Vec<GatewayMoney>,
    /// By therapist, likewise.
    therapists: Vec<TherapistMoney>,
}

/// Summarise payments
///
/// Gross, refunded and net, and what is on its way back, of the bookings whose session starts in the period; by gateway
/// and by therapist; each with the period of equal length before. Equal to the dashboard's figures for the same days.
#[utoipa::path(
    get,
    path = "/payments/summary",
    tag = "payments",
    params(PeriodParams),
    responses((status = 200, description = "The figures", body = PaymentSummary), Problems),
)]
pub(super) async fn summarize_payments(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<PeriodParams>,
) -> Result<Json<PaymentSummary>> {
    let period = params.period(&app)?;
    let before = period.previous();
    let mut rows = rows(&app, &scope, before, period).await?;
    let [current, previous] = match rows.iter().position(|row| row.part == 0) {
        Some(total) => rows.remove(total).figures(),
        None => [MoneyFigures::nothing(), MoneyFigures::nothing()],
    };
    let (gateways, therapists): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.part == 1);
    Ok(Json(PaymentSummary {
        from: period.from,
        to: period.to,
        previous_from: before.from,
        previous_to: before.to,
        tz: period.zone.to_string(),
        current,
        previous,
        gateways: gateways
            .into_iter()
            .map(|row| {
                let gateway = row.gateway.clone();
                let [current, previous] = row.figures();
                GatewayMoney { gateway, current, previous }
            })
            .collect(),
        therapists: therapists
            .into_iter()
            .map(|row| {
                let (therapist_id, therapist_name) = (row.therapist_id.clone(), row.therapist_name.clone());
                let [current, previous] = row.figures();
                TherapistMoney { therapist_id, therapist_name, current, previous }
            })
            .collect(),
    }))
}

/// Sums of both periods: of all (part 0), of a gateway (1), of a therapist (2).
struct Sums {
    part: i32,
    gateway: Option<String>,
    therapist_id: Option<TherapistId>,
    therapist_name: Option<String>,
    payments: i64,
    gross: Amount,
    refunds: i64,
    refunded: Amount,
    net: Amount,
    open_refunds: i64,
    refunds_in_flight: Amount,
    payments_before: i64,
    gross_before: Amount,
    refunds_before: i64,
    refunded_before: Amount,
    net_before: Amount,
    open_refunds_before: i64,
    refunds_in_flight_before: Amount,
}

impl Sums {
    /// Of the period, and of the one before.
    fn figures(self) -> [MoneyFigures; 2] {
        let current = MoneyFigures {
            payments: self.payments,
            gross: self.gross,
            refunds: self.refunds,
            refunded: self.refunded,
            net: self.net,
            open_refunds: self.open_refunds,
            refunds_in_flight: self.refunds_in_flight,
        };
        let previous = MoneyFigures {
            payments: self.payments_before,
            gross: self.gross_before,
            refunds: self.refunds_before,
            refunded: self.refunded_before,
            net: self.net_before,
            open_refunds: self.open_refunds_before,
            refunds_in_flight: self.refunds_in_flight_before,
        };
        [current, previous]
    }
}

impl MoneyFigures {
    fn nothing() -> Self {
        let zero = Amount::ZERO;
        Self {
            payments: 0,
            gross: zero,
            refunds: 0,
            refunded: zero,
            net: zero,
            open_refunds: 0,
            refunds_in_flight: zero,
        }
    }
}

/// One pass over the bookings of both periods, which follow each other.
async fn rows(app: &App, scope: &Scope, previous: Period, current: Period) -> Result<Vec<Sums>> {
    let mut db = app.db.read(scope).await?;
    let sums = sqlx::query_as!(
        Sums,
        r#"select s.part as "part!",
                  s.gateway as "gateway?",
                  s.therapist_id as "therapist_id?: TherapistId",
                  t.name as "therapist_name?",
                  s.payments as "payments!",
                  s.gross as "gross!: Amount",
                  s.refunds as "refunds!",
                  s.refunded as "refunded!: Amount",
                  s.gross - s.refunded as "net!: Amount",
                  s.open_refunds as "open_refunds!",
                  s.refunds_in_flight as "refunds_in_flight!: Amount",
                  s.payments_before as "payments_before!",
                  s.gross_before as "gross_before!: Amount",
                  s.refunds_before as "refunds_before!",
                  s.refunded_before as "refunded_before!: Amount",
                  s.gross_before - s.refunded_before as "net_before!: Amount",
                  s.open_refunds_before as "open_refunds_before!",
                  s.refunds_in_flight_before as "refunds_in_flight_before!: Amount"
           from (
               select case
                          when grouping(m.gateway) = 0 then 1
                          when grouping(m.therapist_id) = 0 then 2
                          else 0
                      end as part,
                      m.gateway,
                      m.therapist_id,
                      count(*) filter (where m.now and m.paid > 0) as payments,
                      round(coalesce(sum(m.paid) filter (where m.now), 0), 2) as gross,
                      count(*) filter (where m.now and m.step = 5) as refunds,
                      round(coalesce(sum(m.refunded) filter (where m.now), 0), 2) as refunded,
                      count(*) filter (where m.now and m.step in (2, 3)) as open_refunds,
                      round(coalesce(sum(m.refunding) filter (where m.now), 0), 2) as refunds_in_flight,
                      count(*) filter (where not m.now and m.paid > 0) as payments_before,
                      round(coalesce(sum(m.paid) filter (where not m.now), 0), 2) as gross_before,
                      count(*) filter (where not m.now and m.step = 5) as refunds_before,
                      round(coalesce(sum(m.refunded) filter (where not m.now), 0), 2) as refunded_before,
                      count(*) filter (where not m.now and m.step in (2, 3)) as open_refunds_before,
                      round(coalesce(sum(m.refunding) filter (where not m.now), 0), 2) as refunds_in_flight_before
               from (
                   select f.starts_at >= $2 as now,
                          nullif(internal.fold(p.payment_gateway_name), '') as gateway,
                          f.therapist_id,
                          internal.booking_paid(p.amount) as paid,
                          internal.booking_refunded(p.refund_status, p.refund_amount) as refunded,
                          internal.booking_refunding(p.refund_status, p.refund_amount) as refunding,
                          internal.refund_step(p.refund_status) as step
                   from internal.booking_facts f
                   join payments p on p.booking_id = f.booking_id
                   where f.starts_at >= $1
                     and f.starts_at < $3
               ) m
               where m.paid > 0 or m.step in (2, 3, 5)
               group by grouping sets ((), (m.gateway), (m.therapist_id))
           ) s
           left join lateral (
               select t.name from therapists t where t.therapist_id = s.therapist_id order by t.id limit 1
           ) t on true
           order by s.gross desc, s.gateway, s.therapist_id"#,
        Timestamp::from(previous.start()) as Timestamp,
        Timestamp::from(current.start()) as Timestamp,
        Timestamp::from(current.end()) as Timestamp,
    )
    .fetch_all(&mut *db)
    .await?;
    Ok(sums)
}
