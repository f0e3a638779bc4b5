//! What is derived of a client, counted anew from the client's own bookings.

use sqlx::PgConnection;

use crate::platform::{error::Result, ids::ClientId, work::UnitOfWork};

/// Lets the caches follow a change of a client's record: a name, contact data.
///
/// # Errors
///
/// If the database refuses.
pub async fn follow_client(uow: &mut UnitOfWork, client: &ClientId) -> Result<()> {
    follow_clients(uow, std::slice::from_ref(client)).await
}

/// Lets the caches follow where sessions have gone from one client to another: a merge. Name both.
///
/// # Errors
///
/// If the database refuses.
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
    let clients: Vec<String> = clients.iter().map(ClientId::to_string).collect();
    recount(db, &clients).await
}

/// Counts anew what the clients have with each therapist, and in all. Their rows are locked.
pub(super) async fn recount(db: &mut PgConnection, clients: &[String]) -> Result<()> {
    if clients.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"with held as materialized (
               select a.client_id, b.therapist_id, b.booking_start_at
               from appointment_table a
               join bookings b on b.booking_id = a.session_id
               where a.client_id = any ($1)
                 and internal.is_active(b.booking_status)
           ), counted as (
               update all_clients_table c
               set no_of_sessions = s.sessions
               from (
                   select c.client_id, count(held.client_id)::integer as sessions
                   from all_clients_table c
                   left join held on held.client_id = c.client_id
                   where c.client_id = any ($1)
                   group by c.client_id
               ) s
               where c.client_id = s.client_id
                 and c.no_of_sessions is distinct from s.sessions
           ), due as materialized (
               select s.*, c.client_name, c.email_id, c.phone_number
               from (
                   select held.client_id,
                          held.therapist_id,
                          count(*)::integer as sessions,
                          max(held.booking_start_at) filter (where isfinite(held.booking_start_at)) as last_session
                   from held
                   where length(held.therapist_id) <= 50
                   group by held.client_id, held.therapist_id
               ) s
               join all_clients_table c on c.client_id = s.client_id
               where exists (select from therapists t where t.therapist_id = s.therapist_id)
           ), refreshed as (
               update therapist_clients_summary s
               set client_name = d.client_name,
                   client_email = d.email_id,
                   client_phone = d.phone_number,
                   total_sessions = d.sessions,
                   last_session_date = d.last_session
               from due d
               join internal.clients_summary_rows l on l.client_id = d.client_id and l.therapist_id = d.therapist_id
               where s.id = l.id
               returning l.client_id, l.therapist_id
           ), missing as materialized (
               select *, row_number() over (order by d.client_id, d.therapist_id) as place
               from due d
               where not exists (
                   select
                   from refreshed r
                   where r.client_id = d.client_id
                     and r.therapist_id = d.therapist_id
               )
           ), added as (
               insert into therapist_clients_summary
                   (therapist_id, client_name, client_email, client_phone, total_sessions, last_session_date)
               select m.therapist_id, m.client_name, m.email_id, m.phone_number, m.sessions, m.last_session
               from missing m
               order by m.place
               returning id
           ), linked as (
               -- Ids are drawn in the order of the insert.
               insert into internal.clients_summary_rows (client_id, therapist_id, id)
               select m.client_id, m.therapist_id, a.id
               from missing m
               join (select id, row_number() over (order by id) as place from added) a on a.place = m.place
               on conflict (client_id, therapist_id) do update
               set id = excluded.id
           ), unlinked as (
               delete from internal.clients_summary_rows l
               where l.client_id = any ($1)
                 and not exists (
                     select
                     from due d
                     where d.client_id = l.client_id
                       and d.therapist_id = l.therapist_id
                 )
               returning l.id
           )
           delete from therapist_clients_summary s
           where s.id in (select unlinked.id from unlinked)"#,
        clients,
    )
    .execute(db)
    .await?;
    Ok(())
}
