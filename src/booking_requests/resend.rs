//! Resending a booking link.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Map, Value, json};

use super::{
    link,
    model::{self, BookingRequest},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    domain::{
        ids::{BookingId, BookingRequestId},
        status::RequestStatus,
    },
    error::{
        Refusal, Result,
        problem::{ProblemKind, Problems, kinds},
    },
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

kinds! { PROBLEMS:
    ALREADY_BOOKED = CONFLICT, "already-booked", "A booking came of it",
        "The client has booked: there is nothing to remind them of. `booking_id` names the booking where its arrival was seen. If the request is still open all the same, set its `status` back to `sent` first.";
}

/// Why a link is not sent again.
#[derive(Debug, thiserror::Error)]
#[error("the client has booked")]
struct AlreadyBooked(Option<BookingId>);

impl Refusal for AlreadyBooked {
    fn kind(&self) -> &'static ProblemKind {
        &ALREADY_BOOKED
    }

    fn members(&self) -> Map<String, Value> {
        Map::from_iter([("booking_id".to_owned(), json!(self.0))])
    }
}

/// Resend a booking request
///
/// Counts it and notes when. An expired request is `sent` again. A link of this server books for seven days from now on.
#[utoipa::path(
    post,
    path = "/booking-requests/{id}/resend",
    tag = "booking-requests",
    params(("id" = BookingRequestId, Path, description = "The request's id"), Preconditions),
    responses((status = 200, description = "Counted", body = BookingRequest), Problems),
)]
pub(super) async fn resend_booking_request(
    State(app): State<App>,
    work: Work,
    Path(id): Path<BookingRequestId>,
    headers: HeaderMap,
    conditions: Preconditions,
) -> Result<Versioned<BookingRequest>> {
    let address = model::address(&app, &headers);
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| resend(uow, id, &conditions, address.as_deref()).await).await?;
        let now = uow.now();
        Ok(BookingRequest::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

async fn resend(
    uow: &mut UnitOfWork,
    id: BookingRequestId,
    conditions: &Preconditions,
    address: Option<&str>,
) -> Result<()> {
    let now = uow.now();
    let seen = BookingRequest::read(uow.db(), id, now).await?;
    model::ensure_kept(uow, &seen).await?;
    let locked = BookingRequest::lock(uow, id, conditions).await?;
    if locked.is_booked() {
        return Err(AlreadyBooked(locked.booking_id).into());
    }
    sqlx::query!(
        "with sent as (
             update booking_requests set status = $2 where request_id = $1
         )
         insert into internal.request_facts (request_id, resent, resent_at)
         values ($1, 1, $3)
         on conflict (request_id) do update
         set resent = request_facts.resent + 1,
             resent_at = excluded.resent_at",
        id.0,
        RequestStatus::Sent.as_str(),
        now,
    )
    .execute(uow.db())
    .await?;
    match &locked.booking_link {
        Some(_) => link::renew(uow, id).await?,
        None => link::make(uow, &locked, None, address).await?,
    }
    let entry = Entry::new("booking_request_resend", format!("Sent the booking link to {} again", locked.client_name))
        .on("booking_request", id)
        .detail(json!({ "from": locked.status, "resend_count": locked.resend_count.saturating_add(1) }));
    uow.record(match &locked.client_id {
        Some(client) => entry.client(client, &locked.client_name),
        None => entry,
    });
    Ok(())
}
