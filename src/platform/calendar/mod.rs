//! Calendars as files (RFC 5545), as calendar programs subscribe to them and open them.
//!
//! - Lines end in CRLF and are folded at 75 octets, between characters; text is escaped, and holds no control characters.
//! - Times stand in the practice's zone, whose rules are in the file ([`zone`]). A wall time that comes twice names the
//!   first of the two by the standard, so a session that begins or ends in the second is written in UTC.
//! - The same sessions give the same bytes: no line depends on when the file is written.

mod zone;

use std::fmt::Write;

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDateTime, TimeZone, Utc};

use super::time::Zone;

/// Its media type.
pub const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

/// The most octets of a line, its end not counted.
const LINE: usize = 75;

/// Something that takes place.
#[derive(Debug, Clone)]
pub struct Event {
    /// Names it among its kind, for ever; the server's name is added, its address is not.
    pub id: String,
    /// How often its time or its standing has changed.
    pub sequence: i32,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// When it was last changed, as far as is known.
    pub modified: Option<DateTime<Utc>>,
    /// Whether it was called off.
    pub cancelled: bool,
    /// What it is called.
    pub summary: String,
}

/// The file of a calendar.
#[must_use]
pub fn write(name: &str, zone: Zone, events: &[Event]) -> String {
    let mut file = File(String::with_capacity(1024 + events.len() * 320));
    file.line("BEGIN:VCALENDAR");
    file.line("VERSION:2.0");
    file.line("PRODID:-//SafeStories//SafeStories//EN");
    file.line("CALSCALE:GREGORIAN");
    file.text("NAME", name);
    file.text("X-WR-CALNAME", name);
    file.line(&format!("X-WR-TIMEZONE:{zone}"));
    file.line("REFRESH-INTERVAL;VALUE=DURATION:PT15M");
    file.line("X-PUBLISHED-TTL:PT15M");
    zone::write(&mut file, zone, events);
    for event in events {
        file.event(zone, event);
    }
    file.line("END:VCALENDAR");
    file.0
}

/// A file being written.
struct File(String);

impl File {
    fn event(&mut self, zone: Zone, event: &Event) {
        // The standard wants a stamp; what nobody knows the time of has the oldest.
        let modified = utc(event.modified.unwrap_or_default().naive_utc());
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{}@safestories", encoded(&event.id)));
        self.line(&format!("SEQUENCE:{}", event.sequence));
        self.line(&format!("DTSTAMP:{modified}"));
        self.line(&format!("LAST-MODIFIED:{modified}"));
        let (zoned, start, end) = match (wall(zone, event.start), wall(zone, event.end)) {
            (Some(start), Some(end)) => (format!(";TZID={zone}"), start, end),
            _ => (String::new(), utc(event.start.naive_utc()), utc(event.end.naive_utc())),
        };
        self.line(&format!("DTSTART{zoned}:{start}"));
        // An end has to be later. Without one the event takes no time, which is what it would say: one that ends as it
        // begins, or within the same second, or that starts where the calendar ends.
        if event.end.timestamp() > event.start.timestamp() {
            self.line(&format!("DTEND{zoned}:{end}"));
        }
        self.text("SUMMARY", &event.summary);
        self.line(if event.cancelled { "STATUS:CANCELLED" } else { "STATUS:CONFIRMED" });
        self.line(if event.cancelled { "TRANSP:TRANSPARENT" } else { "TRANSP:OPAQUE" });
        self.line("CLASS:PRIVATE");
        self.line("END:VEVENT");
    }

    /// A property whose value is somebody's words.
    fn text(&mut self, name: &str, value: &str) {
        let mut line = format!("{name}:");
        for character in value.chars() {
            match character {
                '\\' | ';' | ',' => line.extend(['\\', character]),
                '\n' => line.push_str("\\n"),
                other if other.is_control() => {}
                other => line.push(other),
            }
        }
        self.line(&line);
    }

