//! Forms of a client who is erased, and rows that other programs left in `client_doc_form`.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::{
        erasure::{Erased, RowsToErase},
        repair::RepairedRows,
    },
    error::Result,
};

/// Removes the links from a client's forms. The answers are stored by the form tool, and are deleted there.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!("update client_doc_form set paperform_link = null where link_id = any ($1)", &theirs.forms)
        .execute(uow.db())
        .await?;
    Ok(vec![Erased::anonymised(
        "client_doc_form",
        &theirs.forms,
        &["paperform_link"],
        "That there was a form, and how it stood; what was filled in is deleted in the form tool.",
    )])
}

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
               where translate(internal.word(f.status), ' -', '__') = meant.read
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
