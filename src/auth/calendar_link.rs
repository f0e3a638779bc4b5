//! The link to one's own calendar: for calendar programs, which cannot log in.
//!
//! Anybody with the link reads the times of a therapist's sessions, with initials and nothing else. So it is shown once
//! and stored hashed; a new link revokes the former one, and so do a change of the account's rights, a reset of its
//! password and a logout everywhere.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{refusal::NoCalendar, session};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::scope::Scope,
    domain::{ids::UserId, time::Timestamp},
    error::{Error, Result, problem::Problems},
    http::{caller::Caller, extract::Json, host},
    users::{Account, calendar_links},
};

/// The route that shows, makes and revokes the link.
const HOME: &str = "/api/v1/auth/me/calendar-link";
/// As many characters as a token has: 32 bytes in base64.
const TOKEN: usize = 43;

/// A link just made; it is not shown again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "path": "/calendar/R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU.ics",
    "url": "https://api.example.org/calendar/R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU.ics",
    "created_at": "2026-02-04T04:30:00Z"
}))]
pub(super) struct NewCalendarLink {
    /// The path of the calendar on this server.
    path: String,
    /// The whole address, as this request was sent to it: `https`, but on this very machine. Null where the request named
    /// no host.
    url: Option<String>,
    /// When it was made.
    #[schema(value_type = crate::domain::time::Instant)]
    created_at: Timestamp,
}

/// That there is a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "created_at": "2026-02-04T04:30:00Z" }))]
pub(super) struct CalendarLink {
    /// When it was made.
    #[schema(value_type = crate::domain::time::Instant)]
    created_at: Timestamp,
}

/// Make the link to my calendar
///
/// An address that calendar programs subscribe to, without a login: whoever has it reads when my sessions are, with the
/// clients' initials. It is shown this once. The link before it, if any, opens nothing any more. For accounts that stand
/// for a therapist.
#[utoipa::path(
    post,
    path = "/me/calendar-link",
    tag = "auth",
    responses(
        (status = 201, description = "The link", body = NewCalendarLink),
        (status = 409, description = "The account stands for no therapist"),
        Problems,
    ),
)]
pub(super) async fn make_calendar_link(caller: Caller, work: Work, headers: HeaderMap) -> Result<Response> {
    let link = work
        .run(async |uow| {
            let path = make(uow, caller.user_id).await?;
            Ok(NewCalendarLink {
                url: host::base(&headers).map(|base| base + &path),
                path,
                created_at: uow.now().into(),
            })
        })
        .await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, HOME)], Json(link)).into_response())
}

/// Makes another link; returns its path.
async fn make(uow: &mut UnitOfWork, user: UserId) -> Result<String> {
    // Locked, so that a concurrent change of the account's rights revokes this link too.
    let account = Account::lock(uow, user).await?.ok_or(Error::Unauthenticated("the account is gone"))?;
    let therapist = account.rights().and_then(|rights| rights.therapist_id).ok_or(NoCalendar)?;
    let token = session::new_secret()?;
    let replaced = calendar_links::replace(uow, user, &therapist, &session::hash(&token)).await?;
    let sentence = if replaced { "Made another link to the calendar" } else { "Made a link to the calendar" };
    uow.record(Entry::new("calendar_link_create", sentence).on("user", user));
    Ok(format!("/calendar/{token}.ics"))
}

/// Get the link to my calendar
///
/// Since when there is one. The link itself is shown only as it is made.
#[utoipa::path(
    get,
    path = "/me/calendar-link",
    tag = "auth",
    responses(
        (status = 200, description = "There is one", body = CalendarLink),
        (status = 404, description = "There is none"),
        Problems,
    ),
)]
pub(super) async fn get_calendar_link(caller: Caller, State(app): State<App>) -> Result<Json<CalendarLink>> {
    let mut db = app.db.unscoped().await?;
    let made = calendar_links::made_at(&mut db, caller.user_id).await?;
    let created_at = made.ok_or(Error::NotFound("link to the calendar"))?;
    Ok(Json(CalendarLink { created_at }))
}

/// Revoke the link to my calendar
///
/// It opens nothing any more.
#[utoipa::path(
    delete,
    path = "/me/calendar-link",
    tag = "auth",
    responses(
        (status = 204, description = "There is no link any more"),
        (status = 404, description = "There was none"),
        Problems,
    ),
)]
pub(super) async fn revoke_calendar_link(caller: Caller, work: Work) -> Result<StatusCode> {
    work.run(async |uow| {
        if !calendar_links::revoke(uow, caller.user_id).await? {
            return Err(Error::NotFound("link to the calendar"));
        }
        uow.record(Entry::new("calendar_link_revoke", "Revoked the link to the calendar").on("user", caller.user_id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The scope of the therapist whose calendar a token opens; none, if it is not valid. A text that cannot be a token is
/// not looked up.
pub async fn scope_of_link(app: &App, token: &str) -> Result<Option<Scope>> {
    let possible =
        token.len() == TOKEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !possible {
        return Ok(None);
    }
    let mut db = app.db.unscoped().await?;
    let holder = calendar_links::holder(&mut db, &session::hash(token)).await?;
    Ok(holder.map(|(therapist, user)| Scope::Own { therapist, user }))
}
