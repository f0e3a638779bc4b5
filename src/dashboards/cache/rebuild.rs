//! Rebuilds the caches from their sources alone.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{domain::time::Timestamp, error::Result};

/// How many rows the caches hold after a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Rebuilt {
    /// Rows of `therapist_dashboard_stats`.
    pub dashboard_stats: u64,
    /// Rows of `therapist_clients_summary`.
    pub clients_summary: u64,
    /// Rows of `therapist_appointments_cache`.
    pub appointments_cache: u64,
    /// Clients whose `no_of_sessions` was another.
    pub client_sessions: u64,
    /// Therapists whose `sessions_booked` was another.
    pub sessions_booked: u64,
    /// Appointments that repeated other values than their booking has.
    pub appointments: u64,
    /// Bookings whose facts were others.
    pub booking_facts: u64,
    /// Rows of `internal.booking_sums` and `internal.therapist_weeks` that were others.
    pub booking_sums: u64,
    /// Rows of `internal.client_facts` and `internal.therapist_client_facts`.
    pub client_facts: u64,
}

/// Rebuilds all caches, as of an instant, in the transaction of the caller.
///
/// Bookings can be read meanwhile; changes wait. On a million bookings it takes up to a minute, so it sets timeouts and
/// memory of its own for the rest of the transaction.
pub async fn rebuild(tx: &mut PgConnection, now: DateTime<Utc>) -> Result<Rebuilt> {
    let now = Timestamp::from(now);
    lock(tx).await?;
    let booking_facts = booking_facts(tx).await?;
    let booking_sums = booking_sums(tx).await?;
    let client_facts = client_facts(tx, now).await?;
    let (dashboard_stats, sessions_booked) = therapists(tx, now).await?;
    Ok(Rebuilt {
        dashboard_stats,
        sessions_booked,
        clients_summary: clients_summary(tx, now).await?,
        appointments_cache: appointments_cache(tx, now).await?,
        client_sessions: client_sessions(tx).await?,
        appointments: appointments(tx).await?,
        booking_facts,
        booking_sums,
        client_facts,
    })
}

