//! Looks for arrivals, and has them taken up.

use std::{mem, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    inbox,
    take_up::{Subject, hurry, take_up},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    bookings,
    dashboards::cache,
    db::{
        deadline::{STEP, within},
        repair::RepairedRows,
    },
    domain::{
        ids::{BookingId, BookingRequestId},
        time::Timestamp,
    },
    error::{Error, Result},
};

/// How often arrivals are looked for.
const EVERY: Duration = Duration::from_millis(250);
/// How many arrivals are read at a time.
const BATCH: i64 = 500;
/// How many bookings of loads are taken up in one transaction.
const LOAD: usize = 50;
/// How often an arrival is tried: the last time about 17 minutes after the first.
const TRIES: i32 = 12;
/// The name that the audit trail has for all of it.
const TASK: &str = "another program";

/// Takes up arrivals until `stop`; a failure is tried again.
pub async fn run(app: App, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = false;
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let taken_up = async {
            take_up_all(&app, &stop).await?;
            within(STEP, inbox::measure(&app)).await
        };
        match taken_up.await {
            Ok(()) => failed = false,
            // Said once while it lasts: the database is away, say.
            Err(error) if !mem::replace(&mut failed, true) => {
                tracing::warn!(%error, "arrivals could not be taken up; it will be tried again");
            }
            Err(_) => {}
        }
    }
}

/// Lets the caches follow, and takes up all arrivals that are due, until none is left or it is to stop.
///
/// # Errors
///
/// If the database is away. What fails with one arrival is kept with it.
pub async fn take_up_all(app: &App, stop: &CancellationToken) -> Result<()> {
    loop {
        let waiting = within(STEP, waiting(app)).await?;
        // Arrivals do not wait for what the caches wait for: another program may hold a row for long.
        let followed = if waiting.changes { cache::follow_others(app).await } else { Ok(false) };
        let mut is_more = matches!(followed, Ok(true));
        if waiting.messages {
            is_more |= inbox::work_some(app, stop).await?;
        }
        if waiting.arrivals {
            is_more |= take_up_some(app, stop).await?;
        }
        if !is_more || stop.is_cancelled() {
            return followed.map(drop);
        }
    }
}

/// What is there to be done.
struct Waiting {
    changes: bool,
    arrivals: bool,
    messages: bool,
}

async fn waiting(app: &App) -> Result<Waiting> {
    let waiting = sqlx::query_as!(
        Waiting,
        r#"select exists (select from internal.booking_changes)
                      or exists (select from internal.client_changes)
                      or exists (select from internal.fact_changes)
                      or exists (select from internal.booking_sum_changes)
                      or exists (select from internal.backfill)
                      or exists (select from internal.therapist_week_changes)
                      or (select min(next_session) <= $1 from internal.client_facts) is true as "changes!",
                  exists (select from internal.arrivals where due_at <= now()) as "arrivals!",
                  exists (select from internal.inbox where due_at <= now()) as "messages!""#,
        Timestamp::from(app.clock.now()) as Timestamp,
    )
    .fetch_one(&mut *app.db.unscoped().await?)
    .await?;
    Ok(waiting)
}

/// Takes up arrivals that are due, and a part of a load; returns whether there is more.
async fn take_up_some(app: &App, stop: &CancellationToken) -> Result<bool> {
    let Due { arrivals, others, mut load } = within(STEP, due(app)).await?;
    for subject in others {
        if stop.is_cancelled() {
            return Ok(true);
        }
        one(app, &subject).await?;
    }
    let is_part = load.len() > LOAD;
    load.truncate(LOAD);
    if !load.is_empty() {
        several(app, &load).await?;
    }
    Ok(arrivals == BATCH || is_part)
}

/// What is due, the oldest first, those of loads last.
struct Due {
    /// How many arrivals.
    arrivals: i64,
    /// Their subjects, each once, but for those of loads.
    others: Vec<Subject>,
    /// The subjects of loads.
    load: Vec<Subject>,
}

async fn due(app: &App) -> Result<Due> {
    let rows = sqlx::query!(
        r#"select a.booking_id as "booking_id: BookingId",
                  a.request_id as "request_id: BookingRequestId",
                  bool_and(a.is_load) as "is_load!",
                  count(*) as "arrivals!"
           from (
               select booking_id, request_id, is_load, arrival_id
               from internal.arrivals
               where due_at <= now()
               order by is_load, arrival_id
               limit $1
           ) a
           group by a.booking_id, a.request_id
           order by min(a.arrival_id)"#,
        BATCH,
    )
    .fetch_all(&mut *app.db.unscoped().await?)
    .await?;
    let mut due = Due { arrivals: 0, others: Vec::new(), load: Vec::new() };
    for row in rows {
        due.arrivals += row.arrivals;
        let subject = row.booking_id.map(Subject::Booking).or(row.request_id.map(Subject::Request));
        if row.is_load { &mut due.load } else { &mut due.others }.extend(subject);
    }
    Ok(due)
}

/// Takes up a part of a load; where that fails, each by itself.
async fn several(app: &App, subjects: &[Subject]) -> Result<()> {
    let together = Work::of_task(app, TASK).run_if_needed(async |uow| {
        hurry(uow).await?;
        let ids: Vec<BookingId> = subjects.iter().filter_map(Subject::booking).cloned().collect();
        bookings::lock_therapists(uow.db(), &ids).await?;
        for subject in subjects {
            take_up(uow, subject).await?;
        }
        Ok(())
    });
    if let Err(error) = within(STEP, together).await {
        tracing::debug!(%error, "a part of a load could not be taken up at once");
        for subject in subjects {
            one(app, subject).await?;
        }
    }
    Ok(())
}

/// Takes up one; a failure is noted with its arrivals.
async fn one(app: &App, subject: &Subject) -> Result<()> {
    let taken_up = Work::of_task(app, TASK).run_if_needed(async |uow| {
        hurry(uow).await?;
        take_up(uow, subject).await
    });
    let Err(error) = within(STEP, taken_up).await else { return Ok(()) };
    tracing::warn!(?subject, %error, "an arrival could not be taken up");
    // Of a refusal there is nothing to try again.
    let tries = if matches!(error, Error::Refused(_)) { TRIES } else { 1 };
    within(STEP, put_off(app, subject, tries)).await
}

/// Notes that arrivals were tried, and when they are tried next: half a second later, a second, two and so on.
async fn put_off(app: &App, subject: &Subject, tries: i32) -> Result<()> {
    let mut tx = app.db.system_transaction().await?;
    let (booking, request) = subject.keys();
    sqlx::query!(
        "update internal.arrivals
         set tries = least(tries + $3, $4),
             due_at = case when tries + $3 >= $4 then 'infinity' else now() + interval '250 ms' * 2 ^ (tries + $3) end
         where booking_id = $1 or request_id = $2",
        booking,
        request,
        tries,
        TRIES,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Has arrivals that were given up tried again.
///
/// # Errors
///
/// If the database refuses.
pub async fn retry(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let retried = sqlx::query_as!(
        RepairedRows,
        r#"with retried as (
               update internal.arrivals
               set tries = 0, due_at = now()
               where due_at = 'infinity'
               returning coalesce(booking_id, request_id::text) as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from retried"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(retried)
}
