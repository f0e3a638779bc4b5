//! The practice's figures over time.

use axum::extract::State;
use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    figures::{Figures, count},
    period::{Period, month_end},
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        money::Currency,
        time::{Day, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::extract::{Json, Query},
};

/// The most buckets of one answer: two years of days.
const MAX_BUCKETS: usize = 750;

/// The parts that a period is divided into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DashboardBucket)]
pub(super) enum Bucket {
    /// Calendar days.
    #[default]
    Day,
    /// Calendar weeks, which start on Monday.
    Week,
    /// Calendar months.
    Month,
}

/// The requested days, and how they are divided.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SeriesParams {
    /// The parts of the series: at most 750 of them. Days, if not given.
    #[serde(default)]
    #[param(inline, example = "day")]
    bucket: Bucket,
    /// The first day. If not given, the first day of the month that `to` is in, or of the present month.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// The last day. If not given, the last day of the month that `from` is in, or of the present month.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// The practice's figures of each part of a period.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DashboardSeries {
    /// The zone whose calendar days the period is made of.
    #[schema(value_type = Zone)]
    tz: String,
    /// The currency of the amounts that name none.
    #[schema(example = "INR")]
    currency: &'static str,
    /// The parts of the series.
    bucket: Bucket,
    /// Every part, in order, those without bookings too. The first and the last are cut to the period.
    data: Vec<Figures>,
}

/// Get the practice's figures over time
///
/// The figures of each day, week or month of a period: together they are those of the period.
#[utoipa::path(
    get,
    path = "/dashboard/series",
    tag = "dashboard",
    params(SeriesParams),
    responses((status = 200, description = "The figures, part by part", body = DashboardSeries), Problems),
)]
pub(super) async fn get_dashboard_series(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<SeriesParams>,
) -> Result<Json<DashboardSeries>> {
    let SeriesParams { bucket, from, to, tz } = params;
    let period = Period::of(from, to, tz, &app)?;
    let parts: Vec<Period> = parts(period, bucket).take(MAX_BUCKETS + 1).collect();
    if parts.len() > MAX_BUCKETS {
        return Err(Error::query("bucket", "would make more than 750 parts of the period; take larger ones"));
    }
    let mut db = app.db.read(&scope).await?;
    let counted = count(&mut db, &parts, false).await?;
    let mut data: Vec<Figures> = parts.into_iter().map(Figures::none).collect();
    for found in counted {
        data[found.period] = found.figures;
    }
    Ok(Json(DashboardSeries { tz: period.zone.to_string(), currency: Currency::INR, bucket, data }))
}

/// The parts of a period, in order.
fn parts(period: Period, bucket: Bucket) -> impl Iterator<Item = Period> {
    let mut next = Some(period.from);
    std::iter::from_fn(move || {
        let from = next.filter(|from| *from <= period.to)?;
        let to = last_day(from, bucket).min(period.to);
        next = to.succ_opt();
        Some(Period { from, to, ..period })
    })
}

/// The last day of the part that a day is in.
fn last_day(day: NaiveDate, bucket: Bucket) -> NaiveDate {
    match bucket {
        Bucket::Day => day,
        Bucket::Week => {
            let ahead = Days::new(u64::from(6 - day.weekday().num_days_from_monday()));
            day.checked_add_days(ahead).unwrap_or(day)
        }
        Bucket::Month => month_end(day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(from: &str, to: &str, bucket: Bucket) -> Vec<(String, String)> {
        let day = |text: &str| text.parse().expect("a day");
        let period = Period { from: day(from), to: day(to), zone: Zone::INDIA };
        parts(period, bucket).map(|part| (part.from.to_string(), part.to.to_string())).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn parts_are_calendar_days_weeks_and_months_cut_to_the_period() {
        assert_eq!(
            divided("2026-01-30", "2026-02-02", Bucket::Day),
            pairs(&[
                ("2026-01-30", "2026-01-30"),
                ("2026-01-31", "2026-01-31"),
                ("2026-02-01", "2026-02-01"),
                ("2026-02-02", "2026-02-02")
            ])
        );
        // 1 February 2026 is a Sunday.
        assert_eq!(
            divided("2026-01-30", "2026-02-10", Bucket::Week),
            pairs(&[("2026-01-30", "2026-02-01"), ("2026-02-02", "2026-02-08"), ("2026-02-09", "2026-02-10")])
        );
        assert_eq!(
            divided("2023-12-31", "2024-03-01", Bucket::Month),
            pairs(&[
                ("2023-12-31", "2023-12-31"),
                ("2024-01-01", "2024-01-31"),
                ("2024-02-01", "2024-02-29"),
                ("2024-03-01", "2024-03-01")
            ])
        );
        assert_eq!(divided("2026-02-04", "2026-02-04", Bucket::Month), pairs(&[("2026-02-04", "2026-02-04")]));
    }
}
