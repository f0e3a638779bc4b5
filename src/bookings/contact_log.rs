//! The log of how a client was told of their session: somebody copied its text, or opened it in a messenger. The server sends
//! nothing itself; the trail shows that somebody did.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::lock;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{ids::BookingId, status::words},
    error::{Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{Json, Path},
    },
};

words! {
    /// The way a client is told.
    enum ContactKind {
        /// The text of the appointment was copied.
        Copied,
        /// It was opened in the messenger, to be sent.
        Whatsapp,
    }
}

/// How a client was told of a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "whatsapp" }))]
pub(super) struct LogContact {
    /// The way.
    kind: ContactKind,
}

/// Log that a client was told
///
/// For the buttons that copy an appointment or open it in a messenger: the trail keeps `copy_appointment` or `send_whatsapp`.
/// Nothing is sent.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/contact-log",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    request_body = LogContact,
    responses((status = 204, description = "Logged"), Problems),
)]
pub(super) async fn log_booking_contact(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    Json(request): Json<LogContact>,
) -> Result<StatusCode> {
    let status = StatusCode::NO_CONTENT;
    work.run(async |uow| uow.once(status, &id, async |uow| log(uow, &scope, &id, request.kind).await).await).await?;
    Ok(status)
}

async fn log(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId, kind: ContactKind) -> Result<()> {
    let client = lock::lock(uow, scope, id, &Preconditions::default()).await?.client;
    let (action, sentence) = match kind {
        ContactKind::Copied => ("copy_appointment", format!("Copied the appointment of {}", client.name)),
        ContactKind::Whatsapp => ("send_whatsapp", format!("Opened WhatsApp to tell {} of a session", client.name)),
    };
    uow.record(Entry::new(action, sentence).on("booking", id).client(&client.client_id, &client.name));
    Ok(())
}
