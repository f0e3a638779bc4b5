//! A client's access log: every read and change of the clinical record, by whom, when and why.
//!
//! It is read from the audit trail, which has an entry of every such read and change before it is answered. A client's
//! entries are those that name the client or a record merged into it, and those without a client about notes that are
//! the client's now: another program's note may have been read before its client was known. [`words`] defines which
//! entries are clinical: the text of notes, the risk, and who gained access to them. Metadata is not (who wrote a note
//! when, in lists, the timeline, the client's page), nor are bookings, payments, contact data, forms and SOS tickets.
//!
//! Reading the log is an entry too, written before the first row is sent, and shown from the next read on. Refused
//! attempts are shown where they named the client; an attempt on a note by its own id names nobody, since the note does
//! not exist for its caller.
//!
//! Found by `audit_entries_of_client` and `audit_entries_of_unowned_notes`, then sorted: the cost grows with one
//! client's history.

mod words;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use self::words::{AccessAction, AccessKind, Said, wanted};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    clients::{self, Client},
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, UserId},
        time::{Day, Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::{
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which an access log can be read.
    AccessOrder: LatestFirst = "-at", EarliestFirst = "at"
}

/// The query parameters of an access log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccessFilter {
    /// Only what this account did.
    #[param(example = 1)]
    user_id: Option<UserId>,
    /// Only what was read, what was changed, or what gave somebody the right to read.
    #[serde(default)]
    #[param(value_type = Option<Vec<AccessKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<AccessKind>,
    /// Only this action; `attempt` are those that came to nothing.
    #[serde(default)]
    #[param(value_type = Option<Vec<AccessAction>>, inline, style = Form, explode = false)]
    action: AnyOf<AccessAction>,
    /// Only what was done on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only what was done on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// Something that was done to a client's clinical record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "entry_id": 31,
    "at": "2026-02-04T10:41:12.345Z",
    "user_id": 1,
    "user_name": "Front desk",
    "role": "admin",
    "kind": "read",
    "action": "break_glass_read",
    "description": "By break-glass: read the session note of booking bk_0199c0de00007000800000000000000a",
    "reason": "The therapist is in hospital, and the client calls in distress",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "note_kind": "session",
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "grant_id": 17,
    "outcome": "done",
    "status": null,
    "request_id": "0199c0de-0000-7000-8000-000000000000",
    "ip_address": "192.0.2.7"
}))]
pub(super) struct AccessEntry {
    /// The entry of the trail.
    entry_id: i64,
    /// When: the instant of the request.
    #[schema(value_type = crate::domain::time::Instant)]
    at: Timestamp,
    /// The account that did it; null where the server did.
    user_id: Option<UserId>,
    /// The name of who did it: as it was then, where that was kept.
    user_name: Option<String>,
    /// The role they had then; `nobody` where nobody was logged in.
    role: String,
    /// The kind of access to the record.
    kind: AccessKind,
    /// The action, by its stable name.
    action: String,
    /// The same in plain words.
    description: String,
    /// Why: the reason that was given, else by what right.
    reason: String,
    /// The record that it was done to: this client, or one merged into it since; null where it was not known whose it is.
    client_id: Option<ClientId>,
    /// `session` or `additional`, where it is about one note.
    note_kind: Option<String>,
    /// Which note; each kind has ids of its own.
    note_id: Option<i32>,
    /// The booking of that note, or the one that was moved.
    booking_id: Option<BookingId>,
    /// The break-glass grant it is about.
    grant_id: Option<i32>,
    /// `done`, `refused` or `failed`.
    outcome: String,
    /// The HTTP status; null where it was done.
    status: Option<i16>,
    /// The request, as logs and answers name it.
    request_id: String,
    /// The address the request came from; null where the server did it by itself.
    ip_address: Option<String>,
    #[serde(skip)]
    sort_key: String,
}

