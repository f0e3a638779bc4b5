//! The versions of a session note: each former state, and the changes from one to the next. Those of another program are
//! kept by a trigger (SQL `internal.keep_version`).

use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::model::SessionNote;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, NoteId, UserId},
        status::words,
        text::NO_NAME,
        time::{Instant, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which versions can be listed.
    VersionOrder: NewestFirst = "-version", OldestFirst = "version"
}

words! {
    /// The change that made a version.
    pub(super) enum Event {
        Created,
        Saved,
        Signed,
    }
}

/// The changes that make versions, those of other programs too.
struct VersionEvent;

impl PartialSchema for VersionEvent {
    fn schema() -> RefOr<Schema> {
        let words = ["created", "saved", "signed", "overwritten", "deleted"];
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl ToSchema for VersionEvent {}

/// A version of a session note.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": 2,
    "event": "saved",
    "saved_at": "2026-02-04T11:30:00Z",
    "author_id": 7,
    "author_name": "Asha Rao",
    "changes": { "next_session_plan": { "from": null, "to": "Review the thought record" } }
}))]
pub(crate) struct NoteVersion {
    /// Its number; the first is 1.
    version: i32,
    /// The change that made it: `created`, `saved` or `signed`; of another program `overwritten` or `deleted`.
    #[schema(value_type = VersionEvent)]
    event: String,
    /// When it was made. What its author saved within ten minutes of that is part of it.
    #[schema(value_type = Instant)]
    saved_at: Timestamp,
    /// The account that did it; null for another program.
    author_id: Option<UserId>,
    /// The name of that account, or `another program`.
    author_name: Option<String>,
    /// Every field that differs from the version before: `{"field": {"from": …, "to": …}}`.
    #[schema(value_type = Object)]
    changes: Value,
}

/// List the versions of a session note
///
/// Latest first, each with what changed in it; what the author of a draft saves within ten minutes is one version. A note of another program has none until such a program changes it. What one
/// deleted is read here by the therapist of the session. Each read is audited, page by page. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/session-notes/{note_id}/versions",
    tag = "notes",
    params(
        ("note_id" = NoteId, Path, description = "The note's id"),
        ("sort" = inline(Option<VersionOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of versions", body = Page<NoteVersion>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_note_versions(
    scope: Scope,
    work: Work,
    Path(id): Path<NoteId>,
    listing: Listing<NoFilter, VersionOrder>,
) -> Result<Response> {
    listing.request.ensure_json()?;
    work.run(async |uow| {
        let seen = match SessionNote::read_to_show(uow.db(), &scope, id).await {
            Err(Error::NotFound(_)) => deleted(uow.db(), &scope, id).await?,
            note => note?.versions_seen(),
        };
        uow.record(seen);
        Ok(())
    })
    .await?;
    listing.request.answer(Versions(id)).await
}

/// The entry that the versions were read of a note which another program deleted, of a session of the scope's.
async fn deleted(db: &mut PgConnection, scope: &Scope, id: NoteId) -> Result<Entry> {
    let gone = sqlx::query!(
        r#"select b.booking_id as "booking_id!: BookingId",
                  a.client_id as "client_id?: ClientId",
                  a.client_name
           from internal.note_versions v
           join bookings b on b.booking_id = v.booking_id
           left join lateral internal.appointment_of(b.booking_id) a on true
           where v.note_id = $2
             and v.event = 'deleted'
             and ($1::text is null or b.therapist_id = $1)
             and not exists (select from client_session_notes n where n.note_id = v.note_id)
           order by v.version desc
           limit 1"#,
        scope.owner(),
        id.0,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("session note"))?;
    let sentence = format!("Read the versions of the deleted session note of booking {}", gone.booking_id);
    let entry = Entry::new("session_notes_read", sentence)
        .on("session_note", id)
        .detail(json!({ "what": "versions", "reached_as": "session_therapist" }));
    Ok(match &gone.client_id {
        Some(client) => entry.client(client, gone.client_name.as_deref().unwrap_or(NO_NAME)),
        None => entry,
    })
}

/// Keeps the content of a note, which must be locked, as a version.
pub(super) async fn keep(uow: &mut UnitOfWork, note: NoteId, event: Event, changes: &Map<String, Value>) -> Result<()> {
    let author = uow.actor().map(|actor| actor.user_id.0).ok_or_else(|| Error::internal("a note without an author"))?;
    let now = uow.now();
    sqlx::query!(
        "with last as (
             select v.version, v.changes
             from internal.note_versions v
             where v.note_id = $1
               and v.version = (select max(o.version) from internal.note_versions o where o.note_id = $1)
               and v.event = 'saved'
               and $4 = 'saved'
               and v.author_id = $3
               and v.saved_at > $2::timestamptz - interval '10 minutes'
         ), saved_with_it as (
             update internal.note_versions v
             set changes = (
                 select coalesce(jsonb_object_agg(c.field, jsonb_build_object('from', c.was, 'to', c.is)), '{}')
                 from (
                     select f.field,
                            coalesce(last.changes -> f.field, $5 -> f.field) -> 'from' as was,
                            coalesce($5 -> f.field, last.changes -> f.field) -> 'to' as is
                     from jsonb_object_keys(last.changes || $5) f (field)
                 ) c
                 where c.was is distinct from c.is
             )
             from last
             where v.note_id = $1
               and v.version = last.version
         )
         insert into internal.note_versions (note_id, version, saved_at, author_id, event, changes)
         select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5
         from internal.note_versions
         where note_id = $1
         having not exists (select from last)",
        note.0,
        now,
        author,
        event.as_str(),
        sqlx::types::Json(changes) as _,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// The versions of one note.
pub(crate) struct Versions(pub(crate) NoteId);

impl List for Versions {
    type Row = NoteVersion;
    type Order = VersionOrder;

    const AS_CSV: bool = false;

    async fn rows(&self, db: &mut PgConnection, order: VersionOrder, position: &Position) -> Result<Vec<NoteVersion>> {
        let versions = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(NoteVersion),
            [r#"
                select v.version,
                       v.event,
                       v.saved_at as "saved_at!: Timestamp",
                       v.author_id as "author_id: UserId",
                       case when v.author_id is null then 'another program' else internal.account_name(v.author_id)
                       end as author_name,
                       v.changes
                from internal.note_versions v
                where v.note_id = $1
                  and v.version < $2::text::integer -- by any
                order by
                    v.version desc -- by any
                limit $3
            "#],
            self.0.0,
            position.sort(),
            position.limit,
        )?;
        Ok(versions)
    }

    fn key(version: &NoteVersion) -> Key {
        Key { sort: version.version.to_string(), id: String::new() }
    }
}
