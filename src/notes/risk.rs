//! A client's risk from session to session, by the words of the submitted notes. No free text: an unknown word of
//! another program is shown as `other`, and can be read in its note.
//!
//! Levels are clinical, so each read of a client's risk timeline is audited like the reading of a note.

use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::of_client::{ClientNoteOrder, notes_of_client};
use crate::{
    app::unit_of_work::Work,
    audit::entry::Entry,
    clients::{self, Client},
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, NoteId, TherapistId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position},
    },
};

/// The risk in a submitted note.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "self_harm_mention": "no",
    "current_risk_level": "low"
}))]
pub(super) struct RiskEntry {
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
    /// Whether self-harm was mentioned: `yes`, `no`, `other` (see the note), or null where nothing is said.
    self_harm_mention: Option<String>,
    /// `none`, `low`, `moderate`, `high`, `other` (see the note), or null where nothing is said.
    current_risk_level: Option<String>,
    #[serde(skip)]
    sort_key: String,
}

/// List a client's risk
///
/// By session, latest first, from the submitted notes that I may read. Each read is audited. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/risk",
    tag = "notes",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("sort" = inline(Option<ClientNoteOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of the timeline", body = Page<RiskEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_risk_of_client(
    scope: Scope,
    work: Work,
    Path(client): Path<ClientId>,
    listing: Listing<NoFilter, ClientNoteOrder>,
) -> Result<Response> {
    listing.request.ensure_json()?;
    work.run(async |uow| {
        clients::ensure(uow.db(), &scope, &client).await?;
        let Some(Client { name, therapist_id, .. }) = clients::lock_to_read(uow.db(), &client).await? else {
            return Err(clients::missing(uow.db(), &scope, &client).await?);
        };
        let is_assigned = therapist_id.is_some_and(|therapist| Some(therapist.as_str()) == scope.owner());
        let reached_as = if is_assigned { "assigned_therapist" } else { "session_therapist" };
        uow.record(
            Entry::new("risk_read", format!("Read the risk of {name}"))
                .on("client", &client)
                .client(&client, &name)
                .detail(json!({ "reached_as": reached_as })),
        );
        Ok(())
    })
    .await?;
    listing.request.answer(Risk { scope, client }).await
}

/// The submitted notes of a client that a scope reaches.
struct Risk {
    scope: Scope,
    client: ClientId,
}

impl List for Risk {
    type Row = RiskEntry;
    type Order = ClientNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(&self, db: &mut PgConnection, order: ClientNoteOrder, position: &Position) -> Result<Vec<RiskEntry>> {
        let entries = notes_of_client!(
            RiskEntry,
            [r#"
                select n.note_id as "note_id: NoteId",
                       n.booking_id as "booking_id: BookingId",
                       s.start_at as "booking_start_at!: Timestamp",
                       s.therapist_id as "therapist_id?: TherapistId",
                       coalesce(s.therapist_name, n.host_name) as therapist_name,
                       internal.mention_word(n.self_harm_mention) as self_harm_mention,
                       internal.risk_word(n.current_risk_level) as current_risk_level,
                       coalesce(s.start_at, '-infinity')::text as "sort_key!"
            "#],
            db,
            order,
            self.scope,
            self.client,
            Some(true),
            position
        )?;
        Ok(entries)
    }

    fn key(entry: &RiskEntry) -> Key {
        Key { sort: entry.sort_key.clone(), id: entry.note_id.to_string() }
    }
}
