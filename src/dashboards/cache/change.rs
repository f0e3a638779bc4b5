//! Updates the caches after a change: of bookings, one or many at once, by the same statements; of clients' records; and of
//! rows that other programs wrote of somebody whose data is erased.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::RowsToErase,
    domain::{
        ids::{BookingId, ClientId},
        time::Timestamp,
    },
    error::Result,
};

/// The bookings as the caches counted them before the change.
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

/// Reads how the caches count a booking, and locks it, before it is changed.
pub async fn before(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Before> {
    Ok(before_all(uow, std::slice::from_ref(booking)).await?.pop().unwrap_or_default())
}

/// Reads how the caches count bookings, and locks them in the order of their ids, before they are changed.
pub async fn before_all(uow: &mut UnitOfWork, bookings: &[BookingId]) -> Result<Vec<Before>> {
    let before = sqlx::query_as!(
        Before,
        r#"select b.therapist_id,
                  a.client_id,
                  case when internal.is_active(b.booking_status) then 'active'
                       else internal.booking_status(b.booking_status)
                  end as counts_as
           from bookings b
           left join lateral internal.appointment_of(b.booking_id) a on true
           where b.booking_id = any ($1)
           order by b.booking_id
           for no key update of b"#,
        bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(before)
}

/// Updates all caches after the change of a booking: created, rescheduled, cancelled, restored, completed, transferred,
/// edited, removed.
///
/// Call it once per change, after the booking and its appointment have been written.
pub async fn follow(uow: &mut UnitOfWork, booking: &BookingId, before: Before) -> Result<()> {
    follow_all(uow, std::slice::from_ref(booking), &[before]).await
}

/// Updates all caches after the change of many bookings at once, of any therapists.
pub async fn follow_all(uow: &mut UnitOfWork, bookings: &[BookingId], before: &[Before]) -> Result<()> {
    let now = Timestamp::from(uow.now());
    let db = uow.db();
    let before = Known {
        therapists: before.iter().map(|before| before.therapist_id.as_deref()).collect(),
        clients: before.iter().filter_map(|before| before.client_id.as_deref()).collect(),
        counted_as: before.iter().map(|before| before.counts_as.as_deref()).collect(),
    };
    sqlx::query!(
        "select internal.follow_bookings($1, $2, $3, $4, $5)",
        bookings as &[BookingId],
        &before.therapists as &[Option<&str>],
        &before.clients as &[&str],
        &before.counted_as as &[Option<&str>],
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The former counts, column by column.
struct Known<'a> {
    therapists: Vec<Option<&'a str>>,
    clients: Vec<&'a str>,
    counted_as: Vec<Option<&'a str>>,
}

/// Lets the caches follow a change of a client's record: a name, contact data.
pub async fn follow_client(uow: &mut UnitOfWork, client: &ClientId) -> Result<()> {
    follow_clients(uow, std::slice::from_ref(client)).await
}

/// Lets the caches follow where sessions have gone from one client to another: a merge. Name both.
pub async fn follow_clients(uow: &mut UnitOfWork, clients: &[ClientId]) -> Result<()> {
    let db = uow.db();
    sqlx::query!(
        "select
         from all_clients_table
         where client_id = any ($1)
         order by client_id
         for no key update",
        clients as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!("select internal.recount_clients($1)", clients as &[ClientId]).execute(db).await?;
    Ok(())
}

/// Returns the ids of the rows of `therapist_clients_summary` and of `therapist_appointments_cache`.
pub async fn erase_foreign(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<[Vec<i32>; 2]> {
    let rows = sqlx::query!(
        r#"with words as materialized (
               select lower(regexp_replace(word, '\s', '', 'g')) as word, internal.phone_key(word) as phone
               from unnest($1::text[]) as said (word)
           ), foreign_rows as materialized (
               select true as of_client, s.id, s.client_name as name, s.client_phone as phone, s.client_email as email
               from therapist_clients_summary s
               where not exists (select from internal.clients_summary_rows l where l.id = s.id)
               union all
               select false, c.id, c.client_name, c.contact_info, c.contact_info
               from therapist_appointments_cache c
               where not exists (select from internal.appointments_cache_rows l where l.id = c.id)
           ), found as materialized (
               select f.of_client, f.id
               from foreign_rows f
               where lower(regexp_replace(f.name, '\s', '', 'g')) in (select word from words)
                 and (internal.phone_key(f.phone) in (select phone from words where phone is not null)
                      or lower(regexp_replace(f.email, '\s', '', 'g')) in (select word from words)
                      or not exists (
                          select
                          from all_clients_table c
                          where left(lower(coalesce(c.client_name, '')), 100) = left(lower(btrim(f.name)), 100)
                            and c.client_id <> all ($2)
                      ))
           ), clients as (
               delete from therapist_clients_summary where id in (select id from found where of_client) returning id
           ), sessions as (
               delete from therapist_appointments_cache where id in (select id from found where not of_client)
               returning id
           )
           select array(select id from clients order by id) as "clients!",
                  array(select id from sessions order by id) as "sessions!""#,
        &theirs.words,
        &theirs.clients as &[ClientId],
    )
    .fetch_one(uow.db())
    .await?;
    Ok([rows.clients, rows.sessions])
}
