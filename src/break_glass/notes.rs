//! Listing a client's notes of both kinds for the holder of a grant: metadata, never the text.
//!
//! Found by `appointments_of_client` and the notes of those bookings: the cost goes with one client's history. The notes of
//! a booking that belongs to no client, or does not exist, are nobody's and not reached here.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::model::OpenGrant;
use crate::{
    app::unit_of_work::Work,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, TherapistId, UserId},
        status::words,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which the notes of a client can be listed.
    NoteOfClientOrder: LatestFirst = "-booking_start_at", EarliestFirst = "booking_start_at"
}

words! {
    /// Which of the two kinds of notes; each has ids of its own.
    pub(crate) enum NoteKind {
        /// The note of a session.
        Session,
        /// An additional note.
        Additional,
    }
}

/// Which notes of the client are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NoteOfClientFilter {
    /// Only those of this kind.
    #[serde(default)]
    #[param(value_type = Option<Vec<NoteKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<NoteKind>,
}

/// The metadata of a client's note, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "kind": "session",
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "is_signed": true,
    "signed_at": "2026-02-04T11:45:00Z",
    "author_id": 7,
    "addenda": 1,
    "versions": 3,
    "created_at": "2026-02-04T11:25:00Z",
    "updated_at": "2026-02-04T11:45:00Z"
}))]
pub(crate) struct NoteOfClient {
    /// `session` or `additional`; each kind has ids of its own.
    kind: String,
    /// The note's id.
    note_id: i32,
    /// The booking of the session.
    booking_id: Option<BookingId>,
    /// When the session started.
    booking_start_at: Timestamp,
    /// The therapist who held the session, or wrote the additional note.
    therapist_id: Option<TherapistId>,
    /// Their name.
    therapist_name: Option<String>,
    /// False for a draft. A note of another program counts as signed; an additional note is not signed: null.
    is_signed: Option<bool>,
    /// When it was signed; null for a draft and for what is not signed here.
    signed_at: Timestamp,
    /// The account that wrote it; null where that is not known.
    author_id: Option<UserId>,
    /// How many addenda it has.
    addenda: i64,
    /// How many versions are kept of it.
    versions: i64,
    /// When it was begun.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List a client's notes under a grant
///
/// Metadata of the session notes, drafts among them, and of the additional notes; each is read by its kind and id. Needs an
/// open break-glass grant of the caller for this client, and is on record under it, page by page. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/notes",
    tag = "break-glass",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        NoteOfClientFilter,
        ("sort" = inline(Option<NoteOfClientOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of metadata", body = Page<NoteOfClient>),
        (status = 403, description = "No grant of yours is open for this client, or you are no admin"),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(crate) async fn list_client_notes(
    _: Scope,
    work: Work,
    Path(client): Path<ClientId>,
    Listing { filter, request }: Listing<NoteOfClientFilter, NoteOfClientOrder>,
) -> Result<Response> {
    request.ensure_json()?;
    work.run(async |uow| {
        let grant = OpenGrant::lock(uow, &client).await?;
        uow.record(grant.seen("the list of notes", Map::from_iter([("what".to_owned(), json!("list"))])));
        Ok(())
    })
    .await?;
    request.answer(Notes { client, kinds: filter.kind }).await
}

/// The notes of a client, of one kind or of both.
struct Notes {
    client: ClientId,
    kinds: AnyOf<NoteKind>,
}

impl List for Notes {
    type Row = NoteOfClient;
    type Order = NoteOfClientOrder;

    const AS_CSV: bool = false;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: NoteOfClientOrder,
        position: &Position,
    ) -> Result<Vec<NoteOfClient>> {
        let is = |kind| (self.kinds.one() == Some(kind)).then_some(true);
        let notes = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(NoteOfClient),
            [r#"
                select found.kind as "kind!",
                       found.note_id as "note_id!",
                       found.booking_id as "booking_id: BookingId",
                       found.start_at as "booking_start_at!: Timestamp",
                       found.therapist_id as "therapist_id: TherapistId",
                       found.therapist_name,
                       found.is_signed,
                       found.signed_at as "signed_at!: Timestamp",
                       found.author_id as "author_id: UserId",
                       case when found.kind = 'session' then (
                           select count(*) from internal.note_addenda d where d.note_id = found.note_id
                       ) else 0 end as "addenda!",
                       case when found.kind = 'session' then (
                           select count(*) from internal.note_versions v where v.note_id = found.note_id
                       ) else 0 end as "versions!",
                       found.created_at as "created_at!: Timestamp",
                       found.updated_at as "updated_at!: Timestamp",
                       coalesce(found.start_at, '-infinity')::text as "sort_key!"
                from (
                    select distinct on (n.note_id)
                           'session' as kind, n.note_id, n.booking_id, b.booking_start_at as start_at, b.therapist_id,
                           coalesce(b.booking_host_name, a.therapist_name, n.host_name) as therapist_name,
                           own.note_id is null or own.signed_at is not null as is_signed, own.signed_at, own.author_id,
                           n.created_at, n.updated_at
                    from appointment_table a
                    join client_session_notes n on n.booking_id = a.session_id
                    left join internal.session_notes own on own.note_id = n.note_id
                    left join bookings b on b.booking_id = a.session_id
                    where a.client_id = $1
                      and (false and $3)
                    union all
                    select distinct on (n.note_id)
                           'additional', n.note_id, n.booking_id, b.booking_start_at, n.therapist_id, n.therapist_name,
                           null, null, null, n.created_at, n.updated_at
                    from appointment_table a
                    join client_additional_notes n on n.booking_id = a.session_id
                    left join bookings b on b.booking_id = a.session_id
                    where a.client_id = $1
                      and (false and $2)
                ) found
                where true
                  and (coalesce(found.start_at, '-infinity'), found.kind, found.note_id) < ($4::text::timestamp, split_part($5::text, ' ', 1), split_part($5::text, ' ', 2)::integer) -- by any
                order by
                    coalesce(found.start_at, '-infinity') desc, -- by any
                    found.kind desc, -- by any
                    found.note_id desc -- by any
                limit $6
            "#],
            self.client.as_str(),
            is(NoteKind::Session),
            is(NoteKind::Additional),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(notes)
    }

    fn key(note: &NoteOfClient) -> Key {
        Key { sort: note.sort_key.clone(), id: format!("{} {}", note.kind, note.note_id) }
    }
}
