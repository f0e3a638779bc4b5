//! Erasing the texts about a client from grants.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, ERASED, Erased},
    error::Result,
};

/// Removes the reasons and the review notes from the grants for a client's notes. Readers, times and reviewers stay.
/// Open grants end now, with the notes.
pub(crate) async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
    let now = uow.now();
    sqlx::query!(
        "update internal.break_glass_grants
         set reason = $2,
             review_note = case when review_note is not null then $2 end,
             expires_at = least(expires_at, greatest($3, opened_at + interval '1 microsecond'))
         where grant_id = any ($1)",
        &theirs.grants,
        ERASED,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(vec![Erased::anonymised(
        "internal.break_glass_grants",
        &theirs.grants,
        &["reason", "review_note", "expires_at"],
        "The admin who opened the client's record, the time, and the reviewer.",
    )])
}
