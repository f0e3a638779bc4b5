//! A therapist's figures, of a period, of the one before, and of all times.
//!
//! Counted over the bookings that start in a period, as everywhere: *sessions* are neither cancelled nor no-shows;
//! *gross* is the sum of payments, for cancelled ones too; *refunded* the sum of completed refunds; *net* the
//! difference.

use axum::extract::State;
use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::model::ensure_named;
use crate::{
    app::state::App,
    dashboards::{CurrencyFigures, Period, PeriodParams, elsewhere},
    db::scope::Scope,
    domain::{
        ids::TherapistId,
        money::{Amount, Currency},
        time::{Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::extract::{Json, Path, Query},
};

/// The figures of a therapist's bookings that start in a period. "The list" is `GET /admin/bookings` with the same days
/// and the therapist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "from": "2026-02-01", "to": "2026-02-28", "gross": "79900.00", "refunded": "10200.00", "net": "69700.00",
    "refunds_in_flight": "1700.00", "claims": "0.00", "sessions": 41, "free_consultations": 6, "cancellations": 8, "no_shows": 3,
    "currencies": [{
        "currency": "INR", "gross": "79900.00", "refunded": "10200.00", "net": "69700.00",
        "refunds_in_flight": "1700.00", "claims": "0.00"
    }]
}))]
pub(super) struct TherapistTotals {
    /// The first day; null for all times.
    from: Option<NaiveDate>,
    /// The last day; null for all times.
    to: Option<NaiveDate>,
    /// Payments, for cancelled bookings too.
    #[schema(value_type = String, format = "decimal")]
    gross: Amount,
    /// Completed refunds.
    #[schema(value_type = String, format = "decimal")]
    refunded: Amount,
    /// Gross less refunded.
    #[schema(value_type = String, format = "decimal")]
    net: Amount,
    /// Refunds under way; not taken off `net`.
    #[schema(value_type = String, format = "decimal")]
    refunds_in_flight: Amount,
    /// What bookings that are `waiting` for their payment, and not cancelled, are to bring in; not part of `gross`.
    #[schema(value_type = String, format = "decimal")]
    claims: Amount,
    /// Bookings neither cancelled nor no-shows, free consultations among them.
    sessions: i64,
    /// Sessions that cost nothing.
    free_consultations: i64,
    /// Bookings called off.
    cancellations: i64,
    /// Bookings whose client did not come.
    no_shows: i64,
    /// The amounts by currency: first those in rupees, which stand above too, then what there is in others, by code.
    currencies: Vec<CurrencyFigures>,
}

/// A therapist's figures.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TherapistStats {
    /// The therapist.
    therapist_id: TherapistId,
    /// The zone of the calendar days.
    #[schema(value_type = Zone)]
    tz: String,
    /// The currency of the amounts that name none.
    #[schema(example = "INR")]
    currency: &'static str,
    /// Of the period asked for.
    current: TherapistTotals,
    /// Of as many days, right before it.
    previous: TherapistTotals,
    /// Of all times.
    lifetime: TherapistTotals,
    /// How many clients are assigned to them now.
    #[schema(example = 37)]
    assigned_clients: i64,
}

/// Get a therapist's figures
///
/// Of the period, of as many days right before it, and of all times.
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/stats",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), PeriodParams),
    responses((status = 200, description = "The figures", body = TherapistStats), Problems),
)]
pub(super) async fn get_therapist_stats(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<TherapistId>,
    Query(params): Query<PeriodParams>,
) -> Result<Json<TherapistStats>> {
    let period = params.period(&app, &scope).await?;
    let mut db = app.db.read(&scope).await?;
    ensure_named(&mut db, &id).await?;
    let current = count(&mut db, &id, Some(period)).await?;
    let previous = count(&mut db, &id, Some(period.previous())).await?;
    let lifetime = count(&mut db, &id, None).await?;
    let assigned_clients = sqlx::query_scalar!(
        r#"select count(*) as "count!" from all_clients_table where therapist_id = $1"#,
        id.as_str(),
    )
    .fetch_one(&mut *db)
    .await?;
    let tz = period.zone.to_string();
    Ok(Json(TherapistStats {
        therapist_id: id,
        tz,
        currency: Currency::INR,
        current,
        previous,
        lifetime,
        assigned_clients,
    }))
}

/// Counts the bookings that start in a period, or those of all times.
async fn count(db: &mut PgConnection, id: &TherapistId, period: Option<Period>) -> Result<TherapistTotals> {
    let since = period.map(|period| Timestamp::from(period.start()));
    let before = period.map(|period| Timestamp::from(period.end()));
    let counted = sqlx::query!(
        r#"select round(coalesce(sum(f.paid), 0), 2) as "gross!: Amount",
                  round(coalesce(sum(f.refunded), 0), 2) as "refunded!: Amount",
                  round(coalesce(sum(f.paid), 0), 2) - round(coalesce(sum(f.refunded), 0), 2) as "net!: Amount",
                  round(coalesce(sum(f.refunding), 0), 2) as "refunds_in_flight!: Amount",
                  round(coalesce(sum(f.claimed), 0), 2) as "claims!: Amount",
                  count(*) filter (where f.counted_as = 'active') as "sessions!",
                  count(*) filter (where f.counted_as = 'active' and f.free) as "free_consultations!",
                  count(*) filter (where f.counted_as = 'cancelled') as "cancellations!",
                  count(*) filter (where f.counted_as = 'no_show') as "no_shows!"
           from internal.booking_facts f
           where f.therapist_id = $1
             and ($2::timestamp is null or f.starts_at >= $2)
             and ($3::timestamp is null or f.starts_at < $3)"#,
        id.as_str(),
        since as Option<Timestamp>,
        before as Option<Timestamp>,
    )
    .fetch_one(&mut *db)
    .await?;
    let rupees = CurrencyFigures {
        currency: Currency::INR.to_owned(),
        gross: counted.gross,
        refunded: counted.refunded,
        net: counted.net,
        refunds_in_flight: counted.refunds_in_flight,
        claims: counted.claims,
    };
    let bounds: Vec<Timestamp> = since.into_iter().chain(before).collect();
    let others = elsewhere(db, &bounds, Some(id), false).await?;
    let currencies = std::iter::once(rupees).chain(others.into_iter().map(|found| found.figures)).collect();
    Ok(TherapistTotals {
        from: period.map(|period| period.from),
        to: period.map(|period| period.to),
        gross: counted.gross,
        refunded: counted.refunded,
        net: counted.net,
        refunds_in_flight: counted.refunds_in_flight,
        claims: counted.claims,
        sessions: counted.sessions,
        free_consultations: counted.free_consultations,
        cancellations: counted.cancellations,
        no_shows: counted.no_shows,
        currencies,
    })
}
