//! Repairs of what other programs left in `appointment_table`.

use crate::platform::{error::Result, mend::Mended, work::UnitOfWork};

/// Deletes appointments that stand there more than once, equal in every column: one of them stays.
///
/// # Errors
///
/// If the database refuses.
pub async fn delete_twins(uow: &mut UnitOfWork) -> Result<Mended> {
    let mended = sqlx::query_as!(
        Mended,
        r#"with changed as (
               delete from appointment_table a
               using (
                   select t.ctid, row_number() over (partition by t order by t.ctid) as place
                   from appointment_table t
               ) twins
               where a.ctid = twins.ctid
                 and twins.place > 1
               returning a.session_id as id
           )
           select count(*) as "rows!", coalesce((array_agg(id::text))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(mended)
}
