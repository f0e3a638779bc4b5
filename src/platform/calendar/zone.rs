//! The rules of a time zone as a calendar file tells them: each change of its offset while the events take place.
//!
//! Written from the time zone database itself, change by change: a rule that says "every last Sunday of March" would have
//! to be guessed from it, and is wrong for the zones that set their clocks by decree.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use super::{Event, File, form};
use crate::platform::time::Zone;

/// No zone of the database changed its offset before.
const FIRST_CHANGE: i32 = 1840;
/// The database computes changes no further.
const LAST_CHANGE: i32 = 2101;

/// What the clocks of a zone show for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clocks {
    /// Seconds east of UTC.
    offset: i32,
    name: String,
    summer: bool,
}

/// A kind of change, and when it takes place: by the clocks before it.
#[derive(Debug)]
struct Observance {
    from: i32,
    to: Clocks,
    onsets: Vec<NaiveDateTime>,
}

/// Writes the zone, from the year before the first event to the last event.
pub(super) fn write(file: &mut File, zone: Zone, events: &[Event]) {
    let first = events.iter().map(|event| event.start).min().unwrap_or_default();
    let last = events.iter().map(|event| event.end).max().unwrap_or_default();
    file.line("BEGIN:VTIMEZONE");
    file.line(&format!("TZID:{zone}"));
    for observance in observances(zone.0, first, last) {
        observance.write(file);
    }
    file.line("END:VTIMEZONE");
}

fn observances(zone: Tz, first: DateTime<Utc>, last: DateTime<Utc>) -> Vec<Observance> {
    let begins = new_year((first.year() - 1).clamp(1, 9998));
    let before = clocks(zone, begins);
    let onset = begins.naive_utc();
    let mut all = vec![Observance { from: before.offset, to: before, onsets: vec![onset] }];
    let mut at = begins.max(new_year(FIRST_CHANGE));
    let end = (last + TimeDelta::days(1)).min(new_year(LAST_CHANGE));
    while at < end {
        let next = at + TimeDelta::days(1);
        let (from, to) = (clocks(zone, at), clocks(zone, next));
        if from != to {
            let onset = change(zone, at, next).naive_utc() + TimeDelta::seconds(i64::from(from.offset));
            match all[1..].iter_mut().find(|known| known.from == from.offset && known.to == to) {
                Some(known) => known.onsets.push(onset),
                None => all.push(Observance { from: from.offset, to, onsets: vec![onset] }),
            }
        }
        at = next;
    }
    all
}

/// The second at which the clocks change, of two instants with one change between them.
fn change(zone: Tz, mut before: DateTime<Utc>, mut after: DateTime<Utc>) -> DateTime<Utc> {
    let old = clocks(zone, before);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if clocks(zone, middle) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

fn clocks(zone: Tz, at: DateTime<Utc>) -> Clocks {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc());
    Clocks {
        offset: offset.fix().local_minus_utc(),
        name: offset.abbreviation().unwrap_or_default().to_owned(),
        summer: offset.dst_offset() > TimeDelta::zero(),
    }
}

fn new_year(year: i32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
}

impl Observance {
    fn write(&self, file: &mut File) {
        let kind = if self.to.summer { "DAYLIGHT" } else { "STANDARD" };
        let (first, more) = self.onsets.split_first().unwrap_or((&NaiveDateTime::MIN, &[]));
        file.line(&format!("BEGIN:{kind}"));
        file.line(&format!("DTSTART:{}", form(*first)));
        for onset in more {
            file.line(&format!("RDATE:{}", form(*onset)));
        }
        file.line(&format!("TZOFFSETFROM:{}", offset(self.from)));
        file.line(&format!("TZOFFSETTO:{}", offset(self.to.offset)));
        if !self.to.name.is_empty() {
            file.text("TZNAME", &self.to.name);
        }
        file.line(&format!("END:{kind}"));
    }
}

/// `+0530`, or `+055328` where there are seconds.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    let short = format!("{sign}{hours:02}{minutes:02}");
    if rest == 0 { short } else { format!("{short}{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(zone: &str, first: &str, last: &str) -> Vec<String> {
        let instant = |text: &str| text.parse().expect("an instant");
        let zone: Zone = zone.parse().expect("a zone");
        let mut file = File(String::new());
        for observance in observances(zone.0, instant(first), instant(last)) {
            observance.write(&mut file);
        }
        file.0.split_terminator("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_zone_without_summer_time_is_one_rule() {
        assert_eq!(
            told("Asia/Kolkata", "2026-02-04T10:30:00Z", "2026-03-04T10:30:00Z"),
            [
                "BEGIN:STANDARD",
                "DTSTART:20250101T000000",
                "TZOFFSETFROM:+0530",
                "TZOFFSETTO:+0530",
                "TZNAME:IST",
                "END:STANDARD"
            ]
        );
    }

    #[test]
    fn each_change_of_the_clocks_is_told_by_the_clocks_before_it() {
        let lines = told("Europe/Berlin", "2026-02-04T10:30:00Z", "2026-12-04T10:30:00Z").join("\n");
        let summer = "BEGIN:DAYLIGHT\nDTSTART:20250330T020000\nRDATE:20260329T020000\nTZOFFSETFROM:+0100\n\
                      TZOFFSETTO:+0200\nTZNAME:CEST\nEND:DAYLIGHT";
        let winter = "BEGIN:STANDARD\nDTSTART:20251026T030000\nRDATE:20261025T030000\nTZOFFSETFROM:+0200\n\
                      TZOFFSETTO:+0100\nTZNAME:CET\nEND:STANDARD";
        assert!(lines.contains(summer) && lines.contains(winter), "{lines}");
    }

    #[test]
    fn seconds_of_old_offsets_are_told() {
        let lines = told("Asia/Kolkata", "1850-02-04T10:30:00Z", "1907-03-04T10:30:00Z").join("\n");
        assert!(lines.starts_with("BEGIN:STANDARD\nDTSTART:18490101T000000\nTZOFFSETFROM:+055328\n"), "{lines}");
        assert!(lines.contains("TZOFFSETFROM:+052110\nTZOFFSETTO:+0530\nTZNAME:IST"), "{lines}");
    }

    #[test]
    fn the_database_holds_no_change_beyond_what_is_looked_through() {
        for zone in ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kolkata", "Australia/Lord_Howe"] {
            let zone: Zone = zone.parse().expect("a zone");
            let after = clocks(zone.0, new_year(LAST_CHANGE));
            for day in 0..4000 {
                assert_eq!(clocks(zone.0, new_year(LAST_CHANGE) + TimeDelta::days(day)), after, "{zone:?}");
            }
            let before = clocks(zone.0, new_year(FIRST_CHANGE));
            assert_eq!(clocks(zone.0, new_year(1)), before, "{zone:?}");
        }
    }
}
