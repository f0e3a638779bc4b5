//! Confirming grave operations: the password once more, and a code where the second factor is on.
//!
//! Attempts are counted together with those at login, so that a stolen token gives no more guesses. The password is
//! checked before the transaction begins, since hashing takes a while; the code within it, since the operation uses it
//! up. Where both were right and the operation is refused for another reason, the attempt is not counted.

use super::{
    credentials::{OrWrong, Proved, prove_again},
    second_factor::{Codes, Outcome, check},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    error::{Error, Result},
    http::caller::Caller,
    users::Confirm,
};

impl Confirm {
    /// Checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names `/confirmation/password`; [`Error::TooMany`] if it was tried too often.
    pub async fn check(self, app: &App, caller: &Caller, work: &Work) -> Result<Confirmation> {
        Confirmation::at(app, caller, self.password, self.code, work, ["/confirmation/password", "/confirmation/code"])
            .await
    }
}

/// Somebody who knew their password a moment ago, and has still to show the code.
#[derive(Debug)]
pub struct Confirmation {
    app: App,
    proved: Proved,
    codes: Codes,
    /// Where the body has the password and the code.
    places: [&'static str; 2],
}

impl Confirmation {
    /// Checks the caller's password once more; `code` is one of the authenticator app, or a recovery code.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names `/password`; [`Error::TooMany`] if it was tried too often.
    pub async fn of(app: &App, caller: &Caller, password: String, code: Option<String>, work: &Work) -> Result<Self> {
        Self::at(app, caller, password, code, work, ["/password", "/code"]).await
    }

    async fn at(
        app: &App,
        caller: &Caller,
        password: String,
        code: Option<String>,
        work: &Work,
        places: [&'static str; 2],
    ) -> Result<Self> {
        let proved = prove_again(app, caller, password, work).await?.or_wrong(places[0])?;
        // Those of the app are digits; the others have letters too.
        let code = code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
        let of_app = code.as_deref().is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let codes =
            if of_app { Codes { totp: code, recovery_code: None } } else { Codes { totp: None, recovery_code: code } };
        Ok(Self { app: app.clone(), proved, codes, places })
    }

    /// Runs the work, and uses up the code in its transaction, where one is required, before the confirmed operation. A repeat
    /// of an earlier request needs no code: it does nothing, and its code was used up then.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names the code, or the password if that was changed meanwhile; and the errors of `act`.
    pub async fn run<T>(self, work: Work, act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T>) -> Result<T> {
        let Self { app, proved, codes, places: [password, code] } = self;
        let (done, outcome) = codes
            .guessing(&app, proved.account.id, work, async |uow, outcome| {
                if !uow.is_repeat() {
                    let account = proved.lock(uow).await?.or_wrong(password)?;
                    match *outcome.insert(check(uow, account.id, &codes).await?) {
                        Outcome::Passed => proved.succeeded(uow).await?,
                        Outcome::Wrong => {
                            return Err(Error::body(code, "is wrong, has expired, or was used before"));
                        }
                        Outcome::Missing => {
                            let advice = "is missing: your account asks for a code of the authenticator app";
                            return Err(Error::body(code, advice));
                        }
                    }
                }
                act(uow).await
            })
            .await?;
        match (outcome, &done) {
            // It counts, or is forgotten with those before it.
            (Some(Outcome::Wrong), _) | (Some(Outcome::Passed), Ok(_)) => {}
            _ => proved.attempt.withdraw(&app).await?,
        }
        done
    }
}
