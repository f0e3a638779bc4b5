//! The caches follow bookings that were made, changed or removed: one, or many at once, by the same statements.

use sqlx::PgConnection;

use super::client::recount;
use crate::platform::{error::Result, ids::BookingId, time::Timestamp, work::UnitOfWork};

/// What a booking counts for before it is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the caches have to follow the change"]
pub struct Before {
    therapist_id: Option<String>,
    client_id: Option<String>,
    /// `active`, `cancelled` or `no_show`; none if there is no booking.
    counts_as: Option<String>,
}

impl Before {
    /// Of a booking that is about to be made.
    pub fn nothing() -> Self {
        Self::default()
    }
}

/// Notes what a booking counts for, and locks it, before it is changed.
///
/// # Errors
///
/// If the database refuses.
pub async fn before(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Before> {
    Ok(before_all(uow, std::slice::from_ref(booking)).await?.pop().unwrap_or_default())
}

/// Notes what bookings count for, and locks them in the order of their ids, before they are changed.
///
/// # Errors
///
/// If the database refuses.
pub async fn before_all(uow: &mut UnitOfWork, bookings: &[BookingId]) -> Result<Vec<Before>> {
    let before = sqlx::query_as!(
        Before,
        r#"select b.therapist_id,
                  a.client_id,
                  case when internal.is_active(b.booking_status) then 'active'
                       else internal.booking_status(b.booking_status)
                  end as counts_as
           from bookings b
           left join appointment_table a on a.session_id = b.booking_id
           where b.booking_id = any ($1)
           order by b.booking_id
           for no key update of b"#,
        bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(before)
}

/// Lets all caches follow the change of a booking: made, moved, called off, restored, held, handed over, edited, removed.
///
/// Call it once per change, after the booking and its appointment have been written.
///
/// # Errors
///
/// If the database refuses.
pub async fn follow(uow: &mut UnitOfWork, booking: &BookingId, before: Before) -> Result<()> {
    follow_all(uow, std::slice::from_ref(booking), &[before]).await
}

/// Lets all caches follow the change of many bookings at once, whoever's they are.
///
/// # Errors
///
/// If the database refuses.
pub async fn follow_all(uow: &mut UnitOfWork, bookings: &[BookingId], before: &[Before]) -> Result<()> {
    let now = Timestamp::from(uow.now());
    let db = uow.db();
    let before = Known {
        therapists: before.iter().map(|before| before.therapist_id.as_deref()).collect(),
        clients: before.iter().filter_map(|before| before.client_id.as_deref()).collect(),
        counted_as: before.iter().map(|before| before.counts_as.as_deref()).collect(),
    };
    let clients = lock(db, bookings, &before).await?;
    count(db, bookings, &before, now).await?;
    list(db, bookings, now).await?;
    recount(db, &clients).await
}

/// What was counted before, column by column.
struct Known<'a> {
    therapists: Vec<Option<&'a str>>,
    clients: Vec<&'a str>,
    counted_as: Vec<Option<&'a str>>,
}

/// Locks the therapists and clients of before and after. Gives the clients.
async fn lock(db: &mut PgConnection, bookings: &[BookingId], before: &Known<'_>) -> Result<Vec<String>> {
    let clients = sqlx::query_scalar!(
        r#"with touched as (
               select therapist_id, null::text as client_id
               from unnest($2::text[]) as before (therapist_id)
               union all
               select null, client_id
               from unnest($3::text[]) as before (client_id)
               union all
               select b.therapist_id, a.client_id
               from bookings b
               left join appointment_table a on a.session_id = b.booking_id
               where b.booking_id = any ($1)
           ), locked_therapists as (
               select t.therapist_id
               from therapists t
               where t.therapist_id in (select touched.therapist_id from touched)
               order by t.therapist_id
               for no key update
           ), locked_clients as (
               select c.client_id
               from all_clients_table c
               where c.client_id in (select touched.client_id from touched)
                 and (select count(*) from locked_therapists) >= 0
               order by c.client_id
               for no key update
           )
           select client_id as "client_id!"
           from locked_clients
           where (select count(*) from locked_therapists) >= 0"#,
        bookings as &[BookingId],
        &before.therapists as &[Option<&str>],
        &before.clients as &[&str],
    )
    .fetch_all(db)
    .await?;
    Ok(clients)
}

