//! Deleting a notification.

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    app::unit_of_work::Work,
    audit::entry::Entry,
    domain::ids::NotificationId,
    error::{Error, Result, problem::Problems},
    http::{caller::Caller, extract::Path},
};

/// Delete a notification
///
/// One of mine; it is gone for good. The audit keeps of what kind it was, and about what.
#[utoipa::path(
    delete,
    path = "/notifications/{id}",
    tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification's id", example = 17)),
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
