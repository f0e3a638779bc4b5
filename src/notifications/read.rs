//! The caller's notifications: how many are unread, marking them as read, deleting one.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{list::NotificationList, model::Notification};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::ids::{NotificationId, UserId},
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{AnyOf, Json, OptionalJson, Path},
        page::List as _,
    },
};

/// How many notifications wait to be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "unread": 3 }))]
pub(super) struct UnreadCount {
    /// How many of the caller's are not marked as read.
    #[schema(minimum = 0)]
    pub(super) unread: i64,
}

/// Count my unread notifications
#[utoipa::path(
    get,
    path = "/notifications/unread-count",
    tag = "notifications",
    responses((status = 200, description = "The number", body = UnreadCount), Problems),
)]
pub(super) async fn count_unread_notifications(
    scope: Scope,
    caller: Caller,
    State(app): State<App>,
) -> Result<Json<UnreadCount>> {
    let mut db = app.db.read(&scope).await?;
    let unread = count(&mut db, caller.user_id).await?;
    Ok(Json(UnreadCount { unread }))
}

/// Counts a user's unread notifications.
pub(super) async fn count(db: &mut PgConnection, user: UserId) -> Result<i64> {
    let unread = sqlx::query_scalar!(
        r#"select count(*) as "unread!"
           from notifications
           where user_id = $1
             and is_read is not true"#,
        user.0,
    )
    .fetch_one(db)
    .await?;
    Ok(unread)
}

/// The most notifications that one request marks, which takes about a second.
const AT_ONCE: i64 = 20_000;

/// Mark a notification as read
///
/// One of mine; that it was read already is no error.
#[utoipa::path(
    post,
    path = "/notifications/{id}/read",
    tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification's id")),
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
        let one =
            NotificationList { notification_id: Some(id), user: caller.user_id, unread: None, kinds: AnyOf::default() };
        one.first(uow.db()).await?.map(Json).ok_or(Error::NotFound("notification"))
    })
    .await
}

/// Which notifications are marked; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "up_to": 9002 }))]
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
        let unread = count(uow.db(), caller.user_id).await?;
        Ok(Json(ReadCount { read, unread }))
    })
    .await
}

/// Delete a notification
///
/// One of mine; it is gone for good. The audit keeps of what kind it was, and about what.
#[utoipa::path(
    delete,
    path = "/notifications/{id}",
    tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification's id")),
    responses((status = 204, description = "It is gone"), Problems),
)]
pub(super) async fn delete_notification(
    caller: Caller,
    work: Work,
    Path(id): Path<NotificationId>,
) -> Result<StatusCode> {
    work.run(async |uow| {
        let gone = sqlx::query!(
            "select notification_type, related_id from internal.delete_notification($1, $2)",
            id.0,
            caller.user_id.0,
        )
        .fetch_optional(uow.db())
        .await?
        .ok_or(Error::NotFound("notification"))?;
        uow.record(
            Entry::new("notification_delete", "Deleted a notification of their own")
                .on("notification", id)
                .detail(json!({ "notification_type": gone.notification_type, "related_id": gone.related_id })),
        );
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
