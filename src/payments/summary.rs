//! The payments and refunds of a period, summed: as a whole, by gateway and by therapist.
//!
//! The figures are sums over the payments of bookings whose session starts in the period, cancelled ones included, which
//! are the sums of the dashboard too. Gross is the sum of payments, refunded that of completed refunds, net the
//! difference; refunds under way are a figure of their own, and still in the net. Amounts of different currencies are not
//! added: those that name no currency are in rupees.

use axum::extract::State;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::state::App,
    dashboards::{Period, PeriodParams},
    db::scope::Scope,
    domain::{
        ids::TherapistId,
        money::{Amount, Currency},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// Sums over the payments for bookings of a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "payments": 120, "gross": "204000.00", "refunds": 6, "refunded": "8500.00", "net": "195500.00",
    "open_refunds": 2, "refunds_in_flight": "3400.00",
    "currencies": [{
        "currency": "INR", "gross": "204000.00", "refunded": "8500.00", "net": "195500.00", "refunds_in_flight": "3400.00"
    }]
}))]
pub(super) struct MoneyFigures {
    /// How many payments brought something in.
    payments: i64,
    /// The sum of payments, cancelled bookings included.
    #[schema(value_type = String, format = "decimal")]
    gross: Amount,
    /// How many refunds were completed.
    refunds: i64,
    /// The sum of completed refunds.
    #[schema(value_type = String, format = "decimal")]
    refunded: Amount,
    /// Gross less refunded.
    #[schema(value_type = String, format = "decimal")]
    net: Amount,
    /// How many refunds are initiated or processing.
    open_refunds: i64,
    /// The sum of refunds under way.
    #[schema(value_type = String, format = "decimal")]
    refunds_in_flight: Amount,
    /// The amounts by currency: first those in rupees, which stand above too, then what there is in others, by code.
    currencies: Vec<CurrencyMoney>,
}

/// Sums of payments and refunds in one currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CurrencyMoney {
    /// The currency: an ISO 4217 code, or another program's word as it is.
    currency: String,
    /// The sum of payments.
    #[schema(value_type = String, format = "decimal")]
    gross: Amount,
    /// The sum of completed refunds.
    #[schema(value_type = String, format = "decimal")]
    refunded: Amount,
    /// Gross less refunded.
    #[schema(value_type = String, format = "decimal")]
    net: Amount,
    /// The sum of refunds under way.
    #[schema(value_type = String, format = "decimal")]
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
    let period = params.period(&app, &scope).await?;
    let before = period.previous();
    let mut groups = groups(&app, &scope, before, period).await?;
    let [current, previous] = match groups.iter().position(|group| group.part == 0) {
        Some(total) => groups.remove(total).figures,
        None => [MoneyFigures::nothing(), MoneyFigures::nothing()],
    };
    let (gateways, therapists): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.part == 1);
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
            .map(|Group { gateway, figures: [current, previous], .. }| GatewayMoney { gateway, current, previous })
            .collect(),
        therapists: therapists
            .into_iter()
            .map(|Group { therapist_id, therapist_name, figures: [current, previous], .. }| TherapistMoney {
                therapist_id,
                therapist_name,
                current,
                previous,
            })
            .collect(),
    }))
}

/// The figures of both periods, this one first: of all (part 0), of a gateway (1), of a therapist (2).
struct Group {
    part: i32,
    gateway: Option<String>,
    therapist_id: Option<TherapistId>,
    therapist_name: Option<String>,
    figures: [MoneyFigures; 2],
}

impl MoneyFigures {
    fn nothing() -> Self {
        let zero = Amount::ZERO;
        let rupees = CurrencyMoney {
            currency: Currency::INR.to_owned(),
            gross: zero,
            refunded: zero,
            net: zero,
            refunds_in_flight: zero,
        };
        Self {
            payments: 0,
            gross: zero,
            refunds: 0,
            refunded: zero,
            net: zero,
            open_refunds: 0,
            refunds_in_flight: zero,
            currencies: vec![rupees],
        }
    }

