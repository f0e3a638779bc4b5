//! Looking through the log, newest first.
//!
//! In the order of `log_id`, which each filter's index has too (`audit_logs_pkey`, `audit_logs_of_therapist`,
//! `audit_logs_by_action`, `audit_logs_by_client_name`; a client's rows come from `internal.audit_entries`): a page costs
//! what it shows. A period goes by `audit_logs_by_instant`, in its own order, and costs what it holds: `log_id + 0` keeps
//! PostgreSQL from walking the log from its end in the hope of meeting the period soon. On three million rows, a month of
//! eight years ago takes 25 ms this way, and 23 s the other. `q` looks at the rows that the other filters leave: alone, at
//! as many as it takes to fill the page.
//!
//! Periods go by the row's text, which this server writes from the exact instant, to the minute: days begin on minutes.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::model::{AuditLog, select_audit_logs};
use crate::platform::{
    app::App,
    caller::Scope,
    contact,
    error::{Error, Result},
    ids::{AuditLogId, ClientId, TherapistId},
    page::{Key, List, Listing, Page, PageParams, Position, orders},
    problem::Problems,
    text::Text,
    time::{Day, Timestamp, Zone},
};

orders! {
    /// The orders in which the log can be read.
    AuditLogOrder: NewestFirst = "-log_id", OldestFirst = "log_id"
}

/// Which rows an admin sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Visibility {
    /// Those not hidden.
    #[default]
    Visible,
    /// The hidden ones.
    Hidden,
    /// Both.
    All,
}

/// Which rows an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditLogFilter {
    /// Only what this therapist did.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only this kind of action.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "booking_cancel")]
    action: Option<Text<100>>,
    /// Only what concerns this client, as far as this server did it.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only what concerns a client of this name, in any letter case.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255, example = "Meera Iyer")]
    client_name: Option<Text<255>>,
    /// Only what was done on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only what was done on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only what holds this in its sentence or in a name; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "refund")]
    q: Option<String>,
    /// Only what is not hidden (unless given), only what is, or both.
    #[serde(default)]
    #[param(inline, value_type = Option<Visibility>)]
    visibility: Visibility,
}

/// Which rows a therapist lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnAuditLogFilter {
    /// Only this kind of action.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "session_notes")]
    action: Option<Text<100>>,
    /// Only what concerns this client, as far as this server did it.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only what concerns a client of this name, in any letter case.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255, example = "Meera Iyer")]
    client_name: Option<Text<255>>,
    /// Only what was done on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only what was done on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only what holds this in its sentence or in a name; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "note")]
    q: Option<String>,
}

impl From<OwnAuditLogFilter> for AuditLogFilter {
    fn from(filter: OwnAuditLogFilter) -> Self {
        let OwnAuditLogFilter { action, client_id, client_name, from, to, tz, q } = filter;
        Self { action, client_id, client_name, from, to, tz, q, ..Self::default() }
    }
}

/// List the audit log
///
/// Who did what, newest first. `Accept: text/csv` streams the whole list.
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
    listing.request.answer(AuditLogList::of(scope, listing.filter, app.zone)?).await
}

/// List my audit log
///
/// What the caller did, as far as it is not hidden, newest first.
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
    listing.request.answer(AuditLogList::of(scope, listing.filter.into(), app.zone)?).await
}

/// The rows that a scope reaches and a filter wants.
struct AuditLogList {
    scope: Scope,
    therapist_id: Option<TherapistId>,
    action: Option<Text<100>>,
    client_id: Option<ClientId>,
    client_name: Option<Text<255>>,
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    /// LIKE pattern, lower case.
    words: Option<String>,
    hidden: Option<bool>,
}

impl AuditLogList {
    fn of(scope: Scope, filter: AuditLogFilter, practice: Zone) -> Result<Self> {
        let zone = filter.tz.unwrap_or(practice);
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from.date() > to.date()
        {
            return Err(Error::query("to", "is before `from`"));
        }
        let search = filter.q.map(|q| contact::Search::parse(&q)).transpose();
        Ok(Self {
            scope,
            therapist_id: filter.therapist_id,
            action: filter.action,
            client_id: filter.client_id,
            client_name: filter.client_name,
            from: filter.from.map(|day| zone.day_start(day.date())),
            before: filter.to.map(|day| zone.days(day.date(), day.date()).end),
            words: search.map_err(|fault| Error::query("q", fault))?.map(|search| search.words),
            hidden: match filter.visibility {
                Visibility::Visible => Some(false),
                Visibility::Hidden => Some(true),
                Visibility::All => None,
            },
        })
    }
}

/// Hands the list's conditions to a statement: what reads, what stands before and after them, and more arguments.
macro_rules! listed {
    ($read:ident $(in $order:literal)?, [$($before:literal)+], [$($after:literal)*], $list:expr $(, $more:expr)*) => {
        $read!(
            [
                $($before)+
                " from audit_logs l
                  where ($1::text is null or l.therapist_id = $1)
                    and ($2::text is null or l.therapist_id = $2)
                    and ($3::text is null or l.action_type = $3)
                    and ($4::text is null or l.log_id = any (array(
                            select e.log_id
                            from internal.audit_entries e
                            where e.client_id = $4
                              and e.log_id is not null
                        )))
                    and ($5::text is null or lower(btrim(l.client_name)) = lower($5))
                    and ($6::timestamp is null or internal.audit_instant(l.timestamp) >= $6)
                    and ($7::timestamp is null or internal.audit_instant(l.timestamp) < $7)
                    and ($8::text is null
                         or lower(concat_ws(E'\\n', l.action_description, l.client_name, l.therapist_name)) like $8)
                    and ($9::boolean is null or (l.is_visible is false) = $9)"
                $($after)*
            ],
            $($order,)?
            $list.scope.owner(),
            $list.therapist_id.as_ref().map(TherapistId::as_str),
            $list.action.as_deref(),
            $list.client_id.as_ref().map(ClientId::as_str),
            $list.client_name.as_deref(),
            $list.from.map(Timestamp::from) as Option<Timestamp>,
            $list.before.map(Timestamp::from) as Option<Timestamp>,
            $list.words,
            $list.hidden,
            $($more,)*
        )
    };
}

/// Counts what a statement finds.
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
            ($key:literal, $beyond:literal, $direction:literal) => {
                listed!(
                    select_audit_logs in $direction,
                    ["select l.*"],
                    [
                        "and ($10::text is null or l.log_id " $beyond " $10::text::integer)
                         order by " $key " " $direction " limit $11"
                    ],
                    self,
                    position.sort(),
                    position.limit
                )
                .fetch_all(db)
                .await
            };
        }
        let by_period = self.from.is_some() || self.before.is_some();
        let rows = match (by_period, position.descending) {
            (false, true) => read!("l.log_id", "<", "desc"),
            (false, false) => read!("l.log_id", ">", "asc"),
            (true, true) => read!("l.log_id + 0", "<", "desc"),
            (true, false) => read!("l.log_id + 0", ">", "asc"),
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
