//! The hours of a therapist's weeks and days, in local time.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::{
    domain::{
        status::words,
        text::from_text,
        time::{Day, Zone},
    },
    error::{Error, FieldError, Result},
};

/// How many schedules a therapist has at most.
const SCHEDULES: usize = 20;
/// How many times a week a therapist opens at most; and a day.
const OPENINGS: usize = 70;
const OPENINGS_A_DAY: usize = 10;

/// A time of day in whole minutes, `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeOfDay(u16);

impl TimeOfDay {
    pub(super) const MIDNIGHT: Self = Self(0);
    /// The end of a day.
    pub(super) const END: Self = Self(24 * 60);

    /// When clocks show it on a day; the end of a day is the next one's midnight.
    pub(super) fn on(self, day: NaiveDate) -> NaiveDateTime {
        day.and_time(NaiveTime::MIN) + TimeDelta::minutes(self.0.into())
    }
}

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let number = |digits: &str| {
            let is_written = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_written.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let read = text.split_once(':').and_then(|(hours, minutes)| number(hours).zip(number(minutes)));
        match read {
            Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= Self::END.0 => {
                Ok(Self(hours * 60 + minutes))
            }
            _ => Err("not a time of day; write it like 09:30, from 00:00 to 24:00"),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a time of day", Self::from_str)
    }
}

impl PartialSchema for TimeOfDay {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"))
            .description(Some("A time of day, `00:00` to `24:00`"))
            .examples(["09:30"])
            .into()
    }
}

impl ToSchema for TimeOfDay {}

words! {
    /// A day of the week.
    #[schema(title = "Weekday")]
    pub(crate) enum Weekday {
        /// The first day.
        Monday,
        /// The second day.
        Tuesday,
        /// The third day.
        Wednesday,
        /// The fourth day.
        Thursday,
        /// The fifth day.
        Friday,
        /// The sixth day.
        Saturday,
        /// The last day.
        Sunday,
    }
}

impl Weekday {
    fn of(day: NaiveDate) -> Self {
        match day.weekday() {
            chrono::Weekday::Mon => Self::Monday,
            chrono::Weekday::Tue => Self::Tuesday,
            chrono::Weekday::Wed => Self::Wednesday,
            chrono::Weekday::Thu => Self::Thursday,
            chrono::Weekday::Fri => Self::Friday,
            chrono::Weekday::Sat => Self::Saturday,
            chrono::Weekday::Sun => Self::Sunday,
        }
    }

    /// The day after it.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Monday => Self::Tuesday,
            Self::Tuesday => Self::Wednesday,
            Self::Wednesday => Self::Thursday,
            Self::Thursday => Self::Friday,
            Self::Friday => Self::Saturday,
            Self::Saturday => Self::Sunday,
            Self::Sunday => Self::Monday,
        }
    }
}

/// Hours of a day, from one time to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "from": "10:00", "to": "13:00" }))]
pub(crate) struct Hours {
    /// When they begin.
    pub(super) from: TimeOfDay,
    /// When they end, on the same day; `24:00` is its end.
    pub(super) to: TimeOfDay,
}

/// Hours of a day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "day": "monday", "from": "10:00", "to": "18:00" }))]
pub(crate) struct WeeklyHours {
    /// The day of the week.
    pub(super) day: Weekday,
    /// When they begin.
    pub(super) from: TimeOfDay,
    /// When they end, on the same day; `24:00` is its end.
    pub(super) to: TimeOfDay,
}

impl WeeklyHours {
    fn hours(self) -> Hours {
        Hours { from: self.from, to: self.to }
    }
}

/// The hours of a week, and when they are valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "time_zone": "Asia/Kolkata",
    "valid_from": null,
    "valid_to": null,
    "hours": [{ "day": "monday", "from": "10:00", "to": "18:00" }]
}))]
pub(crate) struct Schedule {
    /// The zone of its times.
    pub(super) time_zone: Zone,
    /// The first day it is valid on; null: any earlier day.
    #[schema(value_type = Option<Day>)]
    pub(super) valid_from: Option<Day>,
    /// The last day it is valid on; null: any later day.
    #[schema(value_type = Option<Day>)]
    pub(super) valid_to: Option<Day>,
    /// When sessions are taken; none on days that are not named.
    #[schema(max_items = 70)]
    pub(super) hours: Vec<WeeklyHours>,
}

