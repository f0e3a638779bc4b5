//! Marking notifications as read.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    model::{Notification, select_notifications},
    unread,
};
use crate::{
    app::unit_of_work::Work,
    audit::entry::Entry,
    domain::{
        ids::{NotificationId, UserId},
        time::IstTimestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, OptionalJson, Path},
    },
};

/// The most notifications that one request marks, which takes about a second.
const AT_ONCE: i64 = 20_000;

/// Mark a notification as read
///
/// One of mine; that it was read already is no error.
#[utoipa::path(
    post,
    path = "/notifications/{id}/read",
    tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification's id", example = 17)),
    responses((status = 200, description = "It is read", body = Notification), Problems),
)]
pub(super) async fn read_notification(
    caller: Caller,
    work: Work,
    Path(id): Path<NotificationId>,
) -> Result<Json<Notification>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| {
            sqlx::query!(
                "update notifications
         set is_read = true
         where notification_id = $1
           and user_id = $2
           and is_read is not true",
                id.0,
                caller.user_id.0,
            )
            .execute(uow.db())
            .await?;
            uow.record(Entry::new("notification_read", "Read a notification").on("notification", id).quiet());
            Ok(())
        })
        .await?;
        let notification = select_notifications!(["notification_id = $1 and user_id = $2"], id.0, caller.user_id.0)
            .fetch_optional(uow.db())
            .await?;
        notification.map(Json).ok_or(Error::NotFound("notification"))
    })
    .await
}

/// Which notifications are marked; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "up_to": 17 }))]
pub(super) struct ReadAll {
    /// Only those up to this `notification_id`: the newest that was shown. All, unless given.
    up_to: Option<NotificationId>,
}

/// The number of notifications marked, and of those still unread.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "read": 12, "unread": 0 }))]
pub(super) struct ReadCount {
    /// How many were marked as read by this request.
    #[schema(minimum = 0, maximum = 20000)]
    read: i64,
    /// How many are not read now.
    #[schema(minimum = 0)]
    unread: i64,
}

/// Mark all my notifications as read
///
/// At most the newest 20,000 at once; where `unread` tells of more, the request can be repeated.
#[utoipa::path(
    post,
    path = "/notifications/read-all",
    tag = "notifications",
    request_body = Option<ReadAll>,
    responses((status = 200, description = "They are read", body = ReadCount), Problems),
)]
pub(super) async fn read_all_notifications(
    caller: Caller,
    work: Work,
    OptionalJson(request): OptionalJson<ReadAll>,
) -> Result<Json<ReadCount>> {
    let UserId(user) = caller.user_id;
    let mut read = 0;
    work.run(async |uow| {
        uow.once(StatusCode::OK, &user, async |uow| {
            // Locked in one order, so that two browser tabs do not stop each other.
            read = sqlx::query_scalar!(
                r#"with unread as (
                   select notification_id
                   from notifications
                   where user_id = $1
                     and is_read is not true
                     and ($2::integer is null or notification_id <= $2)
                   order by notification_id desc
                   limit $3
                   for no key update
               ), marked as (
                   update notifications n
                   set is_read = true
                   from unread
                   where n.notification_id = unread.notification_id
                   returning n.notification_id
               )
               select count(*) as "read!"
               from marked"#,
                user,
                request.up_to.map(|id| id.0),
                AT_ONCE,
            )
            .fetch_one(uow.db())
            .await?;
            let detail = json!({ "read": read, "up_to": request.up_to });
            let entry = Entry::new("notification_read_all", "Read the notifications").on("user", user);
            uow.record(entry.detail(detail).quiet());
            Ok(())
        })
        .await?;
        let unread = unread::count(uow.db(), caller.user_id).await?;
        Ok(Json(ReadCount { read, unread }))
    })
    .await
}
