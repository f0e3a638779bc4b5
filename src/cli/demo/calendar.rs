//! How many bookings fall on which day.
//!
//! The practice grows over the years, rests on Sundays, and is booked up to two months ahead, ever thinner. Today and
//! the next days hold more than their share, so that a small practice too has somebody in a session now.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

const DAYS_AHEAD: u64 = 60;

/// How many therapists a practice of this size has: a therapist sees a few thousand sessions.
pub(super) fn therapists(bookings: u64) -> usize {
    usize::try_from((bookings / 4_000).max(12)).unwrap_or(12)
}

/// Days and their bookings, in order; the counts add up to `bookings`.
pub(super) fn days(bookings: u64, today: NaiveDate) -> Vec<(NaiveDate, u64)> {
    let past = past_days(bookings);
    let near = near_days(bookings);
    let first = today - Days::new(past);

    let near_of = |ahead: u64| usize::try_from(ahead).ok().and_then(|ahead| near.get(ahead).copied());
    let weigh = |day: NaiveDate, at: u64| match at.checked_sub(past) {
        Some(ahead) if near_of(ahead).is_some_and(|booked| booked > 0) => 0,
        Some(ahead) => weekday_weight(day) * 140 * (DAYS_AHEAD + 1 - ahead) / (DAYS_AHEAD + 1),
        None => weekday_weight(day) * (60 + 80 * at / past),
    };
    let weighted: Vec<_> = (0..=past + DAYS_AHEAD)
        .map(|at| (first + Days::new(at), at))
        .map(|(day, at)| (day, at, weigh(day, at)))
        .collect();

    let total: u64 = weighted.iter().map(|(.., weight)| weight).sum();
    let rest = bookings - near.iter().sum::<u64>();
    let mut reached = 0;
    let mut spread = 0;
    weighted
        .into_iter()
        .map(|(day, at, weight)| {
            reached += weight;
            let share = rest * reached / total - spread;
            spread += share;
            let near = at.checked_sub(past).and_then(near_of);
            (day, share + near.unwrap_or(0))
        })
        .collect()
}

/// Two years for the practice of the first start, ten for a large one.
fn past_days(bookings: u64) -> u64 {
    let beyond = bookings.clamp(3_000, 100_000) - 3_000;
    365 * 2 + 365 * 8 * beyond / 97_000
}

/// The bookings of today and the three days after it.
fn near_days(bookings: u64) -> [u64; 4] {
    let therapists = therapists(bookings) as u64;
    let next = (bookings / 150).min(therapists * 3);
    [(bookings / 100).min(therapists * 5), next, next, next]
}

fn weekday_weight(day: NaiveDate) -> u64 {
    match day.weekday() {
        Weekday::Sun => 3,
        Weekday::Sat => 8,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_booking_has_a_day_and_no_day_more_than_its_therapists_can_hold() {
        let today = NaiveDate::from_ymd_opt(2026, 2, 4).expect("a day");
        for bookings in [1, 7, 99, 500, 3_000, 20_000, 47_999, 100_000, 1_000_000, 20_000_000] {
            let days = days(bookings, today);
            assert_eq!(days.iter().map(|(_, count)| count).sum::<u64>(), bookings);
            let most = days.iter().map(|(_, count)| *count).max().expect("days");
            assert!(most <= therapists(bookings) as u64 * 6, "{bookings}: {most} on one day");
        }
    }

    #[test]
    fn the_span_grows_with_the_practice() {
        let today = NaiveDate::from_ymd_opt(2026, 2, 4).expect("a day");
        let years = |bookings| (today - days(bookings, today)[0].0).num_days() / 365;
        assert_eq!((years(3_000), years(100_000), years(1_000_000)), (2, 10, 10));
    }
}
