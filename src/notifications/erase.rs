//! Erasing a person from notifications.

use super::about::{About, about};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, ERASED, Erased},
    error::Result,
};

/// The replacement of a message. A message that is not known word by word is replaced whole: other programs may have
/// written any text.
const MESSAGE: &str = "What this told of was erased with the client's data.";

/// Replaces the texts of notifications about a client ([`about`]).
pub async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
    let ClientRows { bookings, transfers, requests, grants, .. } = theirs;
    let notified = about(uow.db(), About { bookings, transfers, requests, grants }).await?;
    let rewritten = sqlx::query_scalar!(
        "update notifications
         set title = coalesce(left(regexp_replace(title, $2, $3, 'gi'), 255), title),
             message = $4
         where notification_id = any ($1)
         returning notification_id",
        &notified,
        theirs.pattern(),
        ERASED,
        MESSAGE,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(vec![Erased::anonymised(
        "notifications",
        rewritten,
        &["title", "message"],
        "They are their readers'; they say no more than what kind of thing happened.",
    )])
}
