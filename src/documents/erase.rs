//! Erasing from forms the links to a client's answers.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, Erased},
    error::Result,
};

/// Removes the links from a client's forms. The answers are stored by the form tool, and are deleted there.
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
