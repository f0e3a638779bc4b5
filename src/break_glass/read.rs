//! Reading one note under a grant. Each read is audited before it is answered.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{model::OpenGrant, notes::NoteKind};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::ids::{AdditionalNoteId, BookingId, ClientId, GrantId, NoteId},
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Path, Query},
        list::{Listing, NoFilter},
        page::{Page, PageParams},
    },
    notes::{AdditionalNote, NoteVersion, SessionNote, VersionOrder, Versions},
};

/// Which kind of note is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichNote {
    /// The kind that the id is of: each kind has ids of its own. Without it the session note of that id is meant, or, where
    /// the client has none, the additional note.
    #[param(inline)]
    kind: Option<NoteKind>,
}

/// A note of a client, read under a grant: a session note, with its addenda, or an additional note.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!({
    "kind": "additional",
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
    "locked_at": "2026-02-05T09:05:00Z",
    "grant_id": 17
}))]
#[expect(clippy::large_enum_variant, reason = "one at a time is made, and answered at once")]
pub(crate) enum ClientNote {
    /// The note of a session.
    Session(ClientSessionNote),
    /// An additional note.
    Additional(ClientAdditionalNote),
}

/// A session note, and the grant it was read under.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientSessionNote {
    /// `session`.
    kind: NoteKind,
    #[serde(flatten)]
    note: SessionNote,
    /// The grant it was read under.
    grant_id: GrantId,
}

/// An additional note, and the grant it was read under.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientAdditionalNote {
    /// `additional`.
    kind: NoteKind,
    #[serde(flatten)]
    note: AdditionalNote,
    /// The grant it was read under.
    grant_id: GrantId,
}

/// Read a client's note under a grant
///
/// The whole text, with the addenda of a session note. Needs an open break-glass grant of the caller for this client; each
/// read is on record under it, with its reason. Another client's note is none of this one's: 404.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/notes/{note_id}",
    tag = "break-glass",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("note_id" = i32, Path, description = "The note's id", example = 9001),
        WhichNote,
    ),
    responses(
        (status = 200, description = "The note", body = ClientNote),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        (status = 403, description = "No grant of yours is open for this client, or you are no admin"),
        Problems,
    ),
)]
pub(crate) async fn get_client_note(
    _: Scope,
    work: Work,
    Path((client, id)): Path<(ClientId, i32)>,
    Query(WhichNote { kind }): Query<WhichNote>,
    unless: Preconditions,
) -> Result<Versioned<ClientNote>> {
    work.run(async |uow| {
        let grant = OpenGrant::lock(uow, &client).await?;
        let kind = kind_of(uow, &client, id, kind).await?;
        let grant_id = grant.grant_id;
        let (stored, booking, note) = match kind {
            NoteKind::Session => {
                let note = SessionNote::read(uow.db(), &Scope::Practice, NoteId(id)).await.map_err(unnamed)?;
                let (stored, booking) = (note.version().to_owned(), note.record.booking_id.clone());
                (stored, booking, ClientNote::Session(ClientSessionNote { kind, note, grant_id }))
            }
            NoteKind::Additional => {
                let id = AdditionalNoteId(id);
                let note = AdditionalNote::read(uow.db(), &Scope::Practice, id).await.map_err(unnamed)?;
                let (stored, booking) = (note.version().to_owned(), Some(note.booking_id.clone()));
                (stored, booking, ClientNote::Additional(ClientAdditionalNote { kind, note, grant_id }))
            }
        };
        uow.record(grant.seen(named(kind), facts("note", kind, id, booking.as_ref())));
        Ok(Versioned::new(stored, note).unless(unless))
    })
    .await
}

/// Read the versions of a client's session note under a grant
///
/// Latest first, each with what changed in it, also of a note that another program deleted; an additional note has none. Needs an open break-glass grant of the caller
/// for this client, and is on record under it, page by page. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/notes/{note_id}/versions",
    tag = "break-glass",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("note_id" = NoteId, Path, description = "The session note's id"),
        ("sort" = inline(Option<VersionOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of versions", body = Page<NoteVersion>),
        (status = 403, description = "No grant of yours is open for this client, or you are no admin"),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(crate) async fn list_client_note_versions(
    _: Scope,
    work: Work,
    Path((client, id)): Path<(ClientId, NoteId)>,
    listing: Listing<NoFilter, VersionOrder>,
) -> Result<Response> {
    listing.request.ensure_json()?;
    work.run(async |uow| {
        let grant = OpenGrant::lock(uow, &client).await?;
        // Of the note; where another program deleted it, of what is left.
        let booking = sqlx::query_scalar!(
            r#"select a.session_id as "booking_id!: BookingId"
               from (
                   select n.note_id, n.booking_id from client_session_notes n
                   union all
                   select v.note_id, v.booking_id
                   from internal.note_versions v
                   where v.event = 'deleted'
                     and not exists (select from client_session_notes n where n.note_id = v.note_id)
               ) n
               join appointment_table a on a.session_id = n.booking_id
               where n.note_id = $2
                 and a.client_id = $1
               limit 1"#,
            client.as_str(),
            id.0,
        )
        .fetch_optional(uow.db())
        .await?
        .ok_or(Error::NotFound("note of this client"))?;
        let facts = facts("versions", NoteKind::Session, id.0, Some(&booking));
        uow.record(grant.seen("the versions of a session note", facts));
        Ok(())
    })
    .await?;
    listing.request.answer(Versions(id)).await
}

/// Which kind of note of the client the id is of. It has to be the client's by one of its bookings: where a program noted
/// a booking for two clients, both have it.
async fn kind_of(uow: &mut UnitOfWork, client: &ClientId, id: i32, kind: Option<NoteKind>) -> Result<NoteKind> {
    let has = sqlx::query!(
        r#"select exists (
               select
               from client_session_notes n
               join appointment_table a on a.session_id = n.booking_id
               where n.note_id = $2
                 and a.client_id = $1
           ) as "session!", exists (
               select
               from client_additional_notes n
               join appointment_table a on a.session_id = n.booking_id
               where n.note_id = $2
                 and a.client_id = $1
           ) as "additional!""#,
        client.as_str(),
        id,
    )
    .fetch_one(uow.db())
    .await?;
    match kind {
        None | Some(NoteKind::Session) if has.session => Ok(NoteKind::Session),
        None | Some(NoteKind::Additional) if has.additional => Ok(NoteKind::Additional),
        _ => Err(Error::NotFound("note of this client")),
    }
}

/// One that has just gone is called like one that never was.
fn unnamed(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("note of this client"),
        error => error,
    }
}

fn named(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Session => "a session note",
        NoteKind::Additional => "an additional note",
    }
}

/// The details of a read's audit entry.
fn facts(what: &str, kind: NoteKind, id: i32, booking: Option<&BookingId>) -> Map<String, Value> {
    let facts =
        [("what", json!(what)), ("kind", json!(kind.as_str())), ("note_id", json!(id)), ("booking_id", json!(booking))];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
