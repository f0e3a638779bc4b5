//! Forms without the link that leads to what a client filled in.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, Erased},
    error::Result,
};

/// Takes the links out of a client's forms. What was filled in lies with the form tool, and is deleted there.
pub async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
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