/// Keeps everyone else from counting: rows in the order in which operations lock them, then the tables, for the sake of
/// therapists and clients that come into being meanwhile.
async fn lock(db: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql(
        "set local statement_timeout = '10min';
         set local lock_timeout = '60s';
         set local work_mem = '64MB';
         do $$
         begin
             perform from internal.properties where name = 'follows' for update;
             perform from public.therapists order by therapist_id for no key update;
             perform from public.all_clients_table order by client_id for no key update;
         end
         $$;
         lock table public.therapist_dashboard_stats, public.therapist_clients_summary,
                    public.therapist_appointments_cache, internal.clients_summary_rows,
                    internal.appointments_cache_rows in share row exclusive mode",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the rows of `therapist_dashboard_stats`, and how many therapists had another `sessions_booked`.
async fn therapists(db: &mut PgConnection, now: Timestamp) -> Result<(u64, u64)> {
    sqlx::query!("delete from therapist_dashboard_stats").execute(&mut *db).await?;
    let rows = sqlx::query!(
        // What was tracked and is counted here is followed: in one statement, which sees one instant. What is committed later
        // stays tracked.
        r#"with followed as (
               delete from internal.booking_changes
           ), figures as materialized (
               select * from internal.therapist_figures($1)
           ), added as (
               insert into therapist_dashboard_stats
                   (therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings,
                    last_updated)
               select f.therapist_id, f.total, f.confirmed, f.cancelled, f.no_shows, f.upcoming, $1
               from figures f
               where length(f.therapist_id) <= 50
               order by f.therapist_id
               returning 1
           ), booked as (
               update therapists t
               set sessions_booked = f.upcoming
               from figures f
               where t.therapist_id = f.therapist_id
                 and t.sessions_booked is distinct from f.upcoming
               returning 1
           )
           select (select count(*) from added) as "added!", (select count(*) from booked) as "booked!""#,
        now as Timestamp,
    )
    .fetch_one(db)
    .await?;
    Ok((rows.added.cast_unsigned(), rows.booked.cast_unsigned()))
}

async fn clients_summary(db: &mut PgConnection, now: Timestamp) -> Result<u64> {
    sqlx::query!("delete from internal.client_changes").execute(&mut *db).await?;
    sqlx::query!("delete from internal.clients_summary_rows").execute(&mut *db).await?;
    sqlx::query!("delete from therapist_clients_summary").execute(&mut *db).await?;
    // Ids are drawn in the order of the insert, which links each row to its client and therapist.
    let added = sqlx::query!(
        "with due as materialized (
             select *, row_number() over (order by client_id, therapist_id) as place
             from internal.clients_summary()
         ), added as (
             insert into therapist_clients_summary
                 (therapist_id, client_name, client_email, client_phone, total_sessions, last_session_date, created_at)
             select therapist_id, client_name, client_email, client_phone, sessions, last_session, $1
             from due
             order by place
             returning id
         )
         insert into internal.clients_summary_rows (client_id, therapist_id, id)
         select due.client_id, due.therapist_id, a.id
         from due
         join (select id, row_number() over (order by id) as place from added) a on a.place = due.place",
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(added.rows_affected())
}

async fn appointments_cache(db: &mut PgConnection, now: Timestamp) -> Result<u64> {
    sqlx::query!("delete from internal.appointments_cache_rows").execute(&mut *db).await?;
    sqlx::query!("delete from therapist_appointments_cache").execute(&mut *db).await?;
    let added = sqlx::query!(
        "with due as materialized (
             select *, row_number() over (order by booking_id) as place
             from internal.appointments_cache()
         ), added as (
             insert into therapist_appointments_cache
                 (therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date,
                  booking_status, created_at)
             select therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date,
                    booking_status, $1
             from due
             order by place
             returning id
         )
         insert into internal.appointments_cache_rows (booking_id, id)
         select due.booking_id, a.id
         from due
         join (select id, row_number() over (order by id) as place from added) a on a.place = due.place",
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(added.rows_affected())
}

async fn client_sessions(db: &mut PgConnection) -> Result<u64> {
    let changed = sqlx::query!(
        "update all_clients_table c
         set no_of_sessions = f.sessions
         from internal.client_figures() f
         where c.client_id = f.client_id
           and c.no_of_sessions is distinct from f.sessions",
    )
    .execute(&mut *db)
    .await?;
    // The counts of clients were written just now.
    sqlx::query!("delete from internal.client_changes where xid = pg_current_xact_id()").execute(db).await?;
    Ok(changed.rows_affected())
}

async fn appointments(db: &mut PgConnection) -> Result<u64> {
    let refreshed = sqlx::query!(
        // In parts: each id is compared with all of its part.
        "select sum(internal.refresh_appointments(part.ids))::bigint as rows
         from (
             select array_agg(d.booking_id) as ids
             from (select booking_id, row_number() over () / 500 as part from internal.drifted_appointments()) d
             group by d.part
         ) part",
    )
    .fetch_one(db)
    .await?;
    Ok(refreshed.rows.unwrap_or_default().cast_unsigned())
}

/// How many bookings are locked and worked out again in one statement.
const PART: usize = 1000;

/// The facts that drifted are worked out again, once their bookings are locked.
async fn booking_facts(db: &mut PgConnection) -> Result<u64> {
    let drifted =
        sqlx::query_scalar!(r#"select internal.drifted_facts() as "booking_id!""#).fetch_all(&mut *db).await?;
    for part in drifted.chunks(PART) {
        sqlx::query!("select from bookings where booking_id = any ($1) order by booking_id for no key update", part)
            .execute(&mut *db)
            .await?;
        sqlx::query!("select internal.refresh_booking_facts($1)", part).execute(&mut *db).await?;
    }
    Ok(drifted.len() as u64)
}

/// Adds what they lack in one statement, which sees the facts and the sums of one instant.
async fn booking_sums(db: &mut PgConnection) -> Result<u64> {
    let corrected = sqlx::query!(
        "insert into internal.booking_sum_changes
             (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free, bookings)
         select * from internal.drifted_booking_sums()",
    )
    .execute(&mut *db)
    .await?;
    let weeks = sqlx::query!(
        "insert into internal.therapist_week_changes (therapist_id, week, sessions, paid, refunded)
         select * from internal.drifted_therapist_weeks()",
    )
    .execute(db)
    .await?;
    Ok(corrected.rows_affected() + weeks.rows_affected())
}

async fn client_facts(db: &mut PgConnection, now: Timestamp) -> Result<u64> {
    sqlx::query!("delete from internal.client_facts").execute(&mut *db).await?;
    sqlx::query!("delete from internal.therapist_client_facts").execute(&mut *db).await?;
    let clients = sqlx::query!(
        "insert into internal.client_facts
             select f.* from all_clients_table c cross join lateral internal.facts_of_client(c.client_id, $1) f",
        now as Timestamp,
    )
    .execute(&mut *db)
    .await?;
    let pairs = sqlx::query!(
        "insert into internal.therapist_client_facts
         select f.* from all_clients_table c cross join lateral internal.facts_of_therapists_client(c.client_id, $1) f",
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(clients.rows_affected() + pairs.rows_affected())
}
