//! When a therapist is free: the hours of each day as instants, less what is busy. It knows no database and no clock.
//!
//! Local times are made instants day by day: an hour that clocks skip has none, one that they show twice has both. Sessions are
//! offered at steps from the beginning of each part of a day; one may go on where the next part follows without a break, also
//! past midnight. Instants are microseconds since 1970: a month of a hundred therapists has a hundred thousand candidates.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::hours::AllHours;

/// Microseconds since 1970, or of a span.
pub(super) type Micros = i64;

const DAY: Micros = 24 * 60 * MINUTE;
pub(super) const MINUTE: Micros = 60_000_000;
/// How many days are looked at together where the next free times are searched.
const STRIDE: Micros = 7 * DAY;

/// How sessions of one kind are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) length: Micros,
    /// Kept free of other sessions before it, and after it.
    pub(super) before: Micros,
    pub(super) after: Micros,
    pub(super) step: Micros,
    pub(super) notice: Micros,
    pub(super) ahead: Option<Micros>,
    pub(super) a_day: Option<usize>,
}

impl Rules {
    /// No rules: any time within the hours.
    pub(super) const NONE: Self =
        Self { length: 0, before: 0, after: 0, step: MINUTE, notice: 0, ahead: None, a_day: None };
}

/// A session or a hold.
#[derive(Debug, Clone)]
pub(super) struct Busy<W> {
    pub(super) start: Micros,
    pub(super) end: Micros,
    /// What its own rules keep free around it.
    pub(super) before: Micros,
    pub(super) after: Micros,
    pub(super) what: W,
}

