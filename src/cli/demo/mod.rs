//! `safestories demo load`: a made-up practice of any size, for trials and benchmarks, and for the first start.
//!
//! The same size on the same Indian day gives the same rows, byte for byte. Only what the caches say about the clock
//! (upcoming sessions) is counted at the very instant, so that they equal a recomputation.
//!
//! The rows are as other programs would have left them: every spelling that occurs, texts in several zones, gaps, the
//! two orphans. How it is made: [`planner`] decides who meets whom, [`fate`] what becomes of it, [`timeline`] puts it in
//! order, [`rows`] writes it down, [`mod@load`] copies it in.

mod calendar;
mod fate;
mod load;
mod people;
mod planner;
mod progress;
mod random;
mod rows;
mod session;
mod sheets;
mod tables;
mod timeline;
mod words;

use anyhow::Context as _;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use clap::Args;
use sqlx::Connection as _;

pub use self::load::{Loaded, load};
use self::people::Therapist;
use crate::platform::time::{Clock, Zone};

/// Load a made-up practice into a migrated database without bookings
#[derive(Debug, Args)]
pub struct DemoLoad {
    /// How many bookings; everything else follows from it
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=Size::MAX))]
    pub bookings: u64,
}

/// How large a practice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// 1 to [`Size::MAX`].
    pub bookings: u64,
}

impl Size {
    /// The largest practice that can be made.
    pub const MAX: u64 = 20_000_000;
    /// What a newcomer gets: 12 therapists, about 400 clients, 26 months.
    pub const FIRST_START: Self = Self { bookings: 3_000 };
}

/// Runs `safestories demo load`.
///
/// # Errors
///
/// When the database cannot be reached, or cannot take the rows (see [`load()`]).
pub async fn run(args: DemoLoad, database_url: &str) -> anyhow::Result<()> {
    let mut conn = sqlx::PgConnection::connect(database_url).await.context("the database cannot be reached")?;
    let bar = progress::Bar::new("bookings");
    let size = Size { bookings: args.bookings };
    let loaded = load(&mut conn, size, Clock::System.now(), &|done, total| bar.show(done, total)).await?;
    bar.end();
    println!(
        "Loaded {} bookings of {} clients with {} therapists, {} rows in all.",
        loaded.bookings, loaded.clients, loaded.therapists, loaded.rows
    );
    conn.close().await?;
    Ok(())
}

/// What a practice is made from.
#[derive(Debug)]
struct Practice {
    now: DateTime<Utc>,
    today: NaiveDate,
    /// The beginning of today; what is no session happened before it.
    midnight: DateTime<Utc>,
    /// Days and their bookings.
    days: Vec<(NaiveDate, u64)>,
    therapists: Vec<Therapist>,
    /// About how many clients there will be.
    clients: usize,
}

impl Practice {
    fn new(size: Size, now: DateTime<Utc>) -> Self {
        let today = Zone::INDIA.date(now);
        Self {
            now,
            today,
            midnight: Zone::INDIA.day_start(today),
            days: calendar::days(size.bookings, today),
            therapists: (0..calendar::therapists(size.bookings)).map(Therapist::of).collect(),
            clients: usize::try_from(size.bookings * 2 / 15).unwrap_or(usize::MAX),
        }
    }

    /// Minutes after midnight of a day in India.
    fn at(&self, day: NaiveDate, minutes: i64) -> DateTime<Utc> {
        self.midnight + (day - self.today) + TimeDelta::minutes(minutes)
    }

    /// When everything was set up: before the first link was sent.
    fn opened(&self) -> DateTime<Utc> {
        let first = self.days.first().map_or(self.today, |(day, _)| *day);
        self.at(first - Days::new(30), 10 * 60)
    }

    /// Until when audit rows had ISO times.
    fn iso_until(&self) -> DateTime<Utc> {
        self.opened() + (self.midnight - self.opened()) / 5
    }
}

#[cfg(test)]
mod tests;
