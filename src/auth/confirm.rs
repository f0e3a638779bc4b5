//! Confirming what is grave: the password once more, and a code where the second factor is on.
//!
//! Guesses count like those at login, and against them: whoever has a token and not the password gets no more attempts
//! here than there. The password is proved before the transaction begins, since that takes a while; the code within it,
//! since it is used up by what it confirms.

use std::net::IpAddr;

use super::{
    credentials::{OrWrong, Proved, prove_again},
    second_factor::{Codes, Outcome, check},
};
use crate::platform::{
    app::App,
    caller::Caller,
    error::{Error, Result},
    work::UnitOfWork,
};

/// Somebody who knew their password a moment ago, and has still to show the code.
#[derive(Debug)]
pub struct Confirmation {
    proved: Proved,
    codes: Codes,
}

impl Confirmation {
    /// Checks the caller's password once more; `code` is one of the authenticator app, or a recovery code.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names `/password`; [`Error::TooMany`] if it was tried too often.
    pub async fn of(
        app: &App,
        caller: &Caller,
        password: String,
        code: Option<String>,
        address: Option<IpAddr>,
    ) -> Result<Self> {
        let proved = prove_again(app, caller, password, address).await?.or_wrong("/password")?;
        // Those of the app are digits; the others have letters too.
        let code = code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
        let of_app = code.as_deref().is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let codes =
            if of_app { Codes { totp: code, recovery_code: None } } else { Codes { totp: None, recovery_code: code } };
        Ok(Self { proved, codes })
    }

    /// Takes the code, where one is wanted, with the transaction. A repeat of an earlier request needs none: it does
    /// nothing, and its code was used up then.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names `/code`, or `/password` if that was changed meanwhile.
    pub async fn accept(self, mut uow: UnitOfWork) -> Result<UnitOfWork> {
        let app = uow.app().clone();
        if uow.earlier().is_some() {
            self.proved.attempt.withdraw(&app).await?;
            return Ok(uow);
        }
        let Proved { account, attempt } = self.proved.hold(&mut uow).await?.or_wrong("/password")?;
        match check(&mut uow, account.id, &self.codes).await? {
            Outcome::Passed => {}
            Outcome::Wrong => return Err(Error::body("/code", "is wrong, has expired, or was used before")),
            Outcome::Missing => {
                drop(uow);
                attempt.withdraw(&app).await?;
                return Err(Error::body("/code", "is missing: your account asks for a code of the authenticator app"));
            }
        }
        attempt.succeeded(&mut uow).await?;
        Ok(uow)
    }
}