    /// Adds what there is in one currency. The amounts that name no currency are those in rupees.
    fn add(&mut self, payments: i64, refunds: i64, open_refunds: i64, money: CurrencyMoney) {
        self.payments += payments;
        self.refunds += refunds;
        self.open_refunds += open_refunds;
        if money.currency == Currency::INR {
            (self.gross, self.refunded, self.net) = (money.gross, money.refunded, money.net);
            self.refunds_in_flight = money.refunds_in_flight;
            self.currencies[0] = money;
        } else {
            self.currencies.push(money);
        }
    }
}

/// One pass over the bookings of both periods, which follow each other.
async fn groups(app: &App, scope: &Scope, previous: Period, current: Period) -> Result<Vec<Group>> {
    let mut db = app.db.read(scope).await?;
    let sums = sqlx::query!(
        r#"select s.part as "part!",
                  s.gateway as "gateway?",
                  s.therapist_id as "therapist_id?: TherapistId",
                  t.name as "therapist_name?",
                  s.before as "before!",
                  s.currency as "currency!",
                  s.payments as "payments!",
                  s.gross as "gross!: Amount",
                  s.refunds as "refunds!",
                  s.refunded as "refunded!: Amount",
                  s.gross - s.refunded as "net!: Amount",
                  s.open_refunds as "open_refunds!",
                  s.refunds_in_flight as "refunds_in_flight!: Amount"
           from (
               select case
                          when grouping(m.gateway) = 0 then 1
                          when grouping(m.therapist_id) = 0 then 2
                          else 0
                      end as part,
                      m.gateway,
                      m.therapist_id,
                      m.before,
                      m.currency,
                      count(*) filter (where m.paid > 0) as payments,
                      round(sum(m.paid), 2) as gross,
                      count(*) filter (where m.step = 5) as refunds,
                      round(sum(m.refunded), 2) as refunded,
                      count(*) filter (where m.step in (2, 3)) as open_refunds,
                      round(sum(m.refunding), 2) as refunds_in_flight
               from (
                   select f.starts_at < $2 as before,
                          internal.currency(p.currency) as currency,
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
               group by grouping sets ((m.before, m.currency), (m.before, m.currency, m.gateway),
                                       (m.before, m.currency, m.therapist_id))
           ) s
           left join lateral (
               select t.name from therapists t where t.therapist_id = s.therapist_id order by t.id limit 1
           ) t on true
           -- The largest gross in rupees of this period first.
           order by s.part,
                    max(s.gross) filter (where s.currency = 'INR' and not s.before)
                        over (partition by s.part, s.gateway, s.therapist_id) desc nulls last,
                    s.gateway,
                    s.therapist_id,
                    s.currency"#,
        Timestamp::from(previous.start()) as Timestamp,
        Timestamp::from(current.start()) as Timestamp,
        Timestamp::from(current.end()) as Timestamp,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut groups: Vec<Group> = Vec::new();
    for row in sums {
        let same = |group: &Group| {
            (group.part, &group.gateway, &group.therapist_id) == (row.part, &row.gateway, &row.therapist_id)
        };
        if !groups.last().is_some_and(same) {
            groups.push(Group {
                part: row.part,
                gateway: row.gateway,
                therapist_id: row.therapist_id,
                therapist_name: row.therapist_name,
                figures: [MoneyFigures::nothing(), MoneyFigures::nothing()],
            });
        }
        let money = CurrencyMoney {
            currency: row.currency,
            gross: row.gross,
            refunded: row.refunded,
            net: row.net,
            refunds_in_flight: row.refunds_in_flight,
        };
        if let Some(group) = groups.last_mut() {
            group.figures[usize::from(row.before)].add(row.payments, row.refunds, row.open_refunds, money);
        }
    }
    Ok(groups)
}
