//! Checking a password, at login and again before grave operations.

use std::net::IpAddr;

use super::throttle::Attempt;
use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    error::{Error, Result},
    http::caller::Caller,
    users::Account,
};

/// Somebody whose password was right a moment ago, and the attempt that showed it.
#[derive(Debug)]
pub struct Proved {
    /// The account.
    pub account: Account,
    /// The attempt, to be ended according to the result.
    pub attempt: Attempt,
}

/// Checks a password; `None` if it is wrong. A name without an account costs the same work, and counts the same.
///
/// # Errors
///
/// [`Error::TooMany`] if it was tried too often, or too much is being checked.
pub async fn prove(
    app: &App,
    username: &str,
    account: Option<Account>,
    password: String,
    address: Option<IpAddr>,
) -> Result<Option<Proved>> {
    // As the account spells it: a name must not get more attempts for being written in other ways.
    let username = account.as_ref().map_or_else(|| username.to_lowercase(), |account| account.username.clone());
    let attempt = Attempt::count(app, &username, address).await?;
    let account = account.filter(|account| account.rights().is_some());
    let stored = account.as_ref().map(|account| account.password.clone());
    let right = match app.passwords.verify(password, stored).await {
        Ok(right) => right,
        Err(error) => {
            attempt.withdraw(app).await?;
            return Err(error);
        }
    };
    Ok(account.filter(|_| right).map(|account| Proved { account, attempt }))
}

/// Checks the caller's own password once more.
///
/// # Errors
///
/// As [`prove`], and if the account may not log in any more.
pub async fn prove_again(
    app: &App,
    caller: &Caller,
    password: String,
    address: Option<IpAddr>,
) -> Result<Option<Proved>> {
    let account = Account::of_caller(app, caller).await?;
    prove(app, &account.username.clone(), Some(account), password, address).await
}

impl Proved {
    /// Locks the account from here on; `None` if its password was changed since it was proved.
    pub async fn lock(&self, uow: &mut UnitOfWork) -> Result<Option<Account>> {
        let locked = Account::lock(uow, self.account.id).await?;
        Ok(locked.filter(|locked| locked.password == self.account.password))
    }

    /// Locks the account, and deletes the counts of earlier attempts: login is complete.
    pub async fn accept(self, uow: &mut UnitOfWork) -> Result<Option<Account>> {
        let Some(account) = self.lock(uow).await? else { return Ok(None) };
        self.attempt.succeeded(uow).await?;
        Ok(Some(account))
    }
}

/// Turns a wrong password of a logged-in user into an invalid value: they need not log in again.
pub trait OrWrong<T> {
    /// The value; if there is none, an error that names the field.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    fn or_wrong(self, pointer: &str) -> Result<T>;
}

impl<T> OrWrong<T> for Option<T> {
    fn or_wrong(self, pointer: &str) -> Result<T> {
        self.ok_or_else(|| Error::body(pointer, "is not your present password"))
    }
}
