//! Listing grants, for those who review them.
//!
//! They are walked by `break_glass_grants_by_opened`, or by the index of the unreviewed ones, which are few; what was read under
//! those of the page is counted by the index of the trail's subjects.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::model::{Grant, GrantKind, GrantReview};
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{ClientId, GrantId, UserId},
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

/// How many reads are shown of one grant.
const READS: i64 = 1_000;

orders! {
    /// The orders in which grants can be listed.
    GrantOrder: LatestFirst = "-opened_at", EarliestFirst = "opened_at"
}

/// Which grants are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantFilter {
    /// Only those under which something can be read now, or only the others.
    open: Option<bool>,
    /// Only those that another admin has closed, or only those that wait for it.
    reviewed: Option<bool>,
    /// Only those whose review stands so.
    #[serde(default)]
    #[param(value_type = Option<Vec<GrantReview>>, inline, style = Form, explode = false)]
    review: AnyOf<GrantReview>,
    /// Only those of this kind.
    #[serde(default)]
    #[param(value_type = Option<Vec<GrantKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<GrantKind>,
    /// Only those for this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those that this account opened.
    #[param(example = 1)]
    user_id: Option<UserId>,
    /// Only those opened on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those opened on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// List break-glass grants
///
/// Latest first, with how often something was read under each; exports with notes stand among them. `review=waiting` are
/// those to be reviewed.
/// `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/break-glass",
    tag = "break-glass",
    params(GrantFilter, ("sort" = inline(Option<GrantOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of grants", content(
            (Page<Grant> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(crate) async fn list_break_glass(
    _: Scope,
    State(app): State<App>,
    Listing { filter, request }: Listing<GrantFilter, GrantOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    request.answer(Grants { grant_id: None, filter, period, now: app.clock.now() }).await
}

/// Something that was read under a grant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "entry_id": 31,
    "at": "2026-02-04T10:41:12Z",
    "request_id": "0199c0de-0000-7000-8000-000000000000",
    "ip_address": "192.0.2.7",
    "kind": "session",
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "what": "note"
}))]
pub(crate) struct GrantRead {
    /// The entry of the trail.
    entry_id: i64,
    /// When it was read.
    #[schema(value_type = crate::domain::time::Instant)]
    at: Timestamp,
    /// The request, as logs and answers name it.
    request_id: String,
    /// The address the request came from.
    ip_address: Option<String>,
    /// `session` or `additional`; null for a list of notes.
    kind: Option<String>,
    /// Which note; null for a list of notes.
    note_id: Option<i32>,
    /// The booking of that note.
    booking_id: Option<String>,
    /// `note`, `versions` or `list`.
    what: Option<String>,
}

/// A grant, and what was read under it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantDetail {
    #[serde(flatten)]
    grant: Grant,
    /// The reads under it, in order.
    entries: Vec<GrantRead>,
    /// True where there was more than 1,000 times: those are the first.
    more_entries: bool,
}

