//! Confirming an authenticator app with its first code: from then on logins ask for a code.

use axum::extract::State;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Codes, Factor, Outcome, recovery_hash};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    auth::{refusal::FactorRefusal, throttle::Attempt},
    crypto,
    domain::ids::UserId,
    error::{Error, Result, problem::Problems},
    http::{caller::Caller, extract::Json},
    users::Account,
};

const RECOVERY_CODES: usize = 10;

/// The first code of the app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "123456" }))]
pub(in crate::auth) struct ConfirmTotp {
    /// Six digits.
    code: String,
}

/// Codes for the day the app is lost, each good once; shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "recovery_codes": ["MFRG-GZDF-MZTW-Q2LK"] }))]
pub(in crate::auth) struct RecoveryCodes {
    /// The codes, to be kept on paper.
    recovery_codes: Vec<String>,
}

/// Confirm the second factor
///
/// From now on it is asked for at login. The answer holds ten recovery codes, which are not shown again.
#[utoipa::path(
    post,
    path = "/me/totp/confirm",
    tag = "auth",
    request_body = ConfirmTotp,
    responses(
        (status = 200, description = "The second factor is on", body = RecoveryCodes),
        (status = 409, description = "It is on already, or none is being set up"),
        Problems,
    ),
)]
pub(in crate::auth) async fn confirm_totp(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Json(body): Json<ConfirmTotp>,
) -> Result<Json<RecoveryCodes>> {
    let account = Account::of_caller(&app, &caller).await?;
    let attempt = Attempt::count(&app, &account.username, work.address()).await?;
    let first = Codes { totp: Some(body.code.clone()), recovery_code: None };
    let (done, _) = first
        .guessing(&app, account.id, work, async |uow, outcome| {
            let codes = confirm(uow, caller.user_id, &body.code, outcome).await?;
            attempt.succeeded(uow).await?;
            Ok(codes)
        })
        .await?;
    Ok(Json(done?))
}

async fn confirm(
    uow: &mut UnitOfWork,
    user: UserId,
    code: &str,
    outcome: &mut Option<Outcome>,
) -> Result<RecoveryCodes> {
    let factor = Factor::lock(uow, user).await?.ok_or(FactorRefusal::Off)?;
    if factor.confirmed {
        return Err(FactorRefusal::On.into());
    }
    if !factor.take(uow, code).await? {
        *outcome = Some(Outcome::Wrong);
        return Err(Error::body("/code", "is not the present code of the app"));
    }
    let recovery_codes = replace_recovery_codes(uow, user).await?;
    uow.record(Entry::new("totp_enable", "Turned on the second factor").on("user", user));
    Ok(RecoveryCodes { recovery_codes })
}

async fn replace_recovery_codes(uow: &mut UnitOfWork, user: UserId) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<_>>()?;
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| recovery_hash(code)).collect();
    sqlx::query!("delete from internal.recovery_codes where user_id = $1", user.0).execute(uow.db()).await?;
    sqlx::query!(
        "insert into internal.recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])",
        user.0,
        &hashes,
    )
    .execute(uow.db())
    .await?;
    Ok(codes)
}

/// 80 random bits, in groups of four letters and digits.
fn recovery_code() -> Result<String> {
    let letters: Vec<char> = BASE32_NOPAD.encode(&crypto::random::<10>()?).chars().collect();
    Ok(letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}
