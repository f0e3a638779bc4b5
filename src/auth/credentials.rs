//! Checking a password, at login and again before grave operations.

use std::net::IpAddr;

use super::{
    guesses::{Guess, TriedName},
    throttle::Attempt,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    domain::username::Username,
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
    /// The name, where its failures count against a network.
    name: Option<TriedName>,
}

/// Checks a password; `None` if it is wrong. A name without an account costs the same work, and counts the same.
///
/// # Errors
///
/// [`Error::TooMany`] if it was tried too often, too many names failed from this network, or too much is being checked.
pub async fn prove(
    app: &App,
    username: &Username,
    account: Option<Account>,
    password: String,
    address: Option<IpAddr>,
) -> Result<Option<Proved>> {
    // As the account spells it: a name must not get more attempts for being written in other ways.
    let username = account.as_ref().map_or_else(|| username.key(), |account| account.username.clone());
    let attempt = Attempt::count(app, &username, address).await?;
    let name = TriedName::of(app, &username, account.as_ref().map(|account| account.id), address).await?;
    let proved = verify(app, attempt, account, password).await?;
    if let Some(name) = &name {
        match &proved {
            // Of the names that are tried at the same moment, those that come after the last that is borne are told nothing.
            Some(_) => name.ensure_borne(app).await?,
            None => name.failed(app).await?,
        }
    }
    Ok(proved.map(|proved| Proved { name, ..proved }))
}

/// Checks the caller's own password once more. Of wrong ones so many are borne, and the last ends the session.
///
/// # Errors
///
/// [`Error::TooMany`] if it was tried too often; [`Error::Unauthenticated`] if the session has ended with this, or the account
/// is gone.
pub async fn prove_again(app: &App, caller: &Caller, password: String, work: &Work) -> Result<Option<Proved>> {
    let account = Account::of_caller(app, caller).await?;
    let attempt = Attempt::count(app, &account.username, work.address()).await?;
    let guess = Guess::of_password(app, account.id).await?;
    let proved = verify(app, attempt, Some(account), password).await;
    match proved {
        Ok(None) => guess.password_was_wrong(work.beside(), caller).await?,
        _ => guess.withdraw(app).await?,
    }
    proved
}

async fn verify(app: &App, attempt: Attempt, account: Option<Account>, password: String) -> Result<Option<Proved>> {
    let account = account.filter(|account| account.rights().is_some());
    let stored = account.as_ref().map(|account| account.password.clone());
    match app.passwords.verify(password, stored).await {
        Ok(right) => Ok(account.filter(|_| right).map(|account| Proved { account, attempt, name: None })),
        Err(error) => {
            attempt.withdraw(app).await?;
            Err(error)
        }
    }
}

impl Proved {
    /// Locks the account from here on; `None` if its password was changed since it was proved.
    pub async fn lock(&self, uow: &mut UnitOfWork) -> Result<Option<Account>> {
        let locked = Account::lock(uow, self.account.id).await?;
        Ok(locked.filter(|locked| locked.password == self.account.password))
    }

    /// Deletes the counts of earlier attempts: everything asked for was right.
    pub async fn succeeded(&self, uow: &mut UnitOfWork) -> Result<()> {
        if let Some(name) = &self.name {
            name.succeeded(uow).await?;
        }
        self.attempt.succeeded(uow).await
    }

    /// Locks the account, and deletes the counts of earlier attempts: login is complete.
    pub async fn accept(self, uow: &mut UnitOfWork) -> Result<Option<Account>> {
        let Some(account) = self.lock(uow).await? else { return Ok(None) };
        self.succeeded(uow).await?;
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
