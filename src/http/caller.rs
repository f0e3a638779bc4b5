//! The caller of a request: the account, its role, and the scope of rows.
//!
//! The auth guard proves a token and leaves a [`Caller`] in the request; the route group turns it into a [`Scope`], the
//! only key to therapist-owned rows. Handlers take the narrowest of [`Scope`], [`Caller`] that does their work.

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{
    audit::context::Actor,
    db::scope::Scope,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
    },
    error::{Error, Result},
};

/// How long a 404 takes on a therapist route: several times the duration of a look-up.
const ABSENCE: Duration = Duration::from_millis(20);

/// The token of the `Authorization` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An authenticated user.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The login the token belongs to.
    pub session_id: Uuid,
    /// The role of the account.
    pub role: UserRole,
    /// The therapist whose account it is, for the role therapist.
    pub therapist_id: Option<TherapistId>,
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { user_id: caller.user_id, role: caller.role, session_id: Some(caller.session_id) }
    }
}

/// Layer of the admin routes: only admins, and they see the practice.
pub async fn admins_only(mut request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>().map(|caller| caller.role) {
        Some(UserRole::Admin) => {
            request.extensions_mut().insert(Scope::Practice);
            next.run(request).await
        }
        Some(UserRole::Therapist) => Error::Forbidden.into_response(),
        None => Error::Unauthenticated("log in first").into_response(),
    }
}

/// Layer of the therapist routes: admits therapists only, with the scope of their own rows.
///
/// PostgreSQL takes a little longer for another therapist's row than for a missing one, since it reads the row before
/// the policy hides it. So no 404 is answered before [`ABSENCE`] has passed.
pub async fn therapists_only(mut request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>().map(|caller| (caller.therapist_id.clone(), caller.user_id)) {
        Some((Some(therapist), user)) => {
            let absent = Instant::now() + ABSENCE;
            request.extensions_mut().insert(Scope::Own { therapist, user });
            let response = next.run(request).await;
            if response.status() == StatusCode::NOT_FOUND {
                sleep_until(absent).await;
            }
            response
        }
        Some((None, _)) => Error::Forbidden.into_response(),
        None => Error::Unauthenticated("log in first").into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or(Error::Unauthenticated("log in first"))
    }
}
