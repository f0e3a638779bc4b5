//! Turning off the second factor.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Codes, Outcome, check};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    auth::{
        credentials::{OrWrong, prove_again},
        refusal::FactorRefusal,
        throttle::Attempt,
    },
    domain::ids::UserId,
    error::{Error, Result, problem::Problems},
    http::{caller::Caller, extract::Json},
    users::Account,
};

/// One of these: the password, a code of the app, or a recovery code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "demo-password" }))]
pub(in crate::auth) struct RemoveTotp {
    /// The present password.
    password: Option<String>,
    /// The code of the app.
    totp: Option<String>,
    /// A recovery code.
    recovery_code: Option<String>,
}

/// Turn off the second factor
///
/// Needs the password, a code of the app, or a recovery code. The recovery codes go with it.
#[utoipa::path(
    delete,
    path = "/me/totp",
    tag = "auth",
    request_body = RemoveTotp,
    responses(
        (status = 204, description = "The second factor is off"),
        (status = 409, description = "There is none"),
        Problems,
    ),
)]
pub(in crate::auth) async fn remove_totp(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Json(body): Json<RemoveTotp>,
) -> Result<StatusCode> {
    match body {
        RemoveTotp { password: Some(password), totp: None, recovery_code: None } => {
            let proved = prove_again(&app, &caller, password, &work).await?.or_wrong("/password")?;
            work.run(async |uow| {
                proved.accept(uow).await?.or_wrong("/password")?;
                remove(uow, caller.user_id).await
            })
            .await?;
        }
        RemoveTotp { password: None, totp, recovery_code } if totp.is_some() != recovery_code.is_some() => {
            let place = if totp.is_some() { "/totp" } else { "/recovery_code" };
            let account = Account::of_caller(&app, &caller).await?;
            let attempt = Attempt::count(&app, &account.username, work.address()).await?;
            let codes = Codes { totp, recovery_code };
            let (done, _) = codes
                .guessing(&app, account.id, work, async |uow, outcome| {
                    if *outcome.insert(check(uow, caller.user_id, &codes).await?) != Outcome::Passed {
                        return Err(Error::body(place, "is wrong, has expired, or was used before"));
                    }
                    attempt.succeeded(uow).await?;
                    remove(uow, caller.user_id).await
                })
                .await?;
            done?;
        }
        _ => return Err(Error::body("", "send one of password, totp and recovery_code")),
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(uow: &mut UnitOfWork, user: UserId) -> Result<()> {
    let removed =
        sqlx::query!("delete from internal.second_factors where user_id = $1", user.0).execute(uow.db()).await?;
    if removed.rows_affected() == 0 {
        return Err(FactorRefusal::Off.into());
    }
    sqlx::query!("delete from internal.recovery_codes where user_id = $1", user.0).execute(uow.db()).await?;
    uow.record(Entry::new("totp_disable", "Turned off the second factor").on("user", user));
    Ok(())
}
