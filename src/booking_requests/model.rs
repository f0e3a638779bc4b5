//! A booking request: the columns of its table, and the server's own beside them.

use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    clients,
    domain::{
        ids::{BookingId, BookingRequestId, ClientId},
        money::Amount,
        status::RequestStatus,
        time::Timestamp,
    },
    error::Result,
    http::{
        etag::{Preconditions, Versioned},
        host,
        page::Key,
    },
};

/// A booking link that was sent to somebody.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "request_id": 17,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "client_whatsapp": "+919800012345",
    "client_email": "meera.iyer@example.org",
    "therapy_type": "Individual Therapy",
    "therapist_name": "Asha Rao",
    "booking_link": "https://api.example.org/book/R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU",
    "link_expires_at": "2026-02-08T06:15:00Z",
    "amount": "1700.00",
    "currency": "INR",
    "is_free_consultation": false,
    "status": "sent",
    "created_at": "2026-01-28T06:15:00Z",
    "booking_id": null,
    "resend_count": 1,
    "last_resent_at": "2026-02-01T06:15:00Z"
}))]
pub(super) struct BookingRequest {
    /// The request's id.
    pub(super) request_id: BookingRequestId,
    /// The client it was sent to; null where another program sent it and the client is not matched yet.
    pub(super) client_id: Option<ClientId>,
    /// Their name, as the request has it.
    pub(super) client_name: String,
    /// Their phone, as the request has it.
    pub(super) client_whatsapp: String,
    /// Their e-mail address, as the request has it.
    pub(super) client_email: Option<String>,
    /// Which therapy the link is for.
    pub(super) therapy_type: String,
    /// With whom; a name, which need not be a therapist's of the practice.
    pub(super) therapist_name: String,
    /// The link. One that this server made is masked once it books no more, and always as CSV.
    pub(super) booking_link: Option<String>,
    /// Until when the link books, where this server made it.
    pub(super) link_expires_at: Timestamp,
    /// The price of the session that it books; null where the session is free, or the link is another program's.
    pub(super) amount: Amount,
    /// The currency of the amount.
    pub(super) currency: Option<String>,
    /// Whether the link is for a free consultation.
    pub(super) is_free_consultation: bool,
    /// `sent`, `booked` or `expired`; a word of another program as it is.
    pub(super) status: String,
    /// When it was sent first.
    pub(super) created_at: Timestamp,
    /// The booking that came of it, where its arrival was seen.
    pub(super) booking_id: Option<BookingId>,
    /// How often it was sent again.
    pub(super) resend_count: i32,
    /// When it was last sent again.
    pub(super) last_resent_at: Timestamp,
    /// Whether this server made the link.
    #[serde(skip)]
    pub(super) has_link: bool,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for.
    #[serde(skip)]
    pub(super) sort_key: String,
}

impl BookingRequest {
    /// One request, locked until the transaction ends, in the version the caller names.
    pub(super) async fn lock(uow: &mut UnitOfWork, id: BookingRequestId, conditions: &Preconditions) -> Result<Self> {
        sqlx::query!("select from booking_requests where request_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let now = uow.now();
        let request = Self::read(uow.db(), id, now).await?;
        conditions.check(&request.version, &request)?;
        Ok(request)
    }

    /// Whether it has led to a booking.
    pub(super) fn is_booked(&self) -> bool {
        self.status == RequestStatus::Booked.as_str()
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.sort_key.clone(), id: self.request_id.to_string() }
    }
}

/// Links a request to its recipient's client, in place of the former one.
pub(super) async fn link_client(uow: &mut UnitOfWork, id: BookingRequestId, client: &ClientId) -> Result<()> {
    sqlx::query!(
        "insert into internal.request_clients (request_id, client_id)
         values ($1, $2)
         on conflict (request_id) do update set client_id = excluded.client_id",
        id.0,
        client.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Fails if the data of the client a request was sent to was erased; locks the client otherwise.
pub(super) async fn ensure_kept(uow: &mut UnitOfWork, seen: &BookingRequest) -> Result<()> {
    match &seen.client_id {
        Some(id) => clients::lock(uow.db(), id).await?.map_or(Ok(()), |client| client.ensure_kept()),
        None => Ok(()),
    }
}

/// The address that links of this server begin with: the configured one, or that of the request.
pub(super) fn address(app: &App, headers: &HeaderMap) -> Option<String> {
    app.public_url.as_ref().map(ToString::to_string).or_else(|| host::base(headers))
}
