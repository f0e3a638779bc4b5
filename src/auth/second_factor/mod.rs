//! The second factor: a code from an authenticator app, or one of ten recovery codes.
//!
//! It is asked for once a first code has confirmed it. The secret is sealed with a key derived from the server's, and
//! sealed anew whenever a code is taken, so that an old key can be retired. A code is good once: the step it belongs to
//! is kept, under the lock of its row. Recovery codes are 80 random bits each, stored hashed.

pub(super) mod confirm;
pub(super) mod remove;
pub(super) mod set_up;

use aws_lc_rs::digest::{SHA256, digest};

use super::{guesses::Guess, totp};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    domain::ids::UserId,
    error::Result,
};

/// A second factor as a request sends it.
#[derive(Debug, Default)]
pub(super) struct Codes {
    pub(super) totp: Option<String>,
    pub(super) recovery_code: Option<String>,
}

/// The result of checking a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// None is required, or it was right.
    Passed,
    /// One is required, and there was none.
    Missing,
    /// It was not right.
    Wrong,
}

impl Codes {
    /// Runs work that checks these codes and says with which result, if it came to that. A wrong one counts against the
    /// account.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`](crate::error::Error::TooMany) where as many were wrong as may be; and the errors of the work.
    pub(super) async fn guessing<T>(
        &self,
        app: &App,
        user: UserId,
        work: Work,
        act: impl AsyncFnOnce(&mut UnitOfWork, &mut Option<Outcome>) -> Result<T>,
    ) -> Result<(Result<T>, Option<Outcome>)> {
        let given = self.totp.is_some() || self.recovery_code.is_some();
        let guess = if given { Some(Guess::of_code(app, user).await?) } else { None };
        let (beside, mut outcome) = (work.beside(), None);
        let done = work.run(async |uow| act(uow, &mut outcome).await).await;
        match (guess, outcome) {
            (Some(guess), Some(Outcome::Wrong)) => guess.code_was_wrong(beside).await?,
            (Some(guess), _) => guess.withdraw(app).await?,
            (None, _) => {}
        }
        Ok((done, outcome))
    }
}

/// Checks the sent codes against the user's; a right code is used up, with the transaction.
pub(super) async fn check(uow: &mut UnitOfWork, user: UserId, codes: &Codes) -> Result<Outcome> {
    let Some(factor) = Factor::lock(uow, user).await?.filter(|factor| factor.confirmed) else {
        return Ok(Outcome::Passed);
    };
    let right = match (&codes.totp, &codes.recovery_code) {
        (Some(code), _) => factor.take(uow, code).await?,
        (None, Some(code)) => take_recovery_code(uow, user, code).await?,
        (None, None) => return Ok(Outcome::Missing),
    };
    Ok(if right { Outcome::Passed } else { Outcome::Wrong })
}

/// A user's authenticator app, as stored.
#[derive(Debug)]
struct Factor {
    user: UserId,
    sealed: Vec<u8>,
    confirmed: bool,
    last_step: Option<i64>,
}

impl Factor {
    /// The factor of a user, and no change to it until the transaction ends.
    async fn lock(uow: &mut UnitOfWork, user: UserId) -> Result<Option<Self>> {
        let factor = sqlx::query_as!(
            Self,
            r#"select user_id as "user: UserId",
                      secret as "sealed",
                      confirmed_at is not null as "confirmed!",
                      last_step
               from internal.second_factors
               where user_id = $1
               for no key update"#,
            user.0,
        )
        .fetch_optional(uow.db())
        .await?;
        Ok(factor)
    }

    /// Takes a code, if it is right: it is not taken again.
    async fn take(&self, uow: &mut UnitOfWork, code: &str) -> Result<bool> {
        let now = uow.now();
        let Some(secret) = uow.app().seals.totp.open(&context(self.user), &self.sealed) else {
            tracing::error!("a second factor was sealed with a key that is not configured any more");
            return Ok(false);
        };
        let Some(step) = totp::matching_step(&secret, code, now, self.last_step) else {
            return Ok(false);
        };
        let sealed = uow.app().seals.totp.seal(&context(self.user), &secret);
        sqlx::query!(
            "update internal.second_factors
             set last_step = $2,
                 secret = $3,
                 confirmed_at = coalesce(confirmed_at, $4)
             where user_id = $1",
            self.user.0,
            step,
            sealed,
            now,
        )
        .execute(uow.db())
        .await?;
        Ok(true)
    }
}

/// The associated data that a sealed secret is bound to.
fn context(user: UserId) -> String {
    format!("totp of {user}")
}

/// Takes a recovery code, if it is right and unused.
async fn take_recovery_code(uow: &mut UnitOfWork, user: UserId, code: &str) -> Result<bool> {
    let now = uow.now();
    let taken = sqlx::query!(
        "update internal.recovery_codes
         set used_at = $3
         where user_id = $1
           and code_hash = $2
           and used_at is null",
        user.0,
        recovery_hash(code),
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// The stored form of a recovery code, whatever case and dashes it is written with.
fn recovery_hash(code: &str) -> Vec<u8> {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    digest(&SHA256, bare.to_ascii_uppercase().as_bytes()).as_ref().to_vec()
}
