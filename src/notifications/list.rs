//! Listing one's own notifications, newest first.
//!
//! By number, not by time: other programs' rows may have none. Each filter has its index (`notifications_of_user`,
//! `notifications_unread`, `notifications_by_type`), so a page costs the same however many there are.

use axum::response::Response;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::{
    model::{Notification, select_notifications},
    notify::NotificationKind,
};
use crate::{
    domain::{
        ids::{NotificationId, UserId},
        time::IstTimestamp,
    },
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
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
    #[param(inline)]
    r#type: Option<NotificationKind>,
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
    listing.request.answer(NotificationList { user: caller.user_id, unread, kind: r#type }).await
}

/// The notifications of a user.
struct NotificationList {
    user: UserId,
    unread: Option<bool>,
    kind: Option<NotificationKind>,
}

impl List for NotificationList {
    type Row = Notification;
    type Order = NotificationOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        _: NotificationOrder,
        position: &Position,
    ) -> Result<Vec<Notification>> {
        macro_rules! read {
            ($beyond:literal, $direction:literal) => {
                select_notifications!(
                    [
                        "user_id = $1
                         and ($2::boolean is null or (is_read is not true) = $2)
                         and ($3::text is null or notification_type = $3)
                         and ($4::text is null or notification_id " $beyond " $4::text::integer)
                         order by notification_id " $direction " limit $5"
                    ],
                    self.user.0,
                    self.unread,
                    self.kind.map(NotificationKind::as_str),
                    position.sort(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        Ok(if position.descending { read!("<", "desc") } else { read!(">", "asc") }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from notifications
               where user_id = $1
                 and ($2::boolean is null or (is_read is not true) = $2)
                 and ($3::text is null or notification_type = $3)"#,
            self.user.0,
            self.unread,
            self.kind.map(NotificationKind::as_str),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(notification: &Notification) -> Key {
        Key { sort: notification.notification_id.to_string(), id: String::new() }
    }
}
