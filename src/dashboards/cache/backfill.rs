//! Works out the facts of what stood in an adopted database, in parts, and then rebuilds the caches.
//!
//! Triggers are there first, so that what other programs write meanwhile has its facts already: such a row is passed over, and
//! nobody waits for longer than a part takes. `safestories migrate` does it all; where that was cut off, the server goes on.

use super::rebuild::rebuild;
use crate::{app::state::App, error::Result};

/// How many bookings are done in one transaction.
const PART: i64 = 5000;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// How many bookings are done.
    pub done: i64,
    /// How many there were.
    pub bookings: i64,
}

/// How far it is; none: it is done.
pub async fn backfill_under_way(app: &App) -> Result<Option<Backfill>> {
    let under_way = sqlx::query_as!(Backfill, "select done, bookings from internal.backfill")
        .fetch_optional(&mut *app.db.unscoped().await?)
        .await?;
    Ok(under_way)
}

/// Does the next part, unless another instance is at it.
pub async fn backfill(app: &App) -> Result<()> {
    let mut tx = app.db.system_transaction().await?;
    // One plan for a part says little about another.
    sqlx::raw_sql("set local statement_timeout = '10min'; set local plan_cache_mode = 'force_custom_plan'")
        .execute(&mut *tx)
        .await?;
    let up_to = sqlx::query_scalar!("select up_to from internal.backfill for update skip locked")
        .fetch_optional(&mut *tx)
        .await?;
    let Some(up_to) = up_to else { return Ok(()) };
    let part = sqlx::query!(
        r#"select max(p.booking_id) as up_to, count(*) as "bookings!"
           from (select booking_id from bookings where booking_id > $1 order by booking_id limit $2) p"#,
        up_to,
        PART,
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Some(next) = part.up_to {
        sqlx::query!(
            "insert into internal.booking_facts
             select *
             from internal.facts_of_bookings()
             where booking_id > $1
               and booking_id <= $2
             on conflict (booking_id) do nothing",
            up_to,
            next,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("update internal.backfill set up_to = $1, done = done + $2", next, part.bookings)
            .execute(&mut *tx)
            .await?;
    } else {
        rebuild(&mut tx, app.clock.now()).await?;
        sqlx::query!("delete from internal.backfill").execute(&mut *tx).await?;
        // The first requests are planned for what is there now.
        sqlx::raw_sql(
            "analyze internal.booking_facts, internal.booking_sums, internal.client_facts, internal.therapist_client_facts,
                     internal.appointments_cache_rows, internal.clients_summary_rows, public.therapist_dashboard_stats,
                     public.therapist_clients_summary, public.therapist_appointments_cache",
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}
