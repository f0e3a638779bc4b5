//! Setting up an authenticator app: makes a secret, which logins do not ask for yet.

use axum::extract::State;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Factor, context};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    auth::{
        credentials::{OrWrong, prove_again},
        refusal::FactorRefusal,
        totp,
    },
    crypto,
    error::{Result, problem::Problems},
    http::{caller::Caller, extract::Json},
    users::Account,
};

/// The password, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "demo-password" }))]
pub(in crate::auth) struct SetUpTotp {
    /// The present password.
    password: String,
}

/// The secret for an authenticator app; shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "otpauth_uri": "otpauth://totp/SafeStories:asha?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=SafeStories&algorithm=SHA1&digits=6&period=30"
}))]
pub(in crate::auth) struct TotpSecret {
    /// To be typed in, in base32.
    secret: String,
    /// To be shown as a QR code.
    otpauth_uri: String,
}

/// Set up a second factor
///
/// It is asked for at login from the moment it is confirmed. Until then this may be repeated; the last secret counts.
#[utoipa::path(
    post,
    path = "/me/totp",
    tag = "auth",
    request_body = SetUpTotp,
    responses(
        (status = 200, description = "A new secret", body = TotpSecret),
        (status = 409, description = "The second factor is on already"),
        Problems,
    ),
)]
pub(in crate::auth) async fn set_up_totp(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Json(body): Json<SetUpTotp>,
) -> Result<Json<TotpSecret>> {
    let proved = prove_again(&app, &caller, body.password, &work).await?.or_wrong("/password")?;
    let secret = work
        .run(async |uow| {
            let account = proved.accept(uow).await?.or_wrong("/password")?;
            set_up(uow, &account).await
        })
        .await?;
    Ok(Json(secret))
}

async fn set_up(uow: &mut UnitOfWork, account: &Account) -> Result<TotpSecret> {
    if Factor::lock(uow, account.id).await?.is_some_and(|factor| factor.confirmed) {
        return Err(FactorRefusal::On.into());
    }
    let secret: [u8; totp::SECRET_BYTES] = crypto::random()?;
    let sealed = uow.app().seals.totp.seal(&context(account.id), &secret);
    sqlx::query!(
        "insert into internal.second_factors (user_id, secret)
         values ($1, $2)
         on conflict (user_id) do update
         set secret = excluded.secret,
             last_step = null",
        account.id.0,
        sealed,
    )
    .execute(uow.db())
    .await?;
    uow.record(Entry::new("totp_set_up", "Began to set up a second factor").on("user", account.id));
    let secret = BASE32_NOPAD.encode(&secret);
    let name: String = form_urlencoded::byte_serialize(account.username.as_bytes()).collect();
    let otpauth_uri = format!(
        "otpauth://totp/SafeStories:{}?secret={secret}&issuer=SafeStories&algorithm=SHA1&digits=6&period=30",
        name.replace('+', "%20"),
    );
    Ok(TotpSecret { secret, otpauth_uri })
}
