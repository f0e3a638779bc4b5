//! The session notes of one client, as a therapist reads them: those of their own sessions with the client, and, while
//! the client is assigned to them, the submitted ones of earlier therapists. Metadata only.
//!
//! Found by `appointments_of_client` and the notes of those bookings: the cost goes with one client's history.

use axum::{extract::State, response::Response};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::state::App,
    clients,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, NoteId, TherapistId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which the notes of a client can be listed.
    ClientNoteOrder: LatestFirst = "-booking_start_at", EarliestFirst = "booking_start_at"
}

/// The metadata of a client's session note, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "is_own": false,
    "is_signed": true,
    "signed_at": "2026-02-04T11:45:00Z",
    "created_at": "2026-02-04T11:25:00Z",
    "updated_at": "2026-02-04T11:45:00Z"
}))]
pub(super) struct ClientNoteEntry {
    /// The note's id.
    note_id: NoteId,
    /// The booking of the session.
    booking_id: Option<BookingId>,
    /// When the session started.
    booking_start_at: Timestamp,
    /// The therapist who held it.
    therapist_id: Option<TherapistId>,
    /// Their name.
    therapist_name: Option<String>,
    /// Whether the session is the caller's own; where not, the note can only be read.
    is_own: bool,
    /// Whether it was signed. A note of another program counts as signed.
    is_signed: bool,
    /// When it was signed; null for a draft and for a note of another program.
    signed_at: Timestamp,
    /// When it was begun.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List a client's session notes
///
/// Metadata of my own and, while the client is assigned to me, of the submitted ones of earlier therapists; each can be
/// read by its id. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/session-notes",
    tag = "notes",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("sort" = inline(Option<ClientNoteOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of metadata", body = Page<ClientNoteEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_session_notes_of_client(
    scope: Scope,
    State(app): State<App>,
    Path(client): Path<ClientId>,
    listing: Listing<NoFilter, ClientNoteOrder>,
) -> Result<Response> {
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &client).await?;
    listing.request.answer(ClientNotes { scope, client }).await
}

/// The notes of a client that a scope reaches.
struct ClientNotes {
    scope: Scope,
    client: ClientId,
}

/// Reads the notes of a client (`$2`) that a scope (`$1`: its owner) reaches: takes how it is run, the columns, the scope, the
/// client, whether only submitted ones are wanted, and the position. Their cost goes with the client's history.
macro_rules! notes_of_client {
    ($row:ty, [$($columns:literal)+], $db:expr, $order:expr, $scope:expr, $client:expr, $submitted:expr, $position:expr) => {
        $crate::db::pruned::pruned!(
            fetch_all($db, $position.sorted($order)),
            query_as!($row),
            [
                $($columns)+
                r#"from internal.sessions_of_client($2) s
                join client_session_notes n on n.booking_id = s.booking_id
                left join internal.session_notes own on own.note_id = n.note_id
                left join all_clients_table c on c.client_id = $2
                where true
                  and (
                      s.therapist_id = $1
                      or (c.therapist_id = $1 and (own.note_id is null or own.signed_at is not null))
                  )
                  and ((own.note_id is null or own.signed_at is not null) and $3)
                  and (coalesce(s.start_at, '-infinity'), n.note_id) < ($4::text::timestamp, $5::text::integer) -- by any
                order by
                    coalesce(s.start_at, '-infinity') desc, -- by any
                    n.note_id desc -- by any
                limit $6"#
            ],
            $scope.owner(),
            $client.as_str(),
            $submitted,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}
pub(super) use notes_of_client;

impl List for ClientNotes {
    type Row = ClientNoteEntry;
    type Order = ClientNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: ClientNoteOrder,
        position: &Position,
    ) -> Result<Vec<ClientNoteEntry>> {
        let notes = notes_of_client!(
            ClientNoteEntry,
            [r#"
                select n.note_id as "note_id: NoteId",
                       n.booking_id as "booking_id: BookingId",
                       s.start_at as "booking_start_at!: Timestamp",
                       s.therapist_id as "therapist_id?: TherapistId",
                       coalesce(s.therapist_name, n.host_name) as therapist_name,
                       coalesce(s.therapist_id = internal.current_therapist(), false) as "is_own!",
                       (own.note_id is null or own.signed_at is not null) as "is_signed!",
                       own.signed_at as "signed_at!: Timestamp",
                       n.created_at as "created_at!: Timestamp",
                       n.updated_at as "updated_at!: Timestamp",
                       coalesce(s.start_at, '-infinity')::text as "sort_key!"
            "#],
            db,
            order,
            self.scope,
            self.client,
            None::<bool>,
            position
        )?;
        Ok(notes)
    }

    fn key(note: &ClientNoteEntry) -> Key {
        Key { sort: note.sort_key.clone(), id: note.note_id.to_string() }
    }
}
