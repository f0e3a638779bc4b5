//! The days of the figures' period, and of the period they are compared with.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::state::App,
    db::scope::Scope,
    domain::time::{Day, Timestamp, Zone},
    error::{Error, Result},
};

/// The requested days.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PeriodParams {
    /// The first day. If not given, from the first booking on; so of all times where `to` is not given either.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// The last day. If not given, up to the last booking.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// Calendar days of a zone, both ends included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
    pub(crate) zone: Zone,
}

impl PeriodParams {
    /// The requested days. At an end that is not given, up to the first and the last booking of the scope that has a start.
    pub(crate) async fn period(self, app: &App, scope: &Scope) -> Result<Period> {
        let Self { from, to, tz } = self;
        if from.is_some() && to.is_some() {
            return Period::of(from, to, tz, app);
        }
        let zone = tz.unwrap_or(app.zone);
        let known = sqlx::query!(
            r#"select (
                          select f.starts_at
                          from internal.booking_facts f
                          where f.starts_at > '-infinity'
                            and ($1::text is null or f.therapist_id = $1)
                          order by f.starts_at
                          limit 1
                      ) as "first!: Timestamp",
                      (
                          select f.starts_at
                          from internal.booking_facts f
                          where f.starts_at < 'infinity'
                            and ($1::text is null or f.therapist_id = $1)
                          order by f.starts_at desc
                          limit 1
                      ) as "last!: Timestamp""#,
            scope.owner(),
        )
        .fetch_one(&mut *app.db.read(scope).await?)
        .await?;
        let day = |known: Timestamp| {
            zone.date(known.instant().unwrap_or_else(|| app.clock.now())).clamp(Day::FIRST, Day::LAST)
        };
        let (first, last) = (day(known.first), day(known.last));
        Ok(match (from.map(Day::date), to.map(Day::date)) {
            (Some(from), _) => Period { from, to: last.max(from), zone },
            (None, Some(to)) => Period { from: first.min(to), to, zone },
            (None, None) => Period { from: first, to: last.max(first), zone },
        })
    }
}

impl Period {
    /// The requested days; those of the present month by default.
    pub(crate) fn of(from: Option<Day>, to: Option<Day>, zone: Option<Zone>, app: &App) -> Result<Self> {
        let zone = zone.unwrap_or(app.zone);
        let (from, to) = match (from.map(Day::date), to.map(Day::date)) {
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, month_end(from)),
            (None, Some(to)) => (month_start(to), to),
            (None, None) => {
                let today = zone.date(app.clock.now());
                (month_start(today), month_end(today))
            }
        };
        if from > to {
            return Err(Error::query("to", "is before `from`"));
        }
        Ok(Self { from, to, zone })
    }

    /// As many days, right before.
    pub(crate) fn previous(self) -> Self {
        let days = Days::new((self.to - self.from).num_days().unsigned_abs() + 1);
        let back = |day: NaiveDate| day.checked_sub_days(days).unwrap_or(NaiveDate::MIN);
        Self { from: back(self.from), to: back(self.to), ..self }
    }

    /// The first instant of it.
    pub(crate) fn start(self) -> DateTime<Utc> {
        self.zone.day_start(self.from)
    }

    /// The first instant after it.
    pub(crate) fn end(self) -> DateTime<Utc> {
        self.zone.days(self.from, self.to).end
    }

    /// The instants at which consecutive periods begin, and at which the last one ends, for `width_bucket`, which
    /// numbers the periods from 1.
    pub(super) fn bounds(periods: &[Self]) -> Vec<Timestamp> {
        let ends = periods.last().map(|last| last.end());
        periods.iter().map(|period| period.start()).chain(ends).map(Timestamp::from).collect()
    }
}

pub(super) fn month_start(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

pub(super) fn month_end(day: NaiveDate) -> NaiveDate {
    let next = month_start(day).checked_add_months(Months::new(1));
    next.and_then(|next| next.pred_opt()).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn period(from: &str, to: &str) -> Period {
        Period { from: day(from), to: day(to), zone: Zone::INDIA }
    }

    #[test]
    fn the_previous_period_has_as_many_days_and_ends_the_day_before() {
        for (from, to, previous) in [
            ("2026-02-01", "2026-02-28", ("2026-01-04", "2026-01-31")),
            ("2026-03-01", "2026-03-01", ("2026-02-28", "2026-02-28")),
            ("2024-01-01", "2024-12-31", ("2022-12-31", "2023-12-31")),
            ("1900-01-01", "2199-12-31", ("1600-01-01", "1899-12-31")),
        ] {
            let found = period(from, to).previous();
            assert_eq!((found.from, found.to), (day(previous.0), day(previous.1)), "{from}");
        }
    }

    #[test]
    fn consecutive_periods_share_their_bounds() {
        let now = period("2026-02-01", "2026-02-28");
        let bounds = Period::bounds(&[now.previous(), now]);
        let written: Vec<String> =
            bounds.iter().map(|bound| bound.instant().expect("an instant").to_rfc3339()).collect();
        assert_eq!(written, ["2026-01-03T18:30:00+00:00", "2026-01-31T18:30:00+00:00", "2026-02-28T18:30:00+00:00"]);
        assert_eq!(Period::bounds(&[]), []);
    }

    #[test]
    fn months_have_their_ends() {
        for (inside, first, last) in
            [("2024-02-10", "2024-02-01", "2024-02-29"), ("2025-12-31", "2025-12-01", "2025-12-31")]
        {
            assert_eq!((month_start(day(inside)), month_end(day(inside))), (day(first), day(last)));
        }
    }
}
