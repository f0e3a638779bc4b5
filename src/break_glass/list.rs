//! Listing grants, for those who review them.
//!
//! One statement a page, walked by `break_glass_grants_by_opened`, or by that of the unreviewed ones, which are few; what was
//! read under each is counted by the index of the trail's subjects.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::model::{Grant, GrantKind, GrantReview, select_grants};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{ClientId, GrantId, UserId},
        time::{Day, Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
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
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantFilter {
    /// Only those under which something can be read now, or only the others.
    open: Option<bool>,
    /// Only those that another admin has closed, or only those that wait for it.
    reviewed: Option<bool>,
    /// Only those whose review stands so.
    #[param(inline)]
    review: Option<GrantReview>,
    /// Only those of this kind.
    #[param(inline)]
    kind: Option<GrantKind>,
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
    request.answer(Grants { filter, period, now: app.clock.now() }).await
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
    let rows = sqlx::query!(
        r#"select entry_id, at as "at!: Timestamp", request_id, ip_address, detail
           from internal.audit_entries
           where subject_type = 'break_glass'
             and subject_id = $1
             and action = 'break_glass_read'
           order by entry_id
           limit $2"#,
        id.to_string(),
        READS,
    )
    .fetch_all(&mut *db)
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
    let stored = grant.version.clone();
    let more_entries = grant.reads > READS;
    Ok(Versioned::new(stored, GrantDetail { grant, entries: entries.collect(), more_entries }).unless(unless))
}

/// The grants that a filter wants, as they are at an instant.
struct Grants {
    filter: GrantFilter,
    period: Period,
    now: DateTime<Utc>,
}

impl List for Grants {
    type Row = Grant;
    type Order = GrantOrder;

    async fn rows(&self, db: &mut PgConnection, _: GrantOrder, position: &Position) -> Result<Vec<Grant>> {
        macro_rules! page {
            ($beyond:literal, $direction:literal) => {
                select_grants!(
                    [
                        "where ($2::boolean is null or (g.reviewed_at is null and g.expires_at > $1) = $2)
                           and ($3::boolean is null or (g.reviewed_at is not null) = $3 and ($3 or g.unreviewed_at is null))
                           and ($4::text is null or g.client_id = $4)
                           and ($5::integer is null or g.user_id = $5)
                           and ($6::timestamptz is null or g.opened_at >= $6)
                           and ($7::timestamptz is null or g.opened_at < $7)
                           and ($11::text is null or g.kind = $11)
                           and ($12::text is null or $12 = case
                                    when g.reviewed_at is not null then 'reviewed'
                                    when g.unreviewed_at is not null then 'unreviewed'
                                    else 'waiting'
                                end)
                           and ($8::text is null or (g.opened_at, g.grant_id) " $beyond
                        " ($8::text::timestamptz, $9::text::integer))
                         order by g.opened_at " $direction ", g.grant_id " $direction
                        " limit $10"
                    ],
                    self.now,
                    self.filter.open,
                    self.filter.reviewed,
                    self.filter.client_id.as_ref().map(ClientId::as_str),
                    self.filter.user_id.map(|user| user.0),
                    self.period.from,
                    self.period.before,
                    position.sort(),
                    position.id(),
                    position.limit,
                    self.filter.kind.map(GrantKind::as_str),
                    self.filter.review.map(GrantReview::as_str),
                )
                .fetch_all(db)
                .await
            };
        }
        Ok(if position.descending { page!("<", "desc") } else { page!(">", "asc") }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from internal.break_glass_grants g
               where ($2::boolean is null or (g.reviewed_at is null and g.expires_at > $1) = $2)
                 and ($3::boolean is null or (g.reviewed_at is not null) = $3 and ($3 or g.unreviewed_at is null))
                 and ($4::text is null or g.client_id = $4)
                 and ($5::integer is null or g.user_id = $5)
                 and ($6::timestamptz is null or g.opened_at >= $6)
                 and ($7::timestamptz is null or g.opened_at < $7)
                 and ($8::text is null or g.kind = $8)
                 and ($9::text is null or $9 = case
                          when g.reviewed_at is not null then 'reviewed'
                          when g.unreviewed_at is not null then 'unreviewed'
                          else 'waiting'
                      end)"#,
            self.now,
            self.filter.open,
            self.filter.reviewed,
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.user_id.map(|user| user.0),
            self.period.from,
            self.period.before,
            self.filter.kind.map(GrantKind::as_str),
            self.filter.review.map(GrantReview::as_str),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(grant: &Grant) -> Key {
        Key { sort: grant.sort_key.clone(), id: grant.grant_id.to_string() }
    }
}
