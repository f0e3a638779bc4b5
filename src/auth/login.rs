//! Login.
//!
//! A name that does not exist, a wrong password, a disabled user, a role that cannot log in: the same answer after the
//! same work. Only after the right password does the answer say that a second factor is required.

use axum::{
    extract::State,
    http::{HeaderMap, header},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    cookie::{self, SetCookie},
    credentials::prove,
    refusal::LoginRefusal,
    second_factor::{self, Codes, Outcome},
    session::{OpenSession, open_session},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    domain::username::Username,
    error::{Result, problem::Problems},
    http::extract::Json,
    users::{Account, User},
};

/// A name and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "username": "admin", "password": "demo-password" }))]
pub(super) struct LogIn {
    /// In any letter case.
    username: String,
    /// The password.
    password: String,
    /// The code of the authenticator app, where a second factor is on.
    totp: Option<String>,
    /// Instead of it: one of the recovery codes.
    recovery_code: Option<String>,
    /// Whether the refresh token shall be a cookie, out of reach of scripts, instead of a field of the answer.
    #[serde(default)]
    cookie: bool,
}

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6ImRlbW8ifQ.e30.c2ln",
    "token_type": "Bearer",
    "expires_in": 900,
    "refresh_token": "dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIHdyaXR0ZW4",
    "user": {
        "id": 1, "username": "admin", "name": "Meera", "role": "admin",
        "created_at": "2025-01-06T04:30:00Z", "updated_at": "2025-01-06T04:30:00Z",
        "therapist_id": null, "full_name": "Meera Nair", "disabled": false, "totp_enabled": false,
        "awaiting_confirmation": false
    }
}))]
pub(super) struct Tokens {
    /// For the `Authorization` header of every request.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The seconds the access token is good for.
    expires_in: i64,
    /// Good for the next refresh; not there when it was sent as a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// The user who logged in.
    user: User,
}

/// Log in
#[utoipa::path(
    post,
    path = "/login",
    tag = "auth",
    security(()),
    request_body = LogIn,
    responses(
        (
            status = 200,
            description = "The tokens of a new session",
            body = Tokens,
            headers(("Set-Cookie" = String, description = "The refresh token, where a cookie was asked for")),
        ),
        (status = 401, description = "The name, the password or the code is not right, or a code is wanted as well"),
        Problems,
    ),
)]
pub(super) async fn log_in(
    work: Work,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<LogIn>,
) -> Result<(SetCookie, Json<Tokens>)> {
    let username = Username::meant(&body.username);
    let account = Account::by_name(&mut *app.db.unscoped().await?, &username).await?;
    let proved = prove(&app, &username, account, body.password, work.address()).await?;

    let proved = proved.ok_or(LoginRefusal::Credentials)?;
    let codes = Codes { totp: body.totp, recovery_code: body.recovery_code };
    let (done, outcome) = codes
        .guessing(&app, proved.account.id, work, async |uow, outcome| {
            let account = proved.lock(uow).await?.ok_or(LoginRefusal::Credentials)?;
            match *outcome.insert(second_factor::check(uow, account.id, &codes).await?) {
                Outcome::Passed => {}
                Outcome::Wrong => return Err(LoginRefusal::WrongCode.into()),
                Outcome::Missing => return Err(LoginRefusal::TotpRequired.into()),
            }
            proved.succeeded(uow).await?;
            let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
            let session = open_session(uow, &account, agent).await?;
            Tokens::answer(uow, session, body.cookie).await
        })
        .await?;
    if outcome == Some(Outcome::Missing) {
        proved.attempt.withdraw(&app).await?;
    }
    done
}

impl Tokens {
    /// The answer with the tokens of a session.
    pub(super) async fn answer(
        uow: &mut UnitOfWork,
        session: OpenSession,
        as_cookie: bool,
    ) -> Result<(SetCookie, Json<Self>)> {
        let now = uow.now();
        let user = User::read(uow.db(), session.caller.user_id, now).await?;
        let set_cookie =
            if as_cookie { cookie::set(&session.refresh_token, session.refresh_lifetime)? } else { cookie::keep() };
        let tokens = Self {
            access_token: session.access_token,
            token_type: "Bearer",
            expires_in: session.access_lifetime.num_seconds(),
            refresh_token: Some(session.refresh_token).filter(|_| !as_cookie),
            user,
        };
        Ok((set_cookie, Json(tokens)))
    }
}
