//! Deleting a booking request. The client it made stays.

use axum::http::StatusCode;
use serde_json::json;

use super::model::BookingRequest;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::ids::BookingRequestId,
    error::{Result, problem::Problems},
    http::{etag::Preconditions, extract::Path},
};

/// Delete a booking request
///
/// The client that it made or matched stays, as does a booking that came of it.
#[utoipa::path(
    delete,
    path = "/booking-requests/{id}",
    tag = "booking-requests",
    params(("id" = BookingRequestId, Path, description = "The request's id"), Preconditions),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(super) async fn delete_booking_request(
    work: Work,
    Path(id): Path<BookingRequestId>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| delete(uow, id, &conditions).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(uow: &mut UnitOfWork, id: BookingRequestId, conditions: &Preconditions) -> Result<()> {
    let locked = BookingRequest::lock(uow, id, conditions).await?;
    sqlx::query!(
        "with link as (
             delete from internal.request_clients where request_id = $1
         ), own_link as (
             delete from internal.booking_links where request_id = $1
         ), facts as (
             delete from internal.request_facts where request_id = $1
         )
         delete from booking_requests where request_id = $1",
        id.0,
    )
    .execute(uow.db())
    .await?;
    // Of a row that is gone and was linked to nobody, nothing would find the name when its bearer is erased.
    let entry = match &locked.client_id {
        Some(client) => {
            let sentence = format!("Deleted the booking request of {}", locked.client_name);
            Entry::new("booking_request_delete", sentence).client(client, &locked.client_name)
        }
        None => Entry::new("booking_request_delete", "Deleted a booking request"),
    };
    uow.record(entry.on("booking_request", id).detail(json!({
        "status": locked.status,
        "therapy_type": locked.therapy_type,
        "therapist_name": locked.therapist_name,
        "created_at": locked.created_at,
        "booking_id": locked.booking_id,
    })));
    Ok(())
}
