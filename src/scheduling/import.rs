//! Taking over a therapist's weekly hours from `DaySchedule`.
//!
//! Its schedules name days (`MON`) with `is_available` and `times` of a `start` and an `end`, and a `time_zone`. They are read
//! leniently: other members are ignored, days may be written out, times with seconds or `AM` and `PM`. Hours past midnight
//! go on the next day.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    availability::{Availability, Changed, replaced},
    hours::{Schedule, TimeOfDay, Weekday, WeeklyHours},
};
use crate::{
    app::unit_of_work::Work,
    domain::{
        ids::TherapistId,
        time::{Day, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
};

/// A schedule of `DaySchedule`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "schedule": {
        "name": "Working hours", "time_zone": "Asia/Calcutta",
        "availability": [
            { "day": "MON", "is_available": true, "times": [{ "start": "10:00", "end": "18:00" }] },
            { "day": "TUE", "is_available": false, "times": [] }
        ]
    }
}))]
pub(super) struct ImportAvailability {
    /// The schedule as `DaySchedule` has it: `availability` and `time_zone` are read.
    #[schema(value_type = Object)]
    schedule: Value,
    /// The first day it is valid on; any unless given.
    valid_from: Option<Day>,
    /// The last day it is valid on; any unless given.
    valid_to: Option<Day>,
}

/// Import a therapist's hours
///
/// From the JSON of a `DaySchedule` schedule, in place of the present hours. `dry_run` shows what they would be.
#[utoipa::path(
    post,
    path = "/therapists/{therapist_id}/availability/import",
    tag = "scheduling",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), DryRun, Preconditions),
    request_body = ImportAvailability,
    responses((status = 200, description = "Imported", body = Changed<Availability>), Problems),
)]
pub(super) async fn import_availability(
    work: Work,
    Path(therapist): Path<TherapistId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    when: Preconditions,
    Json(request): Json<ImportAvailability>,
) -> Result<Response> {
    let ImportAvailability { schedule, valid_from, valid_to } = request;
    let (time_zone, hours) = read(&schedule)?;
    let schedules = vec![Schedule { time_zone, valid_from, valid_to, hours }];
    replaced(work.dry_run(dry_run), &therapist, &when, Some(schedules), "dayschedule").await
}

/// The zone and the hours of a schedule; names the place of what cannot be read.
fn read(schedule: &Value) -> Result<(Zone, Vec<WeeklyHours>)> {
    let at = |place: &str, fault: &'static str| Error::body(format!("/schedule{place}"), fault);
    let zone = schedule["time_zone"].as_str().and_then(|name| name.trim().parse().ok());
    let zone = zone.ok_or_else(|| at("/time_zone", "must be the IANA name of a time zone"))?;
    let days = schedule["availability"].as_array().ok_or_else(|| at("/availability", "must be a list of days"))?;
    let mut hours = Vec::new();
    for (number, entry) in days.iter().enumerate() {
        let place = format!("/availability/{number}");
        let day = entry["day"].as_str().and_then(weekday);
        let day = day.ok_or_else(|| at(&format!("{place}/day"), "must be a day of the week, such as MON"))?;
        if entry["is_available"] == json!(false) {
            continue;
        }
        for (part, times) in entry["times"].as_array().into_iter().flatten().enumerate() {
            let time = |name: &str| {
                let read = times[name].as_str().and_then(time_of_day);
                read.ok_or_else(|| at(&format!("{place}/times/{part}/{name}"), "must be a time of day, such as 10:00"))
            };
            let (from, to) = (time("start")?, time("end")?);
            if to > from {
                hours.push(WeeklyHours { day, from, to });
                continue;
            }
            hours.push(WeeklyHours { day, from, to: TimeOfDay::END });
            if to > TimeOfDay::MIDNIGHT {
                hours.push(WeeklyHours { day: day.next(), from: TimeOfDay::MIDNIGHT, to });
            }
        }
    }
    Ok((zone, hours))
}

/// The day of a word that begins as its name does.
fn weekday(word: &str) -> Option<Weekday> {
    let start = word.trim().get(..3)?.to_lowercase();
    let days = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    days.into_iter().find(|(name, _)| *name == start).map(|(_, day)| day)
}

/// A time such as `9:30`, `09:30:00` or `9:30 PM`.
fn time_of_day(text: &str) -> Option<TimeOfDay> {
    let text = text.trim().to_lowercase();
    let (time, half) = match text.strip_suffix("am").map(|time| (time, 0)) {
        Some(morning) => (morning.0, Some(morning.1)),
        None => text.strip_suffix("pm").map_or((text.as_str(), None), |time| (time, Some(12))),
    };
    let mut parts = time.trim().split(':');
    let hour: u8 = parts.next()?.parse().ok()?;
    let minute: u8 = parts.next().unwrap_or("0").parse().ok()?;
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    format!("{hour:02}:{minute:02}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, read) in [
            ("10:00", "10:00"),
            ("9:30", "09:30"),
            ("09:30:00", "09:30"),
            ("9:30 PM", "21:30"),
            ("12:00 am", "00:00"),
            ("12pm", "12:00"),
            ("24:00", "24:00"),
        ] {
            assert_eq!(time_of_day(text).map(|time| time.to_string()).as_deref(), Some(read), "{text}");
        }
        for text in ["", "noon", "25:00", "13:00 pm", "10:60", "-1:00"] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
    }

    #[test]
    fn hours_past_midnight_go_on_the_next_day() {
        let schedule = json!({
            "id": 7, "time_zone": "Asia/Calcutta",
            "availability": [
                { "day": "SUN", "is_available": true, "times": [{ "start": "22:00", "end": "02:00" }] },
                { "day": "MON", "is_available": false, "times": [{ "start": "10:00", "end": "11:00" }] },
                { "day": "Tuesday", "times": [{ "start": "20:00", "end": "00:00" }] },
            ]
        });
        let (zone, hours) = read(&schedule).unwrap();
        assert_eq!(zone.to_string(), "Asia/Calcutta");
        let shown: Vec<String> =
            hours.iter().map(|hours| format!("{} {}-{}", hours.day, hours.from, hours.to)).collect();
        assert_eq!(shown, ["sunday 22:00-24:00", "monday 00:00-02:00", "tuesday 20:00-24:00"]);
    }
}
