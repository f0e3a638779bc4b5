//! Updates the caches after a change, and deletes from them what other programs wrote of somebody whose data is erased.

use std::time::Duration;

use super::{
    backfill::{backfill, backfill_under_way},
    rebuild::rebuild,
};
use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    db::{
        deadline::{STEP, within},
        erasure::RowsToErase,
    },
    domain::{ids::ClientId, time::Timestamp},
    error::Result,
};

/// Lets the caches follow what this unit of work has written so far. Its commit does so by itself; this is for what has to
/// see the caches before.
pub async fn follow(uow: &mut UnitOfWork) -> Result<()> {
    let now = Timestamp::from(uow.now());
    sqlx::query!("select internal.follow_facts(), internal.follow_changes($1)", now as Timestamp)
        .fetch_one(uow.db())
        .await?;
    Ok(())
}

/// Of a rebuild: what its statements may take, and a little more.
const REBUILD: Duration = Duration::from_mins(11);

/// How many rows of each kind are followed in one transaction.
const BATCH: i32 = 500;

/// Lets facts and caches follow a part of what other programs have committed; returns whether there is more. Where more was
/// written than can be told, the caches are rebuilt.
pub async fn follow_others(app: &App) -> Result<bool> {
    if within(STEP, backfill_under_way(app)).await?.is_some() {
        within(REBUILD, backfill(app)).await?;
        return Ok(true);
    }
    let facts = within(STEP, follow_facts(app)).await?;
    let changes = within(STEP, follow_changes(app)).await?;
    if changes.is_none() {
        within(REBUILD, async {
            let mut tx = app.db.system_transaction().await?;
            rebuild(&mut tx, app.clock.now()).await?;
            tx.commit().await
        })
        .await?;
    }
    within(STEP, add_sums(app)).await?;
    Ok(facts >= BATCH || changes.is_none_or(|rows| rows >= BATCH))
}

/// Returns how many rows were followed.
async fn follow_facts(app: &App) -> Result<i32> {
    let mut tx = app.db.system_transaction().await?;
    let rows = sqlx::query_scalar!(r#"select internal.follow_facts($1) as "rows!""#, BATCH).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The same of the caches; none: they have to be rebuilt.
async fn follow_changes(app: &App) -> Result<Option<i32>> {
    let now = Timestamp::from(app.clock.now());
    let mut tx = app.db.system_transaction().await?;
    // Sessions that have begun since are no longer the next ones.
    let begun = sqlx::query!(
        "insert into internal.client_changes (client_id)
         select f.client_id
         from internal.client_facts f
         where f.next_session <= $1
           and not exists (select from internal.client_changes c where c.client_id = f.client_id)
         order by f.next_session
         limit $2",
        now as Timestamp,
        i64::from(BATCH),
    )
    .execute(&mut *tx)
    .await?;
    let begun = i32::try_from(begun.rows_affected()).unwrap_or(BATCH);
    let rows = sqlx::query_scalar!("select internal.follow_changes($1, $2)", now as Timestamp, BATCH)
        .fetch_one(&mut *tx)
        .await?;
    if rows.is_some() {
        tx.commit().await?;
    }
    Ok(rows.map(|rows| rows.max(begun)))
}

/// Adds to the sums what was appended, unless another instance is at it.
async fn add_sums(app: &App) -> Result<()> {
    let mut tx = app.db.system_transaction().await?;
    sqlx::query!(
        "select internal.add_booking_sums(100000)
         from (select from internal.properties where name = 'follows' for update skip locked) one_at_a_time",
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Returns the ids of the rows of `therapist_clients_summary` and of `therapist_appointments_cache`.
pub async fn erase_foreign(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<[Vec<i32>; 2]> {
    let rows = sqlx::query!(
        r#"with words as materialized (
               select internal.name_key(word) as word, internal.phone_key(word) as phone
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
               where internal.name_key(f.name) in (select word from words)
                 and (internal.phone_key(f.phone) in (select phone from words where phone is not null)
                      or internal.name_key(f.email) in (select word from words)
                      or not exists (
                          select
                          from all_clients_table c
                          where left(internal.fold(coalesce(c.client_name, '')), 100) = left(internal.fold(f.name), 100)
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
