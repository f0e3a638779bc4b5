//! Erasing the texts about a client from grants.

use super::refusal::BreakGlassRefusal;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ERASED, Erased, RowsToErase},
    domain::ids::GrantId,
    error::Result,
};

/// Fails while a grant for a client's notes, or an export of them, waits for review. The client is locked, so that none is
/// opened meanwhile.
///
/// # Errors
///
/// [`BreakGlassRefusal::ReviewOpen`].
pub(crate) async fn ensure_reviewed(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<()> {
    let open = sqlx::query_scalar!(
        r#"select grant_id as "grant_id: GrantId"
           from internal.break_glass_grants
           where grant_id = any ($1)
             and reviewed_at is null
             and unreviewed_at is null
           order by grant_id"#,
        &theirs.grants,
    )
    .fetch_all(uow.db())
    .await?;
    if open.is_empty() { Ok(()) } else { Err(BreakGlassRefusal::ReviewOpen(open).into()) }
}

/// Removes the reasons and the review notes from the grants for a client's notes, none of which is open. Readers, times and
/// reviewers stay.
pub(crate) async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update internal.break_glass_grants
         set reason = $2,
             review_note = case when review_note is not null then $2 end
         where grant_id = any ($1)",
        &theirs.grants,
        ERASED,
    )
    .execute(uow.db())
    .await?;
    Ok(vec![Erased::anonymised(
        "internal.break_glass_grants",
        &theirs.grants,
        &["reason", "review_note"],
        "The admin who opened the client's record or exported it, the time, and the reviewer.",
    )])
}