/// Moves the figures of the therapists of before and after.
async fn count(db: &mut PgConnection, bookings: &[BookingId], before: &Known<'_>, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"with moved as (
               select therapist_id,
                      sum(n)::integer as total,
                      coalesce(sum(n) filter (where counts_as = 'active'), 0)::integer as confirmed,
                      coalesce(sum(n) filter (where counts_as = 'cancelled'), 0)::integer as cancelled,
                      coalesce(sum(n) filter (where counts_as = 'no_show'), 0)::integer as no_shows
               from (
                   select therapist_id, counts_as, -1 as n
                   from unnest($3::text[], $4::text[]) as before (therapist_id, counts_as)
                   where counts_as is not null
                   union all
                   select b.therapist_id,
                          case when internal.is_active(b.booking_status) then 'active'
                               else internal.booking_status(b.booking_status)
                          end,
                          1
                   from bookings b
                   where b.booking_id = any ($1)
               ) counted
               group by therapist_id
           ), figures as materialized (
               select moved.*, length(t.therapist_id) <= 50 as fits, ahead.upcoming
               from moved
               join therapists t on t.therapist_id = moved.therapist_id
               cross join lateral (
                   select count(*)::integer as upcoming
                   from bookings b
                   where b.therapist_id = moved.therapist_id
                     -- What starts later ends later, which is what the index of active bookings is ordered by.
                     and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                              b.invitee_payment_amount) > $2
                     and b.booking_start_at > $2
                     and internal.is_active(b.booking_status)
                     and b.booking_id is not null
               ) ahead
           ), booked as (
               update therapists t
               set sessions_booked = f.upcoming
               from figures f
               where t.therapist_id = f.therapist_id
                 and t.sessions_booked is distinct from f.upcoming
           ), counted as (
               update therapist_dashboard_stats s
               set total_sessions = coalesce(s.total_sessions, 0) + f.total,
                   confirmed_sessions = coalesce(s.confirmed_sessions, 0) + f.confirmed,
                   cancelled_sessions = coalesce(s.cancelled_sessions, 0) + f.cancelled,
                   no_shows = coalesce(s.no_shows, 0) + f.no_shows,
                   upcoming_bookings = f.upcoming,
                   last_updated = $2
               from figures f
               where s.therapist_id = f.therapist_id
               returning s.therapist_id
           ), uncounted as materialized (
               -- Before the count of a whole history, so that it is made for nobody else.
               select f.*
               from figures f
               where f.fits
                 and not exists (select from counted where counted.therapist_id = f.therapist_id)
           )
           insert into therapist_dashboard_stats
               (therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings,
                last_updated)
           select f.therapist_id, w.total, w.total - w.cancelled - w.no_shows, w.cancelled, w.no_shows, f.upcoming, $2
           from uncounted f
           cross join lateral (
               select count(*) as total,
                      count(*) filter (where internal.booking_status(b.booking_status) = 'cancelled') as cancelled,
                      count(*) filter (where internal.booking_status(b.booking_status) = 'no_show') as no_shows
               from bookings b
               where b.therapist_id = f.therapist_id
                 and b.booking_id is not null
           ) w"#,
        bookings as &[BookingId],
        now as Timestamp,
        &before.therapists as &[Option<&str>],
        &before.counted_as as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the bookings' rows in the list of sessions, or takes them away.
async fn list(db: &mut PgConnection, bookings: &[BookingId], now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"with due as materialized (
               select *
               from internal.appointments_cache() d
               where d.booking_id = any ($1)
           ), refreshed as (
               update therapist_appointments_cache c
               set therapist_id = d.therapist_id,
                   session_timings = d.session_timings,
                   session_name = d.session_name,
                   client_name = d.client_name,
                   contact_info = d.contact_info,
                   mode = d.mode,
                   booking_date = d.booking_date,
                   booking_status = d.booking_status
               from due d
               join internal.appointments_cache_rows l on l.booking_id = d.booking_id
               where c.id = l.id
               returning l.booking_id
           ), missing as materialized (
               select *, row_number() over (order by d.booking_id) as place
               from due d
               where not exists (select from refreshed r where r.booking_id = d.booking_id)
           ), added as (
               insert into therapist_appointments_cache
                   (therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date,
                    booking_status, created_at)
               select m.therapist_id, m.session_timings, m.session_name, m.client_name, m.contact_info, m.mode,
                      m.booking_date, m.booking_status, $2
               from missing m
               order by m.place
               returning id
           ), linked as (
               -- Ids are drawn in the order of the insert.
               insert into internal.appointments_cache_rows (booking_id, id)
               select m.booking_id, a.id
               from missing m
               join (select id, row_number() over (order by id) as place from added) a on a.place = m.place
               on conflict (booking_id) do update
               set id = excluded.id
           ), unlinked as (
               delete from internal.appointments_cache_rows l
               where l.booking_id = any ($1)
                 and not exists (select from due d where d.booking_id = l.booking_id)
               returning l.id
           )
           delete from therapist_appointments_cache c
           where c.id in (select unlinked.id from unlinked)"#,
        bookings as &[BookingId],
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}
