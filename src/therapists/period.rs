//! The days that figures are counted over, and those they are compared with.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use crate::platform::{
    app::App,
    error::{Error, Result},
    time::{Day, Zone},
};

/// Calendar days of a zone, both ends included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) zone: Zone,
}

impl Period {
    /// The days asked for; those of the present month where nothing is said.
    pub(super) fn of(from: Option<Day>, to: Option<Day>, zone: Option<Zone>, app: &App) -> Result<Self> {
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
    pub(super) fn previous(self) -> Self {
        let days = Days::new((self.to - self.from).num_days().unsigned_abs() + 1);
        let back = |day: NaiveDate| day.checked_sub_days(days).unwrap_or(NaiveDate::MIN);
        Self { from: back(self.from), to: back(self.to), ..self }
    }

    /// The first instant of it.
    pub(super) fn start(self) -> DateTime<Utc> {
        self.zone.day_start(self.from)
    }

    /// The first instant after it.
    pub(super) fn end(self) -> DateTime<Utc> {
        self.zone.days(self.from, self.to).end
    }
}

fn month_start(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn month_end(day: NaiveDate) -> NaiveDate {
    let next = month_start(day).checked_add_months(Months::new(1));
    next.and_then(|next| next.pred_opt()).unwrap_or(day)
}
