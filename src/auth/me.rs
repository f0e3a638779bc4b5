//! The caller's own account: reading and correcting the profile, changing the password.
//!
//! After a change of password no earlier token is good: all sessions end. The caller's goes on under another id, with the
//! tokens of the answer, and ends when it would have ended.

use axum::{extract::State, http::HeaderMap};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    cookie::{self, SetCookie},
    credentials::{OrWrong, prove_again},
    login::Tokens,
    session::{self, OpenSession},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        etag::{Preconditions, Versioned},
        extract::Json,
    },
    users::{self, Account, EditProfile, User, password, sessions},
};

/// Get my profile
#[utoipa::path(
    get,
    path = "/me",
    tag = "auth",
    responses(
        (status = 200, description = "The caller", body = User),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_me(caller: Caller, State(app): State<App>, unless: Preconditions) -> Result<Versioned<User>> {
    let mut db = app.db.unscoped().await?;
    Ok(User::read(&mut db, caller.user_id, app.clock.now()).await?.versioned().unless(unless))
}

/// Edit my profile
///
/// JSON merge patch.
#[utoipa::path(
    patch,
    path = "/me",
    tag = "auth",
    params(Preconditions),
    request_body = EditProfile,
    responses((status = 200, description = "Corrected", body = User), Problems),
)]
pub(super) async fn edit_me(
    caller: Caller,
    work: Work,
    when: Preconditions,
    Json(patch): Json<EditProfile>,
) -> Result<Versioned<User>> {
    let user = work.run(async |uow| users::edit_profile(uow, caller.user_id, patch, &when).await).await?;
    Ok(user.versioned())
}

/// The present password and the next.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current_password": "demo-password", "new_password": "a long enough password" }))]
pub(super) struct ChangePassword {
    /// The present password.
    current_password: String,
    /// 12 to 128 characters; neither the user name nor one of the commonest.
    #[schema(min_length = 12, max_length = 128)]
    new_password: String,
}

/// Change my password
///
/// Ends all my sessions and all their tokens. This one goes on under another id, with the tokens of the answer: the refresh
/// token is sent as a cookie where it was one.
#[utoipa::path(
    post,
    path = "/me/password",
    tag = "auth",
    request_body = ChangePassword,
    responses(
        (
            status = 200,
            description = "Changed; the new tokens of this session",
            body = Tokens,
            headers(("Set-Cookie" = String, description = "The refresh token, where it was a cookie")),
        ),
        Problems,
    ),
)]
pub(super) async fn change_password(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<ChangePassword>,
) -> Result<(SetCookie, Json<Tokens>)> {
    let account = Account::of_caller(&app, &caller).await?;
    password::check(&body.new_password, &account.username).map_err(|fault| Error::body("/new_password", fault))?;
    let proved = prove_again(&app, &caller, body.current_password, &work).await?;
    let proved = proved.or_wrong("/current_password")?;
    let hash = app.passwords.hash(body.new_password).await?;
    work.run(async |uow| {
        // Before `accept` shares it: of two that shared the lock, neither could change the row.
        sessions::lock_user(uow, caller.user_id).await?;
        let account = proved.accept(uow).await?.or_wrong("/current_password")?;
        let as_cookie = match cookie::read(&headers) {
            Some(token) => session::is_token_of(uow, token, caller.session_id).await?,
            None => false,
        };
        let session = change(uow, &account, &caller, &hash).await?;
        Tokens::answer(uow, session, as_cookie).await
    })
    .await
}

/// Gives a user another password, and their session other tokens.
async fn change(uow: &mut UnitOfWork, account: &Account, caller: &Caller, hash: &str) -> Result<OpenSession> {
    let renewed = sessions::renew(uow, account.id, caller.session_id).await?;
    let (session, began) = renewed.ok_or(Error::Unauthenticated("the session has ended"))?;
    password::set(uow, account.id, hash, Some(session)).await?;
    uow.record(Entry::new("session_renew", "Went on with a session under another id").on("session", session).quiet());
    let caller = session::caller_of(account, session).or_wrong("/current_password")?;
    let token = session::new_secret()?;
    session::keep(uow, session, &token).await?;
    session::hand_out(uow, caller, began, token)
}
