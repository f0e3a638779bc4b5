//! Rows of the caches that other programs wrote of somebody whose data is erased. Those of this server follow the booking
//! and the client's record.

use crate::{app::unit_of_work::UnitOfWork, db::erasure::ClientRows, domain::ids::ClientId, error::Result};

/// Returns the ids of the rows of `therapist_clients_summary` and of `therapist_appointments_cache`.
pub async fn erase_foreign(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<[Vec<i32>; 2]> {
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
