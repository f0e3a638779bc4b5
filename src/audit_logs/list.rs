//! Listing the audit log, newest first.
//!
//! Pages are in the order of `log_id`. Without a filter they are walked by the key, with a therapist or an action by the index that
//! has them in order (`audit_logs_of_therapist`, `audit_logs_by_action`, `audit_logs_by_therapist_action`). Rows of a period are
//! found by an index that holds all that is asked of them, and sorted (`audit_logs_by_instant`,
//! `audit_logs_of_therapist_by_instant`); so are a client's, by `internal.audit_entries` or `audit_logs_by_client_name`. A
//! therapist's login may not look into the index by a function, so `internal.own_audit_logs` finds the rows of a period for it.
//!
//! `q` is matched against the rows that the other filters leave; alone, against as many as it takes to fill the page. An
//! index for it would make every change of the practice a third dearer.
//!
//! Periods go by the row's text, which this server writes from the exact instant, to the minute: days begin on minutes.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{AuditLogFilter, AuditLogOrder, OwnAuditLogFilter, Visibility},
    model::AuditLog,
};
use crate::{
    app::state::App,
    db::{
        pruned::{Sort, pruned},
        scope::Scope,
    },
    domain::{
        contact::Search,
        ids::{AuditLogId, ClientId, TherapistId},
        text::Text,
        time::{Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
};

/// List the audit log
///
/// All entries, newest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/audit-logs",
    tag = "audit",
    params(AuditLogFilter, ("sort" = inline(Option<AuditLogOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of the log", content(
            (Page<AuditLog> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_audit_logs(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<AuditLogFilter, AuditLogOrder>,
) -> Result<Response> {
    listing.request.answer(AuditLogList::of(&scope, listing.filter, app.zone)?).await
}

/// List my audit log
///
/// The caller's own entries that are not hidden, newest first.
#[utoipa::path(
    get,
    path = "/audit-logs",
    tag = "audit",
    params(OwnAuditLogFilter, ("sort" = inline(Option<AuditLogOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of the log", content(
            (Page<AuditLog> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_audit_logs(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<OwnAuditLogFilter, AuditLogOrder>,
) -> Result<Response> {
    listing.request.answer(AuditLogList::of(&scope, listing.filter.into(), app.zone)?).await
}

/// The rows that a scope reaches and a filter wants.
#[derive(Default)]
pub(super) struct AuditLogList {
    log_id: Option<AuditLogId>,
    /// Whether it is a therapist's own log.
    is_own: bool,
    /// The one asked for, or the only one in scope.
    therapist_id: Option<TherapistId>,
    action: Option<Text<100>>,
    client_id: Option<ClientId>,
    client_name: Option<Text<255>>,
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    search: Option<Search>,
    hidden: Option<bool>,
}

impl AuditLogList {
    /// One row.
    pub(super) fn one(id: AuditLogId) -> Self {
        Self { log_id: Some(id), ..Self::default() }
    }

    fn of(scope: &Scope, filter: AuditLogFilter, practice: Zone) -> Result<Self> {
        let zone = filter.tz.unwrap_or(practice);
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from.date() > to.date()
        {
            return Err(Error::query("to", "is before `from`"));
        }
        let search = filter.q.as_deref().map(Search::parse).transpose();
        Ok(Self {
            log_id: None,
            is_own: scope.owner().is_some(),
            therapist_id: scope.owner().map(TherapistId::from).or(filter.therapist_id),
            action: filter.action,
            client_id: filter.client_id,
            client_name: filter.client_name,
            from: filter.from.map(|day| zone.day_start(day.date())),
            before: filter.to.map(|day| zone.days(day.date(), day.date()).end),
            search: search.map_err(|fault| Error::query("q", fault))?,
            hidden: match filter.visibility {
                Visibility::Visible => Some(false),
                Visibility::Hidden => Some(true),
                Visibility::All => None,
            },
        })
    }

    /// Whether a filter finds few rows, which are sorted: the planner assumes that they are spread over the whole log, and would
    /// walk it from the end even for a month of eight years ago.
    fn is_of_few(&self) -> bool {
        let is_of_period = (self.from.is_some() || self.before.is_some()) && !self.is_own;
        is_of_period || self.client_id.is_some() || self.client_name.is_some() || self.hidden == Some(true)
    }
}

impl List for AuditLogList {
    type Row = AuditLog;
    type Order = AuditLogOrder;

    async fn rows(&self, db: &mut PgConnection, order: AuditLogOrder, position: &Position) -> Result<Vec<AuditLog>> {
        let by = if self.is_of_few() { "found" } else { "log_id" };
        let (from, before) = (self.from.map(Timestamp::from), self.before.map(Timestamp::from));
        let is_of_period = from.is_some() || before.is_some();
        let entries = pruned!(
            fetch_all(db, Sort { by, ..position.sorted(order) }),
            query_as!(AuditLog),
            [r#"
                select l.log_id as "log_id!: AuditLogId",
                       coalesce(e.at at time zone 'UTC', internal.audit_instant(l.timestamp)) as "at!: Timestamp",
                       l.timestamp,
                       l.therapist_id as "therapist_id: TherapistId",
                       l.therapist_name,
                       e.actor_id as "actor_id?",
                       e.actor_role as "actor_role?",
                       coalesce(l.action_type, '') as "action_type!",
                       coalesce(l.action_description, '') as "action_description!",
                       e.client_id as "client_id?: ClientId",
                       l.client_name,
                       l.ip_address,
                       l.is_visible is not false as "is_visible!"
                from ( -- counted
                    select l.log_id
                    from audit_logs l
                    where true
                      and l.log_id = $1
                      and l.therapist_id = $2
                      and l.action_type = $3
                      and l.log_id = any (array(
                          select e.log_id
                          from internal.audit_entries e
                          where e.client_id = $4
                            and e.log_id is not null
                      ))
                      and internal.fold(l.client_name) = internal.fold($5)
                      and internal.audit_instant(l.timestamp) >= $6
                      and internal.audit_instant(l.timestamp) < $7
                      and (l.log_id = any (array(select internal.own_audit_logs($8, $9))) and $10)
                      and internal.search_words(l.action_description, l.client_name, l.therapist_name) like any (internal.like_words($11))
                      and (l.is_visible is false and $12)
                      and (l.is_visible is not false and $13)
                      and l.log_id < $14::text::integer -- by log_id
                      and l.log_id < $14::text::integer -- by found
                    order by
                        l.log_id + 0 desc, -- by found
                        l.log_id desc -- by any
                    limit $15
                ) u
                join audit_logs l on l.log_id = u.log_id
                left join lateral (
                    select e.at, e.actor_id, e.actor_role, e.client_id
                    from internal.audit_entries e
                    where e.log_id = l.log_id
                    order by e.client_id is null, e.entry_id
                    limit 1
                ) e on true
                order by
                    l.log_id desc -- by any
            "#],
            self.log_id.map(|id| id.0),
            self.therapist_id.as_ref().map(TherapistId::as_str),
            self.action.as_deref(),
            self.client_id.as_ref().map(ClientId::as_str),
            self.client_name.as_deref(),
            from.filter(|_| !self.is_own) => Option<Timestamp>,
            before.filter(|_| !self.is_own) => Option<Timestamp>,
            from.unwrap_or_default() => Timestamp,
            before.unwrap_or_default() => Timestamp,
            (is_of_period && self.is_own).then_some(true),
            self.search.as_deref(),
            self.hidden.filter(|hidden| *hidden),
            self.hidden.map(|hidden| !hidden).filter(|shown| *shown),
            position.sort(),
            position.limit,
        )?;
        Ok(entries)
    }

    fn key(row: &AuditLog) -> Key {
        Key { sort: row.log_id.to_string(), id: String::new() }
    }
}

impl AuditLog {
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(super) async fn read(db: &mut PgConnection, id: AuditLogId) -> Result<Self> {
        AuditLogList::one(id).first(db).await?.ok_or(Error::NotFound("audit log entry"))
    }
}
