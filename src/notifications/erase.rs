//! Notifications without the person they told of.

use super::NotificationKind;
use crate::platform::{
    erasure::{Belongings, ERASED, Erased},
    error::Result,
    ids::BookingId,
    work::UnitOfWork,
};

/// What stands in place of the message. What is not known word by word is replaced whole: other programs put into it what
/// they liked.
const MESSAGE: &str = "What this told of was erased with the client's data.";

/// Replaces what notifications about a client's bookings, transfers, requests and notes say. The kind of a notification tells
/// whose id `related_id` is.
///
/// # Errors
///
/// If the database refuses.
pub async fn erase(uow: &mut UnitOfWork, theirs: &Belongings) -> Result<Vec<Erased>> {
    let ids = |ids: &[i32]| -> Vec<String> { ids.iter().map(ToString::to_string).collect() };
    let [transfers, requests, grants] =
        [&theirs.transfers, &theirs.requests, &theirs.grants].map(|numbers| ids(numbers));
    let transfer_kinds =
        [NotificationKind::ClientTransfer, NotificationKind::ClientTransferIn, NotificationKind::ClientTransferOut];
    let rewritten = sqlx::query_scalar!(
        "update notifications
         set title = coalesce(left(regexp_replace(title, $6, $7, 'gi'), 255), title),
             message = $8
         where related_id = any ($1::text[] || $2::text[] || $3::text[] || $9::text[])
           and case
               when notification_type = any ($4) then related_id = any ($2::text[])
               when notification_type = $5 then related_id = any ($3::text[])
               when notification_type = $10 then related_id = any ($9::text[])
               else related_id = any ($1::text[])
           end
         returning notification_id",
        &theirs.bookings as &[BookingId],
        &transfers,
        &requests,
        &transfer_kinds.map(|kind| kind.as_str().to_owned()),
        NotificationKind::NewBookingRequest.as_str(),
        theirs.pattern(),
        ERASED,
        MESSAGE,
        &grants,
        NotificationKind::BreakGlass.as_str(),
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
