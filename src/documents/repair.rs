//! Repairs of rows that other programs left in `client_doc_form`.

use crate::{app::unit_of_work::UnitOfWork, db::repair::RepairedRows, error::Result};

/// Writes the known states of forms in their written form. NULL, which reads as `pending`, stays.
pub async fn respell(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with changed as (
               update client_doc_form f
               set status = meant.word
               from (
                   values ('pending', 'pending'), ('completed', 'completed'), ('no_show', 'no_show'),
                          ('noshow', 'no_show')
               ) as meant (read, word)
               where translate(lower(btrim(f.status)), ' -', '__') = meant.read
                 and f.status <> meant.word
               returning f.link_id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}