/// Why a time is not free, the gravest first.
#[derive(Debug)]
pub(super) enum Fault<'t, W> {
    Busy(&'t Busy<W>),
    Closed,
    Buffer(&'t Busy<W>),
    TooSoon { from: Micros },
    TooFar { until: Micros },
    DayFull,
}

/// The time of one therapist.
#[derive(Debug)]
pub(super) struct Timetable<W> {
    pub(super) hours: AllHours,
    pub(super) rules: Rules,
    pub(super) busy: Vec<Busy<W>>,
}

/// The hours of some days.
struct Open {
    /// Where steps begin: the parts of the days whose hours are known.
    parts: Vec<Range<Micros>>,
    /// When sessions are taken: parts that touch are one.
    joined: Vec<Range<Micros>>,
}

impl<W> Timetable<W> {
    /// The starts of free times within a range, in order.
    pub(super) fn starts(&self, within: &Range<Micros>, now: Micros) -> Vec<Micros> {
        self.starts_beside(&self.blocked(), within, now)
    }

    /// The first free times from an instant on.
    pub(super) fn next(&self, within: Range<Micros>, count: usize, now: Micros) -> Vec<Micros> {
        let blocked = self.blocked();
        let mut found = Vec::new();
        let mut from = within.start;
        while from < within.end && found.len() < count {
            let to = within.end.min(from + STRIDE);
            found.extend(self.starts_beside(&blocked, &(from..to), now));
            from = to;
        }
        found.truncate(count);
        found
    }

    fn starts_beside(&self, blocked: &[Range<Micros>], within: &Range<Micros>, now: Micros) -> Vec<Micros> {
        let Rules { length, step, notice, ahead, a_day, .. } = self.rules;
        let earliest = within.start.max(now + notice.max(1));
        let before = within.end.min(ahead.map_or(Micros::MAX, |ahead| now + ahead + 1));
        if before <= earliest {
            return Vec::new();
        }
        let open = self.open(earliest, before);
        let mut found = Vec::new();
        let mut day = 0..0;
        let mut is_full = false;
        for part in &open.parts {
            let joined = open.joined.partition_point(|joined| joined.start <= part.start);
            let Some(end) = joined.checked_sub(1).and_then(|at| open.joined.get(at)).map(|joined| joined.end) else {
                continue;
            };
            let late = (earliest - part.start).max(0);
            let mut start = part.start + (late + step - 1) / step * step;
            let mut at = blocked.partition_point(|busy| busy.end <= start);
            while start < part.end.min(before) && start + length <= end {
                while blocked.get(at).is_some_and(|busy| busy.end <= start) {
                    at += 1;
                }
                if let Some(limit) = a_day
                    && !day.contains(&start)
                {
                    day = self.day_of(start);
                    is_full = self.count(&day) >= limit;
                }
                if !is_full && blocked.get(at).is_none_or(|busy| start + length <= busy.start) {
                    found.push(start);
                }
                start += step;
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Why a time is not free; empty if it is.
    pub(super) fn faults(&self, slot: &Range<Micros>, now: Micros) -> Vec<Fault<'_, W>> {
        let overlaps = |other: Range<Micros>| other.start < slot.end && other.end > slot.start;
        let mut faults = Vec::new();
        faults.extend(self.busy.iter().find(|busy| overlaps(busy.start..busy.end)).map(Fault::Busy));
        let open = self.open(slot.start, slot.end);
        if !open.joined.iter().any(|joined| joined.start <= slot.start && slot.end <= joined.end) {
            faults.push(Fault::Closed);
        }
        let too_near = |busy: &&Busy<W>| !overlaps(busy.start..busy.end) && overlaps(self.block(busy));
        faults.extend(self.busy.iter().find(too_near).map(Fault::Buffer));
        let Rules { notice, ahead, a_day, .. } = self.rules;
        if slot.start < now + notice {
            faults.push(Fault::TooSoon { from: now + notice });
        }
        if let Some(ahead) = ahead
            && slot.start > now + ahead
        {
            faults.push(Fault::TooFar { until: now + ahead });
        }
        if let Some(limit) = a_day
            && self.count(&self.day_of(slot.start)) >= limit
        {
            faults.push(Fault::DayFull);
        }
        faults
    }

    /// The time that a session or hold keeps others from: between two sessions lies the longer one of the buffers that the
    /// first has after it and the second before it.
    fn block(&self, busy: &Busy<W>) -> Range<Micros> {
        busy.start - self.rules.after.max(busy.before)..busy.end + self.rules.before.max(busy.after)
    }

    /// All such times, in order and without overlap.
    fn blocked(&self) -> Vec<Range<Micros>> {
        join(self.busy.iter().map(|busy| self.block(busy)).collect())
    }

    /// How many sessions and holds begin in a range.
    fn count(&self, day: &Range<Micros>) -> usize {
        self.busy.iter().filter(|busy| day.contains(&busy.start)).count()
    }

    /// The instants of the therapist's day in which one lies.
    fn day_of(&self, at: Micros) -> Range<Micros> {
        let instants = |day: NaiveDate| {
            let day = self.hours.on(day).zone.days(day, day);
            day.start.timestamp_micros()..day.end.timestamp_micros()
        };
        let days = dates(at, at).map(instants).find(|day| day.contains(&at));
        days.unwrap_or(at..at + 1)
    }

    fn open(&self, from: Micros, to: Micros) -> Open {
        let mut parts = Vec::new();
        let mut all = Vec::new();
        for day in dates(from, to) {
            let on = self.hours.on(day);
            match on.hours {
                None => {
                    let day = on.zone.days(day, day);
                    all.push(day.start.timestamp_micros()..day.end.timestamp_micros());
                }
                Some(hours) => parts.extend(
                    hours
                        .iter()
                        .map(|hours| {
                            [hours.from, hours.to].map(|time| on.zone.instant(time.on(day)).timestamp_micros())
                        })
                        .map(|[from, to]| from..to)
                        .filter(|part| !part.is_empty()),
                ),
            }
        }
        parts.sort_unstable_by_key(|part| part.start);
        all.extend(parts.iter().cloned());
        Open { parts, joined: join(all) }
    }
}

/// The days that may hold instants of a range, and those beside them, in whichever zone.
fn dates(from: Micros, to: Micros) -> impl Iterator<Item = NaiveDate> {
    let date = |at| instant(at).date_naive();
    let first = date(from).checked_sub_days(Days::new(1)).unwrap_or(NaiveDate::MIN);
    first.iter_days().take_while(move |day| *day <= date(to) + TimeDelta::days(2))
}

/// The instant of a number of microseconds.
pub(super) fn instant(at: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Ranges in order; those that overlap or touch are one.
fn join(mut ranges: Vec<Range<Micros>>) -> Vec<Range<Micros>> {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.into_iter().fold(Vec::new(), |mut joined: Vec<Range<Micros>>, range| {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
        joined
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{domain::time::Zone, scheduling::hours::Schedule};

    const HOUR: Micros = 60 * MINUTE;

    fn at(text: &str) -> Micros {
        text.parse::<DateTime<Utc>>().expect(text).timestamp_micros()
    }

    /// The same hours on every day.
    fn timetable(zone: &str, hours: &[(&str, &str)], busy: Vec<Busy<()>>) -> Timetable<()> {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let parts = days.iter().flat_map(|day| {
            hours.iter().map(move |(from, to)| serde_json::json!({ "day": day, "from": from, "to": to }))
        });
        let schedule = serde_json::json!({
            "time_zone": zone, "valid_from": null, "valid_to": null, "hours": parts.collect::<Vec<_>>()
        });
        let schedules: Vec<Schedule> = vec![serde_json::from_value(schedule).expect("a schedule")];
        let hours = AllHours { practice: Zone::INDIA, schedules: Some(schedules), overrides: BTreeMap::new() };
        Timetable { hours, rules: Rules { length: HOUR, step: HOUR, ..Rules::NONE }, busy }
    }

    fn busy(start: &str, minutes: i64, before: i64, after: i64) -> Busy<()> {
        let start = at(start);
        let (before, after) = (before * MINUTE, after * MINUTE);
        Busy { start, end: start + minutes * MINUTE, before, after, what: () }
    }

    fn shown(starts: Vec<Micros>) -> Vec<String> {
        starts.into_iter().map(|start| instant(start).format("%d %H:%M").to_string()).collect()
    }

    #[test]
    fn a_session_fits_between_others_and_into_the_hours() {
        let taken = vec![busy("2026-02-05T05:00:00Z", 50, 0, 0), busy("2026-02-05T08:30:00Z", 0, 0, 0)];
        let one = timetable("Asia/Kolkata", &[("10:00", "15:00")], taken);
        let day = at("2026-02-05T00:00:00Z")..at("2026-02-06T00:00:00Z");
        assert_eq!(shown(one.starts(&day, 0)), ["05 06:30", "05 07:30", "05 08:30"]);
        // A range begins and ends within the hours.
        let part = at("2026-02-05T06:31:00Z")..at("2026-02-05T08:30:00Z");
        assert_eq!(shown(one.starts(&part, 0)), ["05 07:30"]);
        assert_eq!(
            shown(one.next(day.start..at("2026-03-06T00:00:00Z"), 4, 0)),
            ["05 06:30", "05 07:30", "05 08:30", "06 04:30"]
        );
        let from = at("2026-02-05T06:30:00Z");
        assert_eq!(shown(one.starts(&day, from)), ["05 07:30", "05 08:30"], "what begins now has begun");
    }

    #[test]
    fn between_two_sessions_lies_the_longer_one_of_their_buffers() {
        let mut one = timetable("UTC", &[("00:00", "24:00")], vec![busy("2026-02-05T10:00:00Z", 60, 15, 30)]);
        one.rules = Rules { before: 20 * MINUTE, after: 10 * MINUTE, ..one.rules };
        let free = |start: &str| {
            let start = at(start);
            one.faults(&(start..start + HOUR), 0).is_empty()
        };
        assert!(free("2026-02-05T08:45:00Z") && !free("2026-02-05T08:46:00Z"));
        assert!(!free("2026-02-05T11:29:00Z") && free("2026-02-05T11:30:00Z"));
    }

    #[test]
    fn a_day_is_counted_in_the_zone_of_the_hours() {
        let taken = vec![busy("2026-02-04T20:00:00Z", 60, 0, 0), busy("2026-02-05T12:00:00Z", 60, 0, 0)];
        let mut one = timetable("Asia/Kolkata", &[("00:00", "24:00")], taken);
        one.rules.a_day = Some(1);
        // Both sessions are on days of their own in UTC, and on the fifth in India.
        let starts = shown(one.starts(&(at("2026-02-04T17:00:00Z")..at("2026-02-05T19:00:00Z")), 0));
        assert_eq!(starts, ["04 17:30", "05 18:30"]);
    }

    #[test]
    fn days_without_known_hours_are_open_and_offer_nothing() {
        let mut one = timetable("UTC", &[("10:00", "12:00")], Vec::new());
        one.hours.schedules = None;
        let closed = NaiveDate::from_ymd_opt(2028, 2, 29).expect("a leap day");
        one.hours.overrides.insert(closed, (Zone::INDIA, Vec::new()));
        assert!(one.starts(&(at("2028-02-27T00:00:00Z")..at("2028-03-02T00:00:00Z")), 0).is_empty());
        let faults = |start: &str| one.faults(&(at(start)..at(start) + HOUR), 0).len();
        assert_eq!((faults("2028-02-28T10:00:00Z"), faults("2028-02-28T18:30:00Z")), (0, 1));
        assert_eq!((faults("2028-02-28T17:31:00Z"), faults("2028-02-29T18:30:00Z")), (1, 0));
    }

    #[test]
    fn an_hour_that_clocks_leave_out_or_show_twice_is_counted_as_it_passes() {
        let one = timetable("Australia/Lord_Howe", &[("01:00", "03:00")], Vec::new());
        // Half an hour is shown twice on 5 April 2026, and left out on 4 October.
        let long = |day: &str| {
            let start = at(day);
            let open = one.open(start, start + 24 * HOUR);
            let parts: Vec<i64> = open
                .parts
                .iter()
                .filter(|part| (start..start + 24 * HOUR).contains(&part.start))
                .map(|part| (part.end - part.start) / MINUTE)
                .collect();
            parts
        };
        assert_eq!(long("2026-04-04T06:00:00Z"), [150]);
        assert_eq!(long("2026-10-03T06:00:00Z"), [90]);
        assert_eq!(long("2026-06-03T06:00:00Z"), [120]);
    }

    /// Every start on the steps that nothing stands against is found, and no other.
    #[test]
    fn what_is_found_is_what_nothing_stands_against() {
        let mut seed = 7_u64;
        let mut roll = |below: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((seed >> 33) % below.unsigned_abs()).expect("small")
        };
        let zones = ["Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
        for day in ["2026-03-29", "2026-10-25", "2026-04-05", "2028-02-29", "2026-11-01"] {
            for zone in zones {
                let from = at(&format!("{day}T00:00:00Z")) - 24 * HOUR;
                let taken = (0..roll(8)).map(|_| Busy {
                    start: from + roll(48 * 60) * MINUTE,
                    end: 0,
                    before: roll(3) * 10 * MINUTE,
                    after: roll(3) * 10 * MINUTE,
                    what: (),
                });
                let mut taken: Vec<Busy<()>> = taken.collect();
                for busy in &mut taken {
                    busy.end = busy.start + 50 * MINUTE;
                }
                let mut one = timetable(zone, &[("00:00", "02:30"), ("02:30", "11:00"), ("23:00", "24:00")], taken);
                one.rules = Rules {
                    length: (1 + roll(6)) * 15 * MINUTE,
                    before: roll(3) * 5 * MINUTE,
                    after: roll(3) * 5 * MINUTE,
                    step: 15 * MINUTE,
                    notice: roll(600) * MINUTE,
                    ahead: (roll(2) == 0).then(|| roll(3000) * MINUTE),
                    a_day: (roll(2) == 0).then(|| usize::try_from(1 + roll(4)).expect("small")),
                };
                let now = from - roll(24) * HOUR;
                let found = one.starts(&(from..from + 48 * HOUR), now);
                let all = (0..48 * 4).map(|quarter| from + quarter * 15 * MINUTE);
                let free =
                    |start: &Micros| *start > now && one.faults(&(*start..*start + one.rules.length), now).is_empty();
                assert_eq!(shown(found), shown(all.filter(free).collect()), "{day} in {zone}: {:?}", one.rules);
            }
        }
    }
}
