//! The number of unread notifications.

use axum::extract::State;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::UserId,
    error::{Result, problem::Problems},
    http::{caller::Caller, extract::Json},
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
