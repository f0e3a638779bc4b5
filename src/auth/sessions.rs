//! One's own sessions: listing and ending them.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::guesses::codes_of;
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    db::pruned::pruned,
    domain::{ids::UserId, time::Timestamp},
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position, orders},
    },
    users::sessions::{self, Ending},
};

orders! {
    /// The orders of the sessions: by when they began.
    SessionOrder: NewestFirst = "-created_at", OldestFirst = "created_at"
}

/// A login that has not ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "4a3cf5b6-3c1c-4f6e-9c54-0a4d0f8f2a11",
    "created_at": "2026-02-04T04:30:00Z",
    "last_used_at": "2026-02-04T10:30:00Z",
    "expires_at": "2026-03-06T10:30:00Z",
    "ends_at": "2026-05-05T04:30:00Z",
    "ip_address": "192.0.2.7",
    "user_agent": "Mozilla/5.0",
    "wrong_codes": 0,
    "current": true
}))]
pub(super) struct Session {
    /// The session's id.
    id: Uuid,
    /// When it began.
    #[schema(value_type = crate::domain::time::Instant)]
    created_at: Timestamp,
    /// When its tokens were last refreshed.
    #[schema(value_type = crate::domain::time::Instant)]
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed; never after `ends_at`.
    #[schema(value_type = crate::domain::time::Instant)]
    expires_at: Timestamp,
    /// When it ends however often it is refreshed, and a new login is needed.
    #[schema(value_type = crate::domain::time::Instant)]
    ends_at: Timestamp,
    /// The address the login came from.
    ip_address: Option<String>,
    /// The program that logged in: the `User-Agent` header; null where there was none.
    user_agent: Option<String>,
    /// How many wrong codes of the second factor were sent for the account since this login, each after the right password; those
    /// of the last 24 hours.
    wrong_codes: i64,
    /// Whether this request belongs to it.
    current: bool,
    #[serde(skip)]
    key: String,
}

/// List my sessions
///
/// Where I am logged in, the latest login first.
#[utoipa::path(
    get,
    path = "/sessions",
    tag = "auth",
    params(("sort" = inline(Option<SessionOrder>), Query, description = "The order"), PageParams),
    responses((status = 200, description = "A page of sessions", body = Page<Session>), Problems),
)]
pub(super) async fn list_sessions(
    caller: Caller,
    State(app): State<App>,
    listing: Listing<NoFilter, SessionOrder>,
) -> Result<Response> {
    let list =
        SessionList { user: caller.user_id, current: caller.session_id, now: app.clock.now(), life: app.session_life };
    listing.request.answer(list).await
}

struct SessionList {
    user: UserId,
    current: Uuid,
    now: DateTime<Utc>,
    life: TimeDelta,
}

impl List for SessionList {
    type Row = Session;
    type Order = SessionOrder;

    const AS_CSV: bool = false;

    async fn rows(&self, db: &mut PgConnection, order: SessionOrder, position: &Position) -> Result<Vec<Session>> {
        let codes = codes_of(self.user);
        let sessions = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Session),
            [r#"
                select session_id as id,
                       created_at as "created_at!: Timestamp",
                       last_used_at as "last_used_at!: Timestamp",
                       least(expires_at, created_at + $4::interval) as "expires_at!: Timestamp",
                       created_at + $4::interval as "ends_at!: Timestamp",
                       ip_address,
                       user_agent,
                       (
                           select count(*)
                           from internal.guesses g
                           where g.subject = $5
                             and g.guessed_at >= greatest(created_at, $3::timestamptz - interval '24 hours')
                       ) as "wrong_codes!",
                       session_id = $2 as "current!",
                       created_at::text as "key!"
                from internal.sessions
                where user_id = $1
                  and ended_at is null
                  and least(expires_at, created_at + $4::interval) > $3
                  and (created_at, session_id) < ($6::text::timestamptz, $7::text::uuid) -- by any
                order by
                    created_at desc, -- by any
                    session_id desc -- by any
                limit $8
            "#],
            self.user.0,
            self.current,
            self.now,
            self.life => TimeDelta,
            codes.as_str(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(sessions)
    }

    fn key(session: &Session) -> Key {
        Key { sort: session.key.clone(), id: session.id.to_string() }
    }
}

/// End a session
///
/// One of mine; that of this request as well.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    tag = "auth",
    params(("id" = Uuid, Path, description = "The session's id", example = "0199c0de-0000-7000-8000-000000000000")),
    responses((status = 204, description = "The session has ended"), Problems),
)]
pub(super) async fn end_session(caller: Caller, work: Work, Path(id): Path<Uuid>) -> Result<StatusCode> {
    work.run(async |uow| {
        if !sessions::end(uow, caller.user_id, id, Ending::Revoked).await? {
            return Err(Error::NotFound("session"));
        }
        uow.record(Entry::new("session_revoke", "Ended a session").on("session", id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
