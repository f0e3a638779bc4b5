//! A period of calendar days, from query parameters.

use chrono::{DateTime, Utc};

use crate::domain::time::{Day, Zone};
use crate::error::{Error, Result};

/// The instants that lie within some calendar days; open at an end that is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Up to this instant, which is outside.
    pub before: Option<DateTime<Utc>>,
}

impl Period {
    /// The days `from` to `to`, both included, of the requested zone, or of the practice's.
    ///
    /// # Errors
    ///
    /// If `to` lies before `from`; names the query parameter.
    pub fn of(from: Option<Day>, to: Option<Day>, asked: Option<Zone>, practice: Zone) -> Result<Self> {
        Self::between(("from", from), ("to", to), asked.unwrap_or(practice))
    }

    /// The same with other parameter names.
    pub fn between(from: (&str, Option<Day>), to: (&'static str, Option<Day>), zone: Zone) -> Result<Self> {
        let ((first, from), (last, to)) = (from, to);
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(Error::query(last, format!("is before `{first}`")));
        }
        Ok(Self {
            from: from.map(|day| zone.day_start(day.date())),
            before: to.map(|day| zone.days(day.date(), day.date()).end),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn period(from: &str, to: &str, zone: Option<&str>) -> Result<Period> {
        let day = |text: &str| from_value(json!(text)).expect("a day");
        let zone = zone.map(|name| name.parse().expect("a zone"));
        Period::of(Some(day(from)), Some(day(to)), zone, Zone::INDIA)
    }

    #[test]
    fn both_days_belong_to_it_in_the_zone_asked_for() {
        let instant = |text: &str| Some(text.parse().expect("an instant"));
        let february = period("2026-02-01", "2026-02-28", None).unwrap();
        let india = Period { from: instant("2026-01-31T18:30:00Z"), before: instant("2026-02-28T18:30:00Z") };
        assert_eq!(february, india);
        let day = period("2026-02-01", "2026-02-01", Some("Europe/Berlin")).unwrap();
        let berlin = Period { from: instant("2026-01-31T23:00:00Z"), before: instant("2026-02-01T23:00:00Z") };
        assert_eq!(day, berlin);
        assert_eq!(Period::of(None, None, None, Zone::INDIA).unwrap(), Period::default());
    }

    #[test]
    fn it_does_not_end_before_it_begins() {
        let refused = period("2026-02-02", "2026-02-01", None).unwrap_err();
        assert_eq!(refused.to_string(), "to: is before `from`");
    }
}
