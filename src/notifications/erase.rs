//! Finds the notifications about one client, which no other place does, and erases the person from them.
//!
//! The kind of the notification says which table `related_id` refers to. Ids alone do not: those of transfers, requests
//! and grants are numbers, and an id of another program may look like one.

use sqlx::PgConnection;

use super::notify::{NotificationKind, RELATED_ID_CHARS};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ERASED, Erased, RowsToErase},
    domain::{ids::BookingId, text::cut},
    error::Result,
};

/// The replacement of a message. A message that is not known word by word is replaced whole: other programs may have
/// written any text.
const MESSAGE: &str = "The subject of this notification was erased with the client's data.";

/// The rows of a client that notifications may refer to.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Bookings. Only the first 50 characters of an id are in a notification.
    pub bookings: &'a [BookingId],
    /// `client_transfer_history`.
    pub transfers: &'a [i32],
    /// `booking_requests`.
    pub requests: &'a [i32],
    /// `internal.break_glass_grants`.
    pub grants: &'a [i32],
    /// `internal.erase_requests`.
    pub erase_requests: &'a [i32],
}

/// The ids of the notifications about these.
pub async fn about(db: &mut PgConnection, theirs: About<'_>) -> Result<Vec<i32>> {
    let bookings: Vec<&str> = theirs.bookings.iter().map(|id| cut(id.as_str(), RELATED_ID_CHARS)).collect();
    let ids = |ids: &[i32]| -> Vec<String> { ids.iter().map(ToString::to_string).collect() };
    let transfer_kinds =
        [NotificationKind::ClientTransfer, NotificationKind::ClientTransferIn, NotificationKind::ClientTransferOut];
    let found = sqlx::query_scalar!(
        "select notification_id
         from notifications
         where related_id = any ($1::text[] || $2::text[] || $3::text[] || $4::text[] || $8::text[])
           and case
               when notification_type = any ($5) then related_id = any ($2::text[])
               when notification_type = $6 then related_id = any ($3::text[])
               when notification_type = any ($7) then related_id = any ($4::text[])
               when notification_type = $9 then related_id = any ($8::text[])
               when notification_type = $10 then false
               else related_id = any ($1::text[])
           end",
        &bookings as &[&str],
        &ids(theirs.transfers),
        &ids(theirs.requests),
        &ids(theirs.grants),
        &transfer_kinds.map(|kind| kind.as_str().to_owned()),
        NotificationKind::NewBookingRequest.as_str(),
        &[NotificationKind::BreakGlass, NotificationKind::ExportReview].map(|kind| kind.as_str().to_owned()),
        &ids(theirs.erase_requests),
        NotificationKind::EraseRequest.as_str(),
        NotificationKind::AccountChanged.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(found)
}

/// Replaces the texts of notifications about a client ([`about`]).
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    let RowsToErase { bookings, transfers, requests, grants, erase_requests, .. } = theirs;
    let notified = about(uow.db(), About { bookings, transfers, requests, grants, erase_requests }).await?;
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