    /// A line, folded where it is too long: what follows begins with a space, which counts.
    fn line(&mut self, line: &str) {
        let mut length = 0;
        for character in line.chars() {
            if length + character.len_utf8() > LINE {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(character);
            length += character.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// An id as a part of another one: letters, digits, `-` and `_` stand for themselves.
fn encoded(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The time on the wall in a zone; none where that names another instant, or a year that has not four digits.
fn wall(zone: Zone, instant: DateTime<Utc>) -> Option<String> {
    let local = instant.with_timezone(&zone.0).naive_local();
    let named = match zone.0.from_local_datetime(&local) {
        MappedLocalTime::Single(named) | MappedLocalTime::Ambiguous(named, _) => named.to_utc(),
        MappedLocalTime::None => return None,
    };
    (named == instant && (1..=9999).contains(&local.year())).then(|| form(local))
}

fn utc(time: NaiveDateTime) -> String {
    form(time) + "Z"
}

fn form(time: NaiveDateTime) -> String {
    time.format("%Y%m%dT%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn event(id: &str, start: &str, summary: &str) -> Event {
        let start: DateTime<Utc> = start.parse().expect("an instant");
        Event {
            id: id.to_owned(),
            sequence: 0,
            start,
            end: start + TimeDelta::minutes(50),
            modified: None,
            cancelled: false,
            summary: summary.to_owned(),
        }
    }

    fn lines(zone: &str, event: &Event) -> Vec<String> {
        let file = write("Sessions", zone.parse().expect("a zone"), std::slice::from_ref(event));
        file.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn lines_are_folded_between_characters_at_75_octets() {
        let long = "मीरा अय्यर, ".repeat(20);
        let file = write("Sessions", Zone::INDIA, &[event("a", "2026-02-04T10:30:00Z", &long)]);
        assert!(file.ends_with("END:VCALENDAR\r\n"));
        assert!(file.split("\r\n").all(|line| line.len() <= LINE), "{file}");
        assert!(file.replace("\r\n ", "").contains(&format!("SUMMARY:{}\r\n", long.replace(',', "\\,"))));
        assert!(!file.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn what_means_something_to_a_calendar_is_escaped() {
        let odd = "a;b,c\\d\ne\r\0\u{7f}END:VEVENT";
        let lines = lines("Asia/Kolkata", &event("1 2;x\r\né", "2026-02-04T10:30:00Z", odd));
        assert!(lines.contains(&"SUMMARY:a\\;b\\,c\\\\d\\neEND:VEVENT".to_owned()), "{lines:?}");
        assert!(lines.contains(&"UID:1%202%3Bx%0D%0A%C3%A9@safestories".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_wall_time_that_comes_twice_is_written_in_utc_the_second_time() {
        // New York put its clocks back at 06:00 UTC on the first of November 2026.
        let first = lines("America/New_York", &event("a", "2026-11-01T05:00:00Z", ""));
        assert!(first.contains(&"DTSTART;TZID=America/New_York:20261101T010000".to_owned()), "{first:?}");
        let second = lines("America/New_York", &event("a", "2026-11-01T06:00:00Z", ""));
        assert!(second.contains(&"DTSTART:20261101T060000Z".to_owned()), "{second:?}");
        assert!(second.contains(&"DTEND:20261101T065000Z".to_owned()), "{second:?}");
    }

    #[test]
    fn what_takes_no_time_has_no_end() {
        for (taken, ends) in [(0, 0), (999, 0), (-60_000, 0), (1_000, 1)] {
            let mut event = event("a", "2026-02-04T10:30:00Z", "");
            event.end = event.start + TimeDelta::milliseconds(taken);
            let lines = lines("Asia/Kolkata", &event);
            assert_eq!(lines.iter().filter(|line| line.starts_with("DTEND")).count(), ends, "{lines:?}");
            assert!(lines.contains(&"DTSTART;TZID=Asia/Kolkata:20260204T160000".to_owned()), "{lines:?}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_have_four_digits_for_their_years() {
        let last = lines("Asia/Kolkata", &event("a", "9999-12-31T20:00:00Z", ""));
        assert!(last.contains(&"DTSTART:99991231T200000Z".to_owned()), "{last:?}");
        let first = lines("America/New_York", &event("a", "0001-01-01T00:00:00Z", ""));
        assert!(first.contains(&"DTSTART:00010101T000000Z".to_owned()), "{first:?}");
    }
}
