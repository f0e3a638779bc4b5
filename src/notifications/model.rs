//! A notification, as lists and streams show it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    ids::{NotificationId, UserId},
    time::IstTimestamp,
};

/// Something a user was told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "notification_id": 17,
    "user_id": 1,
    "user_role": "admin",
    "notification_type": "new_booking",
    "title": "New booking",
    "message": "Meera Iyer is booked with Asha Rao",
    "related_id": "bk_0199c0de00007000800000000000000a",
    "is_read": false,
    "created_at": "2026-02-04T10:30:00Z"
}))]
#[expect(clippy::struct_field_names, reason = "fields are named like their columns")]
pub(super) struct Notification {
    /// Names it; later ones have higher numbers, though not all appear in that order.
    pub(super) notification_id: NotificationId,
    /// The recipient.
    pub(super) user_id: UserId,
    /// The role they had then: `admin` or `therapist`.
    pub(super) user_role: String,
    /// The kind of event: a word of the filter `type`; other programs may have written others.
    pub(super) notification_type: String,
    /// The event in a few words.
    pub(super) title: String,
    /// The event in a sentence, without contact data.
    pub(super) message: String,
    /// The id of its subject, as its kind tells: a booking, a transfer, a booking request, a break-glass grant (an export is
    /// in their list too), a request to erase or an account review. Null where there is none: a refund of a payment without
    /// a booking.
    pub(super) related_id: Option<String>,
    /// Whether it was marked as read.
    pub(super) is_read: bool,
    /// When it was written.
    pub(super) created_at: IstTimestamp,
    /// Which transaction wrote it, or changed it last; 0 where nobody asked.
    #[serde(skip)]
    pub(super) xid: i64,
}

/// Reads notifications: takes the expression for the transaction `n.xid`, the conditions and the clauses after them, and the
/// arguments.
macro_rules! select_notifications {
    ($xid:literal, [$($tail:literal)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::notifications::model::Notification,
            r#"select notification_id as "notification_id: NotificationId",
                      user_id as "user_id!: UserId",
                      coalesce(user_role, '') as "user_role!",
                      coalesce(notification_type, '') as "notification_type!",
                      coalesce(title, '') as "title!",
                      coalesce(message, '') as "message!",
                      related_id,
                      coalesce(is_read, false) as "is_read!",
                      created_at as "created_at!: IstTimestamp",
                      n.xid as "xid!"
               from notifications
               cross join lateral (select "# + $xid + " as xid) n where " $(+ $tail)+,
            $($argument),+
        )
    };
}
pub(super) use select_notifications;
