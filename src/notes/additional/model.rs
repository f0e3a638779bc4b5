//! An additional note, and for how long it can be changed.

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::super::refusal::NoteRefusal;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients,
    db::scope::Scope,
    domain::{
        ids::{AdditionalNoteId, BookingId, ClientId, TherapistId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result},
    http::etag::{Preconditions, Versioned},
};

/// How long it can be changed.
const OPEN: TimeDelta = TimeDelta::minutes(5);

/// An additional note, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "note_text": "Asked to move to evenings next month",
    "created_at": "2026-02-05T09:00:00Z",
    "updated_at": "2026-02-05T09:02:00Z",
    "locked_at": "2026-02-05T09:05:00Z"
}))]
pub struct AdditionalNote {
    /// The note's id.
    pub note_id: AdditionalNoteId,
    /// The booking it is about.
    pub booking_id: BookingId,
    /// The client; null where the booking is out of the author's reach, or has no client yet.
    pub client_id: Option<ClientId>,
    /// Their name, as the booking has it.
    pub client_name: Option<String>,
    /// The therapist who wrote it.
    pub therapist_id: Option<TherapistId>,
    /// Their name.
    pub therapist_name: Option<String>,
    /// When the session started.
    pub booking_start_at: Timestamp,
    /// The text.
    pub note_text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From when on it cannot be changed: five minutes after it was written; null where it is not known when that was.
    pub locked_at: Timestamp,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
}

impl AdditionalNote {
    /// A note that the scope's therapist wrote. The caller has to audit the read before showing it: [`Self::entry`].
    ///
    /// # Errors
    ///
    /// If there is none in reach.
    pub async fn read(db: &mut PgConnection, scope: &Scope, id: AdditionalNoteId) -> Result<Self> {
        let found = sqlx::query_as!(
            Self,
            r#"select n.note_id as "note_id: AdditionalNoteId",
                      coalesce(n.booking_id, '') as "booking_id!: BookingId",
                      a.client_id as "client_id?: ClientId",
                      coalesce(b.invitee_name, a.client_name) as client_name,
                      n.therapist_id as "therapist_id: TherapistId",
                      n.therapist_name,
                      b.booking_start_at as "booking_start_at!: Timestamp",
                      coalesce(n.note_text, '') as "note_text!",
                      n.created_at as "created_at!: Timestamp",
                      n.updated_at as "updated_at!: Timestamp",
                      null::timestamp as "locked_at!: Timestamp",
                      n.xmin::text as "version!"
               from client_additional_notes n
               left join bookings b on b.booking_id = n.booking_id
               left join lateral internal.appointment_of(n.booking_id) a on true
               where n.note_id = $2
                 and ($1::text is null or n.therapist_id = $1)"#,
            scope.owner(),
            id.0,
        )
        .fetch_optional(db)
        .await?;
        let mut note = found.ok_or(Error::NotFound("additional note"))?;
        note.locked_at = Self::locked_from(note.created_at);
        Ok(note)
    }

    /// From when on a note cannot be changed, by when it was written.
    pub(super) fn locked_from(written: Timestamp) -> Timestamp {
        written.instant().map(|written| written + OPEN).into()
    }

    /// The same, with a text that is to be shown: its client is locked for reading until the transaction ends. Where
    /// the data was erased at this moment, there is no such note.
    pub(super) async fn read_to_show(db: &mut PgConnection, scope: &Scope, id: AdditionalNoteId) -> Result<Self> {
        let note = Self::read(&mut *db, scope, id).await?;
        let Some(client) = &note.client_id else { return Ok(note) };
        match clients::lock_to_read(&mut *db, client).await? {
            Some(client) if client.erasure.is_none() => Ok(note),
            // Erased, or merged, since the note was read.
            _ => Self::read(db, scope, id).await,
        }
    }

    /// A note that can still be changed, locked until the transaction ends, in the version the request names. The
    /// refusal of another version shows this one, so it is recorded as read.
    pub(super) async fn lock(
        uow: &mut UnitOfWork,
        scope: &Scope,
        id: AdditionalNoteId,
        conditions: &Preconditions,
    ) -> Result<Self> {
        sqlx::query!("select from client_additional_notes where note_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let note = Self::read(uow.db(), scope, id).await?;
        let (now, written) = (uow.now(), note.created_at.instant());
        // One that another program dated ahead is none of the last five minutes either.
        if !written.is_some_and(|written| written <= now && now < written + OPEN) {
            return Err(NoteRefusal::Locked { locked_at: note.locked_at }.into());
        }
        if let Err(stale) = conditions.check(&note.version, &note) {
            uow.record_always(note.seen());
            return Err(stale);
        }
        Ok(note)
    }

    /// An entry of the trail about it. The sentence names the booking, the entry the client.
    pub fn entry(&self, action: &'static str, done: &str) -> Entry {
        let sentence = format!("{done} an additional note of booking {}", self.booking_id);
        let entry = Entry::new(action, sentence).on("additional_note", self.note_id);
        match &self.client_id {
            Some(client) => entry.client(client, self.client_name.as_deref().unwrap_or(NO_NAME)),
            None => entry,
        }
    }

    /// The entry that it was read.
    pub fn seen(&self) -> Entry {
        self.entry("additional_notes_read", "Read")
    }

    /// The version of the stored row.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}
