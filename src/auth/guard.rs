//! The auth guard, a layer in front of all routes that require a login: verifies the access token, and leaves the
//! [`Caller`].
//!
//! The first request of a session looks it up, with the rights that the token claims; further ones take no query, since
//! notifications say which sessions were changed ([`listen`](crate::app::listen)). Only while the listener has had no answer
//! for a second, each request looks.

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::token;
use crate::{
    app::state::App,
    domain::ids::TherapistId,
    error::{Error, Result},
    http::caller::{Caller, bearer},
};

/// The layer. It stands outside the audit layer, which needs the caller.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match authenticate(&app, request.headers()).await {
        Ok(caller) => {
            tracing::Span::current().record("user_id", caller.user_id.0);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller> {
    let token = bearer(headers).ok_or(Error::Unauthenticated("send an access token: Authorization: Bearer …"))?;
    let caller = token::verify(&app.secrets, token, app.clock.now())
        .ok_or(Error::Unauthenticated("the access token is not valid, or no longer"))?;
    let ended = Error::Unauthenticated("the session has ended");
    if app.sessions.has_ended(caller.session_id) {
        return Err(ended);
    }
    let holder = (caller.user_id, caller.role, caller.therapist_id.clone());
    if app.sessions.is_alive(caller.session_id, &holder) {
        return Ok(caller);
    }
    if !is_alive(app, &caller).await? {
        return Err(ended);
    }
    app.sessions.found_alive(caller.session_id, holder);
    Ok(caller)
}

/// Whether there is such a session, of an account that has these rights.
async fn is_alive(app: &App, caller: &Caller) -> Result<bool> {
    let mut db = app.db.unscoped().await?;
    let lives = sqlx::query_scalar!(
        r#"select exists (
               select
               from internal.sessions s
               join users u on u.id = s.user_id
               left join internal.accounts a on a.user_id = u.id
               where s.session_id = $1
                 and s.user_id = $2
                 and s.ended_at is null
                 and s.expires_at > $3
                 and a.disabled_at is null
                 and internal.user_role(u.role) = $4
                 and ($4 = 'admin' or u.therapist_id = $5)
           ) as "lives!""#,
        caller.session_id,
        caller.user_id.0,
        app.clock.now(),
        caller.role.as_str(),
        caller.therapist_id.as_ref().map(TherapistId::as_str),
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(lives)
}
