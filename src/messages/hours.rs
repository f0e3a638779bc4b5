//! When a message may go out: between 08:00 and 21:00 of the client's clock, earlier rather than never.

use chrono::{DateTime, NaiveTime, Timelike as _, Utc};

use crate::domain::time::Zone;

/// The first hour in which messages go out, and the first in which they do not any more.
const HOURS: std::ops::Range<u32> = 8..21;
/// When they go out in the evening, where they would go in the night that follows.
const EVENING: NaiveTime = NaiveTime::from_hms_opt(20, 30, 0).unwrap();
const MORNING: NaiveTime = NaiveTime::from_hms_opt(8, 0, 0).unwrap();

fn allows(zone: Zone, at: DateTime<Utc>) -> bool {
    HOURS.contains(&at.with_timezone(&zone.0).hour())
}

/// When a message that is wanted at a time goes out. One of a night goes in the evening before, or where that has passed, in the
/// morning; at once, where the session has started by then.
pub(super) fn due(
    zone: Zone,
    wanted: DateTime<Utc>,
    now: DateTime<Utc>,
    start: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let at = wanted.max(now);
    if allows(zone, at) {
        return at;
    }
    let local = at.with_timezone(&zone.0);
    let (day, is_early) = (local.date_naive(), local.hour() < HOURS.start);
    let evening = if is_early { day.pred_opt() } else { Some(day) }.map(|day| zone.instant(day.and_time(EVENING)));
    if let Some(evening) = evening.filter(|evening| *evening >= now) {
        return evening;
    }
    if allows(zone, now) {
        return now;
    }
    let morning = if is_early { Some(day) } else { day.succ_opt() }.map(|day| zone.instant(day.and_time(MORNING)));
    morning.filter(|morning| start.is_none_or(|start| *morning < start)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In Indian time.
    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00+05:30").parse::<DateTime<chrono::FixedOffset>>().expect(text).to_utc()
    }

    #[test]
    fn a_message_of_the_night_goes_earlier_rather_than_never() {
        for (wanted, now, start, goes) in [
            // By day, when it is wanted.
            ("2026-02-05T10:00", "2026-02-04T10:00", "2026-02-06T10:00", "2026-02-05T10:00"),
            ("2026-02-05T08:00", "2026-02-04T10:00", "2026-02-06T10:00", "2026-02-05T08:00"),
            // A reminder of the night goes in the evening before.
            ("2026-02-05T07:59", "2026-02-04T10:00", "2026-02-05T09:59", "2026-02-04T20:30"),
            ("2026-02-05T21:00", "2026-02-04T10:00", "2026-02-05T23:00", "2026-02-05T20:30"),
            ("2026-02-05T07:00", "2026-02-04T20:45", "2026-02-05T09:00", "2026-02-04T20:45"),
            // What happens in the night is told in the morning, where that is early enough.
            ("2026-02-04T23:00", "2026-02-04T23:00", "2026-02-05T09:00", "2026-02-05T08:00"),
            ("2026-02-05T03:00", "2026-02-05T03:00", "2026-02-05T09:00", "2026-02-05T08:00"),
            ("2026-02-05T07:00", "2026-02-04T22:00", "2026-02-05T09:00", "2026-02-05T08:00"),
            ("2026-02-04T23:00", "2026-02-04T23:00", "2026-02-05T07:30", "2026-02-04T23:00"),
            // What was missed goes at once.
            ("2026-02-04T10:00", "2026-02-04T12:00", "2026-02-05T10:00", "2026-02-04T12:00"),
        ] {
            assert_eq!(due(Zone::INDIA, at(wanted), at(now), Some(at(start))), at(goes), "{wanted} at {now}");
        }
        let night = at("2026-02-04T23:00");
        assert_eq!(due(Zone::INDIA, night, night, None), at("2026-02-05T08:00"));
    }

    #[test]
    fn the_clients_clock_counts() {
        // Half past three in the afternoon in India, ten in the morning in London and five in the morning in New York.
        let now = at("2026-02-04T15:30");
        let zone = |name: &str| name.parse::<Zone>().expect(name);
        assert_eq!(due(zone("Europe/London"), now, now, None), now);
        assert_eq!(due(zone("America/New_York"), now, now, None), at("2026-02-04T18:30"));
    }
}
