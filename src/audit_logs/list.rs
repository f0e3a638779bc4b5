//! Listing the audit log, newest first.
//!
//! Pages are in the order of `log_id`. The planner assumes that matching rows are spread over the whole log, so it would
//! scan from the end even for a therapist who left or a month of eight years ago. So each statement is ordered by the
//! index that it should use ([`ReadBy`]):
//!
//! - without a filter the key, with a therapist or an action the index that has them in order (`audit_logs_of_therapist`,
//!   `audit_logs_by_action`, `audit_logs_by_therapist_action`): a page costs what it shows;
//! - else the index that finds the rows, which are then sorted (`audit_logs_by_instant`,
//!   `audit_logs_by_client_name`, a client's of `internal.audit_entries`).
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
    model::{AuditLog, select_audit_logs},
};
use crate::{
    app::state::App,
    db::scope::Scope,
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

/// The index that a page is read by.
enum ReadBy {
    /// The key.
    Key,
    /// The index of the therapist.
    Therapist,
    /// The index of the action.
    Action,
    /// The index of both.
    TherapistAndAction,
    /// The index that finds the fewest rows; they are sorted.
    WhatFinds,
}

/// The rows that a scope reaches and a filter wants.
struct AuditLogList {
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
    fn of(scope: &Scope, filter: AuditLogFilter, practice: Zone) -> Result<Self> {
        let zone = filter.tz.unwrap_or(practice);
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from.date() > to.date()
        {
            return Err(Error::query("to", "is before `from`"));
        }
        let search = filter.q.as_deref().map(Search::parse).transpose();
        Ok(Self {
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

    fn read_by(&self) -> ReadBy {
        let Self { therapist_id, action, client_id, client_name, from, before, search: _, hidden } = self;
        let few = client_id.is_some() || client_name.is_some() || from.is_some() || before.is_some();
        match (therapist_id, action) {
            _ if few || *hidden == Some(true) => ReadBy::WhatFinds,
            (None, None) => ReadBy::Key,
            (Some(_), None) => ReadBy::Therapist,
            (None, Some(_)) => ReadBy::Action,
            (Some(_), Some(_)) => ReadBy::TherapistAndAction,
        }
    }
}

/// Passes the list's conditions to a statement: takes the macro, the clauses before and after them, and more arguments.
/// `between` means `=` here; with `=` PostgreSQL would ignore the column in the order.
macro_rules! listed {
    ($read:ident $(in $order:literal)?, [$($before:literal)+], [$($after:literal)*], $list:expr $(, $more:expr)*) => {
        $read!(
            [
                $($before)+
                " from audit_logs l
                  where ($1::text is null or l.therapist_id between $1 and $1)
                    and ($2::text is null or l.action_type between $2 and $2)
                    and ($3::text is null or l.log_id = any (array(
                            select e.log_id
                            from internal.audit_entries e
                            where e.client_id = $3
                              and e.log_id is not null
                        )))
                    and ($4::text is null or internal.fold(l.client_name) = internal.fold($4))
                    and ($5::timestamp is null or internal.audit_instant(l.timestamp) >= $5)
                    and ($6::timestamp is null or internal.audit_instant(l.timestamp) < $6)
                    and ($7::text is null
                         or internal.search_words(l.action_description, l.client_name, l.therapist_name)
                              like internal.like_words($7))
                    and ($8::boolean is null or (l.is_visible is false) = $8)"
                $($after)*
            ],
            $($order,)?
            $list.therapist_id.as_ref().map(TherapistId::as_str),
            $list.action.as_deref(),
            $list.client_id.as_ref().map(ClientId::as_str),
            $list.client_name.as_deref(),
            $list.from.map(Timestamp::from) as Option<Timestamp>,
            $list.before.map(Timestamp::from) as Option<Timestamp>,
            $list.search.as_deref(),
            $list.hidden,
            $($more,)*
        )
    };
}

/// Counts the rows of a statement.
macro_rules! count {
    ([$($statement:literal)+], $($argument:expr,)+) => {
        sqlx::query_scalar!("" $(+ $statement)+, $($argument),+)
    };
}

impl List for AuditLogList {
    type Row = AuditLog;
    type Order = AuditLogOrder;

    async fn rows(&self, db: &mut PgConnection, _: AuditLogOrder, position: &Position) -> Result<Vec<AuditLog>> {
        macro_rules! read {
            ($([$key:literal])* $id:literal) => {
                if position.descending {
                    read!($([$key])* $id, "<", "desc")
                } else {
                    read!($([$key])* $id, ">", "asc")
                }
            };
            ($([$key:literal])* $id:literal, $beyond:literal, $direction:literal) => {
                listed!(
                    select_audit_logs in $direction,
                    ["select l.*"],
                    [
                        "and ($9::text is null or l.log_id " $beyond " $9::text::integer) order by "
                        $($key " " $direction ",")* $id " " $direction " limit $10"
                    ],
                    self,
                    position.sort(),
                    position.limit
                )
                .fetch_all(db)
                .await
            };
        }
        let rows = match self.read_by() {
            ReadBy::Key => read!("l.log_id"),
            ReadBy::Therapist => read!(["l.therapist_id"] "l.log_id"),
            ReadBy::Action => read!(["l.action_type"] "l.log_id"),
            ReadBy::TherapistAndAction => read!(["l.therapist_id"] ["l.action_type"] "l.log_id"),
            ReadBy::WhatFinds => read!("l.log_id + 0"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(listed!(count, [r#"select count(*) as "total!""#], [], self).fetch_one(db).await?)
    }

    fn key(row: &AuditLog) -> Key {
        Key { sort: row.log_id.to_string(), id: String::new() }
    }
}
