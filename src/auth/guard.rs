//! The auth guard, a layer in front of all routes that require a login: verifies the access token, and leaves the
//! [`Caller`].
//!
//! A request takes no query: notifications say which sessions ended ([`listen`](crate::app::listen)). Only while the
//! listener has had no answer for a second, the session is looked up.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::token;
use crate::{
    app::state::App,
    error::{Error, Result},
    http::caller::Caller,
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
    let ended = match app.ended.knows(caller.session_id) {
        Some(ended) => ended,
        None => has_ended(app, &caller).await?,
    };
    if ended { Err(Error::Unauthenticated("the session has ended")) } else { Ok(caller) }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn has_ended(app: &App, caller: &Caller) -> Result<bool> {
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
                 and a.disabled_at is null
           ) as "lives!""#,
        caller.session_id,
        caller.user_id.0,
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(!lives)
}