impl Schedule {
    pub(super) fn is_valid_on(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|first| first.date() <= day) && self.valid_to.is_none_or(|last| day <= last.date())
    }

    pub(super) fn on(&self, day: NaiveDate) -> impl Iterator<Item = Hours> {
        let weekday = Weekday::of(day);
        self.hours.iter().filter(move |hours| hours.day == weekday).map(|hours| hours.hours())
    }
}

/// The hours of one day: those of its override, or else the weekly ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayHours {
    pub(super) zone: Zone,
    /// None: sessions are taken at any time of the day.
    pub(super) hours: Option<Vec<Hours>>,
}

/// All hours of a therapist.
#[derive(Debug, Clone)]
pub(super) struct AllHours {
    /// The zone of days that have no other.
    pub(super) practice: Zone,
    /// None where no weekly hours were entered.
    pub(super) schedules: Option<Vec<Schedule>>,
    pub(super) overrides: BTreeMap<NaiveDate, (Zone, Vec<Hours>)>,
}

impl AllHours {
    pub(super) fn on(&self, day: NaiveDate) -> DayHours {
        if let Some((zone, hours)) = self.overrides.get(&day) {
            return DayHours { zone: *zone, hours: Some(hours.clone()) };
        }
        let valid = self.schedules.iter().flatten().find(|schedule| schedule.is_valid_on(day));
        match valid {
            Some(schedule) => DayHours { zone: schedule.time_zone, hours: Some(schedule.on(day).collect()) },
            None => DayHours { zone: self.practice, hours: self.schedules.as_ref().map(|_| Vec::new()) },
        }
    }
}

/// Fails where the hours of a day, which stand at `pointer`, overlap.
pub(super) fn check_hours(hours: &[Hours], pointer: &str) -> Result<()> {
    let parts: Vec<(Option<Weekday>, Hours)> = hours.iter().map(|hours| (None, *hours)).collect();
    let mut faults = Vec::new();
    check_parts(&mut faults, &parts, pointer, OPENINGS_A_DAY);
    Error::unless_none(faults)
}

fn check_parts(faults: &mut Vec<FieldError>, parts: &[(Option<Weekday>, Hours)], pointer: &str, most: usize) {
    if parts.len() > most {
        faults.push(FieldError::body(pointer, format!("has at most {most} parts")));
        return;
    }
    for (at, (day, one)) in parts.iter().enumerate() {
        let overlaps = |(on, other): &(Option<Weekday>, Hours)| on == day && other.from < one.to && one.from < other.to;
        if one.to <= one.from {
            faults.push(FieldError::body(format!("{pointer}/{at}/to"), "must be after `from`"));
        } else if parts[..at].iter().any(overlaps) {
            faults.push(FieldError::body(format!("{pointer}/{at}"), "overlaps other hours of the day"));
        }
    }
}

/// Fails where schedules contradict themselves or each other; names all such fields.
pub(super) fn check_schedules(schedules: &[Schedule]) -> Result<()> {
    if schedules.len() > SCHEDULES {
        return Err(Error::body("/schedules", format!("has at most {SCHEDULES} of them")));
    }
    let mut faults = Vec::new();
    for (at, schedule) in schedules.iter().enumerate() {
        let pointer = format!("/schedules/{at}");
        let parts: Vec<(Option<Weekday>, Hours)> =
            schedule.hours.iter().map(|hours| (Some(hours.day), hours.hours())).collect();
        check_parts(&mut faults, &parts, &format!("{pointer}/hours"), OPENINGS);
        let (first, last) = (schedule.valid_from, schedule.valid_to);
        let before = |last: Option<Day>, first: Option<Day>| last.zip(first).is_some_and(|(last, first)| last < first);
        if before(last, first) {
            faults.push(FieldError::body(format!("{pointer}/valid_to"), "is before valid_from"));
        } else if schedules[..at].iter().any(|other| !before(other.valid_to, first) && !before(last, other.valid_from))
        {
            faults.push(FieldError::body(
                format!("{pointer}/valid_from"),
                "a day has one schedule: another is valid then",
            ));
        }
    }
    Error::unless_none(faults)
}