/// List who opened a client's file
///
/// Every read and change of the clinical record, and who came to read it, latest first; refused attempts too. The look-up is
/// on record itself, page by page, and told from the next one on. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/access-log",
    tag = "audit",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        AccessFilter,
        ("sort" = inline(Option<AccessOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of the access log", content(
            (Page<AccessEntry> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_client_accesses(
    scope: Scope,
    work: Work,
    State(app): State<App>,
    Path(client): Path<ClientId>,
    Listing { filter, request }: Listing<AccessFilter, AccessOrder>,
) -> Result<Response> {
    let AccessFilter { user_id, kind, action, from, to, tz } = filter;
    let period = Period::of(from, to, tz, app.zone)?;
    let (actions, routes) = wanted(&kind, &action);
    let last = work
        .run(async |uow| {
            let last =
                sqlx::query_scalar!("select max(entry_id) from internal.audit_entries").fetch_one(uow.db()).await?;
            let Some(Client { name, .. }) = clients::lock_to_read(uow.db(), &client).await? else {
                return Err(clients::missing(uow.db(), &scope, &client).await?);
            };
            let entry = Entry::new("access_log_read", format!("Looked up who opened the clinical record of {name}"));
            uow.record(entry.on("client", &client).client(&client, &name));
            Ok(last)
        })
        .await?;
    request.answer(Accesses { client, user_id, actions, routes, period, last: last.unwrap_or_default() }).await
}

/// The filtered access log of a client.
struct Accesses {
    client: ClientId,
    user_id: Option<UserId>,
    actions: Vec<&'static str>,
    routes: Vec<&'static str>,
    period: Period,
    /// The last entry before the look-up itself.
    last: i64,
}

/// A row of the trail.
struct Found {
    entry_id: i64,
    at: Timestamp,
    user_id: Option<UserId>,
    user_name: Option<String>,
    role: String,
    action: String,
    route: String,
    subject_type: Option<String>,
    subject_id: Option<String>,
    client_id: Option<ClientId>,
    booking_id: Option<BookingId>,
    outcome: String,
    status: Option<i16>,
    request_id: String,
    ip_address: Option<String>,
    detail: serde_json::Value,
    sort_key: String,
}

impl List for Accesses {
    type Row = AccessEntry;
    type Order = AccessOrder;

    #[expect(clippy::too_many_lines, reason = "it is one statement")]
    async fn rows(&self, db: &mut PgConnection, order: AccessOrder, position: &Position) -> Result<Vec<AccessEntry>> {
        let last = self.last.to_string();
        let found = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Found),
            [r#"
                select e.entry_id,
                       e.at as "at!: Timestamp",
                       e.actor_id as "user_id: UserId",
                       coalesce(
                           (select l.therapist_name from audit_logs l where l.log_id = e.log_id),
                           (select coalesce(u.full_name, u.name) from users u where u.id = e.actor_id)
                       ) as user_name,
                       e.actor_role as role,
                       e.action,
                       e.route,
                       e.subject_type,
                       e.subject_id,
                       e.client_id as "client_id: ClientId",
                       coalesce(
                           e.detail ->> 'booking_id',
                           case when e.subject_id ~ '^[0-9]{1,18}$' then case e.subject_type
                               when 'session_note' then (
                                   select n.booking_id
                                   from client_session_notes n
                                   where n.note_id = e.subject_id::bigint
                               )
                               when 'additional_note' then (
                                   select n.booking_id
                                   from client_additional_notes n
                                   where n.note_id = e.subject_id::bigint
                               )
                           end end
                       ) as "booking_id: BookingId",
                       e.outcome,
                       e.status,
                       e.request_id,
                       e.ip_address,
                       e.detail,
                       e.at::text as "sort_key!"
                from ( -- counted
                    select e.*
                    from internal.audit_entries e
                    where (e.client_id = any (array(
                               select $1::text
                               union all
                               select i.client_id
                               from internal.clients i
                               where i.merged_into = $1
                           ))
                           or e.entry_id = any (array(
                               select s.entry_id
                               from internal.audit_entries s
                               where s.subject_type = 'session_note'
                                 and s.subject_id = any (array(
                                     select n.note_id::text
                                     from appointment_table a
                                     join client_session_notes n on n.booking_id = a.session_id
                                     where a.client_id = $1
                                 ))
                                 and s.client_id is null
                               union all
                               select s.entry_id
                               from internal.audit_entries s
                               where s.subject_type = 'additional_note'
                                 and s.subject_id = any (array(
                                     select n.note_id::text
                                     from appointment_table a
                                     join client_additional_notes n on n.booking_id = a.session_id
                                     where a.client_id = $1
                                 ))
                                 and s.client_id is null
                           )))
                      and (e.action = any ($2::text[]) or (e.action = 'attempt' and e.route = any ($3::text[])))
                      and e.actor_id = $4
                      and e.at >= $5
                      and e.at < $6
                      and e.entry_id <= $7::text::bigint
                      and (e.at, e.entry_id) < ($8::text::timestamptz, $9::text::bigint) -- by any
                    order by
                        e.at desc, -- by any
                        e.entry_id desc -- by any
                    limit $10
                ) e
                order by
                    e.at desc, -- by any
                    e.entry_id desc -- by any
            "#],
            self.client.as_str(),
            self.actions.as_slice() => &[&str],
            self.routes.as_slice() => &[&str],
            self.user_id.map(|user| user.0),
            self.period.from,
            self.period.before,
            last.as_str(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(found.into_iter().map(AccessEntry::from).collect())
    }

    fn key(entry: &AccessEntry) -> Key {
        Key { sort: entry.sort_key.clone(), id: entry.entry_id.to_string() }
    }
}

impl From<Found> for AccessEntry {
    fn from(found: Found) -> Self {
        let subject = |kind: &str| {
            let about = found.subject_type.as_deref() == Some(kind);
            about.then(|| found.subject_id.as_deref()?.parse::<i32>().ok()).flatten()
        };
        let of_booking = found.subject_type.as_deref() == Some("booking");
        let booking = found.subject_id.clone().filter(|_| of_booking).map(BookingId::from).or(found.booking_id);
        let (session, additional) = (subject("session_note"), subject("additional_note"));
        let read_under_grant = found.detail["note_id"].as_i64().and_then(|id| i32::try_from(id).ok());
        let said = Said {
            action: &found.action,
            route: &found.route,
            outcome: &found.outcome,
            actor_role: &found.role,
            booking_id: booking.as_ref().map(BookingId::as_str),
            detail: &found.detail,
        };
        let (kind, description, reason) = (said.kind(), said.sentence(), said.reason());
        let note_kind = match (session, additional) {
            (Some(_), _) => Some("session".to_owned()),
            (_, Some(_)) => Some("additional".to_owned()),
            _ => found.detail["kind"].as_str().map(ToOwned::to_owned).filter(|_| read_under_grant.is_some()),
        };
        Self {
            entry_id: found.entry_id,
            at: found.at,
            user_id: found.user_id,
            user_name: found.user_name,
            grant_id: subject("break_glass"),
            role: found.role,
            kind,
            action: found.action,
            description,
            reason,
            client_id: found.client_id,
            note_kind,
            note_id: session.or(additional).or(read_under_grant),
            booking_id: booking,
            outcome: found.outcome,
            status: found.status,
            request_id: found.request_id,
            ip_address: found.ip_address,
            sort_key: found.sort_key,
        }
    }
}
