//! Calendars as files (RFC 5545), as calendar programs subscribe to them and open them.
//!
//! - Lines end in CRLF and are folded at 75 octets, between characters; text is escaped, and holds no control characters.
//! - Times are in UTC, which needs no rules of time zones; calendar programs show them in the zone of their reader.
//! - The same sessions give the same bytes: no line depends on when the file is written.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::time::Zone;

/// Its media type.
pub const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

/// The most octets of a line, its end not counted.
const LINE: usize = 75;

/// Characters that are percent-encoded in an id that is a part of another one.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Something that takes place.
#[derive(Debug, Clone)]
pub struct Event {
    /// A permanent id, unique among its kind; the server's name is added, its address is not.
    pub id: String,
    /// How often its time or its standing has changed.
    pub sequence: i32,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// When it was last changed, as far as is known.
    pub modified: Option<DateTime<Utc>>,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// The event's title.
    pub summary: String,
}

/// The file of a calendar; `zone` is the time zone that programs may show it in.
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
    for event in events {
        file.event(event);
    }
    file.line("END:VCALENDAR");
    file.0
}

/// A file being written.
struct File(String);

impl File {
    fn event(&mut self, event: &Event) {
        // The standard requires a stamp; an event without a known one gets the oldest.
        let modified = utc(event.modified.unwrap_or_default());
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{}@safestories", utf8_percent_encode(&event.id, ENCODED)));
        self.line(&format!("SEQUENCE:{}", event.sequence));
        self.line(&format!("DTSTAMP:{modified}"));
        self.line(&format!("LAST-MODIFIED:{modified}"));
        self.line(&format!("DTSTART:{}", utc(event.start)));
        // An end has to be later. Without one the event takes no time, which is what it would say: one that ends as it
        // begins, or within the same second, or that starts where the calendar ends.
        if event.end.timestamp() > event.start.timestamp() {
            self.line(&format!("DTEND:{}", utc(event.end)));
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

    /// A line, folded where it is too long: continuation lines begin with a space, which counts.
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

fn utc(instant: DateTime<Utc>) -> String {
    instant.format("%Y%m%dT%H%M%SZ").to_string()
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

    fn lines(event: &Event) -> Vec<String> {
        let file = write("Sessions", Zone::INDIA, std::slice::from_ref(event));
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
        let lines = lines(&event("1 2;x\r\né", "2026-02-04T10:30:00Z", odd));
        assert!(lines.contains(&"SUMMARY:a\\;b\\,c\\\\d\\neEND:VEVENT".to_owned()), "{lines:?}");
        assert!(lines.contains(&"UID:1%202%3Bx%0D%0A%C3%A9@safestories".to_owned()), "{lines:?}");
    }

    #[test]
    fn what_takes_no_time_has_no_end() {
        for (taken, ends) in [(0, 0), (999, 0), (-60_000, 0), (1_000, 1)] {
            let mut event = event("a", "2026-02-04T10:30:00Z", "");
            event.end = event.start + TimeDelta::milliseconds(taken);
            let lines = lines(&event);
            assert_eq!(lines.iter().filter(|line| line.starts_with("DTEND")).count(), ends, "{lines:?}");
            assert!(lines.contains(&"DTSTART:20260204T103000Z".to_owned()), "{lines:?}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_have_four_digits_for_their_years() {
        let last = lines(&event("a", "9999-12-31T20:00:00Z", ""));
        assert!(last.contains(&"DTSTART:99991231T200000Z".to_owned()), "{last:?}");
        let first = lines(&event("a", "0001-01-01T00:00:00Z", ""));
        assert!(first.contains(&"DTSTART:00010101T000000Z".to_owned()), "{first:?}");
    }
}
