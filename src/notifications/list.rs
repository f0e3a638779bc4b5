//! Listing one's own notifications, newest first.
//!
//! By number, not by time: other programs' rows may have none. Each filter has its index (`notifications_of_user`,
//! `notifications_unread`, `notifications_by_type`), so a page costs the same however many there are.

use axum::response::Response;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::{model::Notification, notify::NotificationKind};
use crate::{
    db::pruned::pruned,
    domain::{
        ids::{NotificationId, UserId},
        time::IstTimestamp,
    },
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
        extract::AnyOf,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which notifications can be listed.
    NotificationOrder: NewestFirst = "-notification_id", OldestFirst = "notification_id"
}

/// Which notifications are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NotificationFilter {
    /// Only those that were not read yet, or only those that were.
    unread: Option<bool>,
    /// Only those about this.
    #[serde(default)]
    #[param(value_type = Option<Vec<NotificationKind>>, inline, style = Form, explode = false)]
    r#type: AnyOf<NotificationKind>,
}

/// List my notifications
///
/// The caller's own, newest first.
#[utoipa::path(
    get,
    path = "/notifications",
    tag = "notifications",
    params(
        NotificationFilter,
        ("sort" = inline(Option<NotificationOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of notifications", content(
            (Page<Notification> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_notifications(
    caller: Caller,
    listing: Listing<NotificationFilter, NotificationOrder>,
) -> Result<Response> {
    let NotificationFilter { unread, r#type } = listing.filter;
    listing
        .request
        .answer(NotificationList { notification_id: None, user: caller.user_id, unread, kinds: r#type })
        .await
}

/// The notifications of a user.
pub(super) struct NotificationList {
    pub(super) notification_id: Option<NotificationId>,
    pub(super) user: UserId,
    pub(super) unread: Option<bool>,
    pub(super) kinds: AnyOf<NotificationKind>,
}

impl List for NotificationList {
    type Row = Notification;
    type Order = NotificationOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: NotificationOrder,
        position: &Position,
    ) -> Result<Vec<Notification>> {
        let notifications = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Notification),
            [r#"
                select notification_id as "notification_id: NotificationId",
                       user_id as "user_id!: UserId",
                       coalesce(user_role, '') as "user_role!",
                       coalesce(notification_type, '') as "notification_type!",
                       coalesce(title, '') as "title!",
                       coalesce(message, '') as "message!",
                       related_id,
                       coalesce(is_read, false) as "is_read!",
                       created_at as "created_at!: IstTimestamp",
                       0::bigint as "xid!"
                from notifications
                where user_id = $1
                  and notification_id = $2
                  and (is_read and $3)
                  and (is_read is not true and $4)
                  and notification_type = $5
                  and notification_type = any ($8::text[]) -- planned anew
                  and notification_id < $6::text::integer -- by any
                order by
                    notification_id desc -- by any
                limit $7
            "#],
            self.user.0,
            self.notification_id.map(|id| id.0),
            self.unread.map(|unread| !unread).filter(|is_read| *is_read),
            self.unread.filter(|unread| *unread),
            self.kinds.word(),
            position.sort(),
            position.limit,
            self.kinds.several() => Option<Vec<&str>>,
        )?;
        Ok(notifications)
    }

    fn key(notification: &Notification) -> Key {
        Key { sort: notification.notification_id.to_string(), id: String::new() }
    }
}
