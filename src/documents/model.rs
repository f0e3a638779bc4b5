//! A document form: its columns, and those of its booking.

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients,
    domain::{
        ids::{BookingId, ClientId, DocumentFormId, TherapistId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result},
    http::{
        etag::{Preconditions, Versioned},
        page::Key,
    },
};

/// A form that a client fills in around a booking.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "link_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "paperform_link": "https://forms.example.org/intake",
    "status": "pending",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "booking_start_at": "2026-02-04T10:30:00Z"
}))]
pub(super) struct DocumentForm {
    /// The form's id.
    pub(super) link_id: DocumentFormId,
    /// The booking it belongs to; null where another program left it without one.
    pub(super) booking_id: Option<BookingId>,
    /// Where it is filled in.
    pub(super) paperform_link: Option<String>,
    /// `pending`, `completed` or `no_show`; a word of another program as it is.
    pub(super) status: String,
    /// The client of the booking.
    pub(super) client_id: Option<ClientId>,
    /// Their name, as the booking has it.
    pub(super) client_name: Option<String>,
    /// The therapist who holds the session.
    pub(super) therapist_id: Option<TherapistId>,
    /// Their name.
    pub(super) therapist_name: Option<String>,
    /// When the session starts.
    pub(super) booking_start_at: Timestamp,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
}

impl DocumentForm {
    /// One form, locked until the transaction ends, in the version the caller names.
    pub(super) async fn lock(uow: &mut UnitOfWork, id: DocumentFormId, conditions: &Preconditions) -> Result<Self> {
        sqlx::query!("select from client_doc_form where link_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let form = Self::read(uow.db(), id).await?;
        conditions.check(&form.version, &form)?;
        Ok(form)
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.link_id.to_string(), id: String::new() }
    }

    /// An entry of the trail about it. It names nobody where nobody is linked: once the form is gone, nothing would find the
    /// name when its bearer is erased.
    pub(super) fn entry(&self, action: &'static str, done: &str) -> Entry {
        let name = self.client_name.as_deref().unwrap_or(NO_NAME);
        let entry = match &self.client_id {
            Some(client) => Entry::new(action, format!("{done} the document form of {name}")).client(client, name),
            None => Entry::new(action, format!("{done} a document form")),
        };
        entry.on("document_form", self.link_id)
    }
}

/// Fails unless there is such a booking, and one that a form can name.
pub(super) async fn ensure_booking(db: &mut PgConnection, booking: &BookingId) -> Result<()> {
    // The form's column is narrower than the booking's own.
    let fits = booking.is_possible() && booking.as_str().chars().nth(50).is_none();
    let exists = fits
        && sqlx::query_scalar!(
            r#"select exists (select from bookings where booking_id = $1) as "exists!""#,
            booking.as_str()
        )
        .fetch_one(&mut *db)
        .await?;
    if exists {
        clients::ensure_kept_of_booking(db, booking).await
    } else {
        Err(Error::body("/booking_id", "there is no such booking"))
    }
}
