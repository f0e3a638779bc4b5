//! Repairs of rows that other programs left in `booking_requests`.

use crate::{app::unit_of_work::UnitOfWork, db::repair::RepairedRows, error::Result};

/// Writes the known states of requests in their written form.
pub async fn respell(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with changed as (
               update booking_requests
               set status = lower(btrim(status))
               where status <> lower(btrim(status))
                 and lower(btrim(status)) in ('sent', 'booked', 'expired')
               returning request_id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}