/// Get a break-glass grant
///
/// With what was read under it.
#[utoipa::path(
    get,
    path = "/break-glass/{id}",
    tag = "break-glass",
    params(("id" = GrantId, Path, description = "The grant's id")),
    responses(
        (status = 200, description = "The grant", body = GrantDetail),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(crate) async fn get_break_glass(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<GrantId>,
    unless: Preconditions,
) -> Result<Versioned<GrantDetail>> {
    let mut db = app.db.read(&scope).await?;
    let grant = Grant::read(&mut db, id, app.clock.now()).await?;
    let stored = grant.version.clone();
    Ok(Versioned::new(stored, GrantDetail::of(&mut db, grant).await?).unless(unless))
}

impl GrantDetail {
    /// Reads what was read under a grant.
    pub(super) async fn of(db: &mut PgConnection, grant: Grant) -> Result<Self> {
        let rows = sqlx::query!(
            r#"select entry_id, at as "at!: Timestamp", request_id, ip_address, detail
               from internal.audit_entries
               where subject_type = 'break_glass'
                 and subject_id = $1
                 and action = 'break_glass_read'
               order by entry_id
               limit $2"#,
            grant.grant_id.to_string(),
            READS,
        )
        .fetch_all(db)
        .await?;
        let text = |detail: &Value, name: &str| detail[name].as_str().map(ToOwned::to_owned);
        let entries = rows.into_iter().map(|row| GrantRead {
            entry_id: row.entry_id,
            at: row.at,
            request_id: row.request_id,
            ip_address: row.ip_address,
            kind: text(&row.detail, "kind"),
            note_id: row.detail["note_id"].as_i64().and_then(|id| id.try_into().ok()),
            booking_id: text(&row.detail, "booking_id"),
            what: text(&row.detail, "what"),
        });
        let more_entries = grant.reads > READS;
        Ok(Self { grant, entries: entries.collect(), more_entries })
    }
}

/// The grants that a filter wants, as they are at an instant.
pub(super) struct Grants {
    pub(super) grant_id: Option<GrantId>,
    pub(super) filter: GrantFilter,
    pub(super) period: Period,
    pub(super) now: DateTime<Utc>,
}

impl List for Grants {
    type Row = Grant;
    type Order = GrantOrder;

    async fn rows(&self, db: &mut PgConnection, order: GrantOrder, position: &Position) -> Result<Vec<Grant>> {
        let grants = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Grant),
            [r#"
                select g.grant_id as "grant_id: GrantId",
                       g.kind as "kind: GrantKind",
                       g.client_id as "client_id: ClientId",
                       c.client_name as "client_name?",
                       i.merged_into as "merged_into?: ClientId",
                       g.user_id as "user_id: UserId",
                       coalesce(u.full_name, u.name) as user_name,
                       g.reason,
                       g.opened_at as "opened_at!: Timestamp",
                       g.expires_at as "expires_at!: Timestamp",
                       (g.reviewed_at is null and g.expires_at > $1) as "is_open!",
                       seen.reads as "reads!",
                       seen.last_read_at as "last_read_at!: Timestamp",
                       g.review as "review!: GrantReview",
                       g.reviewed_at as "reviewed_at!: Timestamp",
                       g.reviewed_by as "reviewed_by: UserId",
                       coalesce(r.full_name, r.name) as reviewer_name,
                       g.review_note,
                       g.unreviewed_at as "unreviewed_at!: Timestamp",
                       g.version as "version!",
                       g.opened_at::text as "sort_key!"
                from ( -- counted
                    select g.*,
                           g.xmin::text as version,
                           case when g.reviewed_at is not null then 'reviewed'
                                when g.unreviewed_at is not null then 'unreviewed'
                                else 'waiting'
                           end as review
                    from internal.break_glass_grants g
                    where true
                      and g.grant_id = $2
                      and (g.reviewed_at is null and g.expires_at > $1) = $3
                      and (g.reviewed_at is not null and $4)
                      and (g.reviewed_at is null and g.unreviewed_at is null and $5)
                      and g.client_id = $6
                      and g.user_id = $7
                      and g.opened_at >= $8
                      and g.opened_at < $9
                      and g.kind = any ($10::text[])
                      and (case when g.reviewed_at is not null then 'reviewed' when g.unreviewed_at is not null then 'unreviewed' else 'waiting' end) = any ($11::text[])
                      and (g.opened_at, g.grant_id) < ($12::text::timestamptz, $13::text::integer) -- by any
                    order by
                        g.opened_at desc, -- by any
                        g.grant_id desc -- by any
                    limit $14
                ) g
                left join internal.clients i on i.client_id = g.client_id and i.merged_into is not null
                left join all_clients_table c on c.client_id = coalesce(i.merged_into, g.client_id)
                left join users u on u.id = g.user_id
                left join users r on r.id = g.reviewed_by
                cross join lateral (
                    select count(*) as reads, max(e.at) as last_read_at
                    from internal.audit_entries e
                    where e.subject_type = 'break_glass'
                      and e.subject_id = g.grant_id::text
                      and e.action = 'break_glass_read'
                ) seen
                order by
                    g.opened_at desc, -- by any
                    g.grant_id desc -- by any
            "#],
            self.now,
            self.grant_id.map(|id| id.0),
            self.filter.open,
            self.filter.reviewed.filter(|reviewed| *reviewed),
            self.filter.reviewed.map(|reviewed| !reviewed).filter(|waits| *waits),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.user_id.map(|user| user.0),
            self.period.from,
            self.period.before,
            self.filter.kind.words() => Option<Vec<&str>>,
            self.filter.review.words() => Option<Vec<&str>>,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(grants)
    }

    fn key(grant: &Grant) -> Key {
        Key { sort: grant.sort_key.clone(), id: grant.grant_id.to_string() }
    }
}

impl Grant {
    /// Reads one.
    pub(crate) async fn read(db: &mut PgConnection, id: GrantId, now: DateTime<Utc>) -> Result<Self> {
        let (filter, period) = (GrantFilter::default(), Period::default());
        let one = Grants { grant_id: Some(id), filter, period, now };
        one.first(db).await?.ok_or(Error::NotFound("break-glass grant"))
    }
}
