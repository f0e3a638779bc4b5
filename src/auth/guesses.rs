//! Bounds on wrong guesses, over all instances: of second factors and of passwords by somebody who holds a token, per account;
//! of names, per network.
//!
//! They stand beside the delays of [`throttle`](super::throttle), which are per account and address, so that whoever has many
//! addresses has no more guesses. Nobody is locked out by a stranger: only somebody who knows the password, or holds a token,
//! makes guesses that count per account; and a network is no limit to accounts that logged in from there lately.
//!
//! A guess at an account is counted before it is checked, and withdrawn where it was right: of many at the same moment no more
//! get through than of many in a row. Failing names are counted after the check, since right passwords must not count against
//! each other; whether the bound is reached is asked before the check and once more after it.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    app::{
        guess_limits::Rate,
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    domain::ids::UserId,
    error::{Error, Result},
    http::caller::Caller,
    notifications::{Notice, NotificationKind, Recipient, notify},
    users::sessions::{self, Ending},
};

/// After how many wrong codes their user is told.
const TOLD_AFTER: i64 = 5;

/// A guess that counts against an account until it is withdrawn.
#[derive(Debug)]
#[must_use = "it counts until it is withdrawn"]
pub(super) struct Guess {
    subject: String,
    id: Vec<u8>,
    user: UserId,
    rate: Rate,
    /// The how manieth within its time it is.
    number: i64,
}

impl Guess {
    /// Counts a guess at the second factor of an account.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] where as many were wrong as may be.
    pub(super) async fn of_code(app: &App, user: UserId) -> Result<Self> {
        Self::count(app, codes_of(user), user, app.guess_limits.codes).await
    }

    /// Counts a guess at the password of an account by somebody who holds a token of it.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] where as many were wrong as may be.
    pub(super) async fn of_password(app: &App, user: UserId) -> Result<Self> {
        Self::count(app, format!("passwords of {user}"), user, app.guess_limits.passwords).await
    }

    async fn count(app: &App, subject: String, user: UserId, rate: Rate) -> Result<Self> {
        let id = Uuid::new_v4().as_bytes().to_vec();
        let number = count(app, &subject, &id, rate).await?;
        Ok(Self { subject, id, user, rate, number })
    }

    /// It was not wrong: it is not counted.
    pub(super) async fn withdraw(self, app: &App) -> Result<()> {
        let mut db = app.db.system_transaction().await?;
        forget(&mut db, &self.subject, &self.id).await?;
        db.commit().await
    }

    /// The code was wrong: its user is told of the fifth.
    pub(super) async fn code_was_wrong(self, work: Work) -> Result<()> {
        if self.number != TOLD_AFTER.min(self.rate.guesses.into()) {
            return Ok(());
        }
        let sentence = format!("{} wrong codes followed the right password", self.number);
        work.run(async |uow| {
            uow.record(Entry::new("login_alert", sentence.as_str()).on("user", self.user));
            alert(uow, self.user, &sentence).await
        })
        .await
    }

    /// The password was wrong: the session of who sent the last one that is borne ends.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if it has ended.
    pub(super) async fn password_was_wrong(self, work: Work, caller: &Caller) -> Result<()> {
        if self.number < self.rate.guesses.into() {
            return Ok(());
        }
        let sentence = format!("A session has ended, since {} wrong passwords were sent in sessions", self.number);
        work.run(async |uow| {
            sessions::end(uow, caller.user_id, caller.session_id, Ending::Guessing).await?;
            uow.record(Entry::new("session_revoke", sentence.as_str()).on("session", caller.session_id));
            alert(uow, self.user, &sentence).await
        })
        .await?;
        Err(Error::Unauthenticated("the session has ended, since too many wrong passwords were sent"))
    }
}

/// Tells a user that somebody is guessing.
async fn alert(uow: &mut UnitOfWork, user: UserId, sentence: &str) -> Result<()> {
    let from = uow.context().address.map(|address| format!(", the last from {address}")).unwrap_or_default();
    notify(
        uow,
        Notice {
            kind: NotificationKind::LoginAlert,
            title: "Wrong codes or passwords",
            message: &format!("{sentence}{from}. If this was not you, change your password and end your sessions."),
            related_id: None,
            to: &[Recipient::User(user)],
        },
    )
    .await
}

/// What the guesses at an account's second factor are counted by.
pub(super) fn codes_of(user: UserId) -> String {
    format!("codes of {user}")
}

/// A name that is tried from a network, where that counts.
#[derive(Debug)]
pub(super) struct TriedName {
    subject: String,
    /// A digest, since people type passwords into the field for the name.
    name: Vec<u8>,
}

impl TriedName {
    /// The name, unless its account logged in from there lately.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] where as many others failed from that network as may.
    pub(super) async fn of(
        app: &App,
        username: &str,
        account: Option<UserId>,
        address: Option<IpAddr>,
    ) -> Result<Option<Self>> {
        let Some(network) = address.map(network) else { return Ok(None) };
        if let Some(user) = account
            && is_known(app, user, network).await?
        {
            return Ok(None);
        }
        let name = digest(&SHA256, username.as_bytes()).as_ref().to_vec();
        let tried = Self { subject: format!("names from {network}"), name };
        tried.ensure_borne(app).await?;
        Ok(Some(tried))
    }

    /// Refuses it where as many others failed as may.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`].
    pub(super) async fn ensure_borne(&self, app: &App) -> Result<()> {
        let mut db = app.db.unscoped().await?;
        match wait(&mut db, &self.subject, &self.name, app.guess_limits.names, app.clock.now()).await? {
            None => Ok(()),
            Some(seconds) => Err(Error::TooMany(seconds)),
        }
    }

    /// Its password was wrong.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] where as many others failed meanwhile as may.
    pub(super) async fn failed(&self, app: &App) -> Result<()> {
        count(app, &self.subject, &self.name, app.guess_limits.names).await.map(|_| ())
    }

    /// Its user logged in: that it failed before is forgotten, with the transaction.
    pub(super) async fn succeeded(&self, uow: &mut UnitOfWork) -> Result<()> {
        forget(uow.db(), &self.subject, &self.name).await
    }
}

/// The network of an address, as it is given to one customer: a /24 of IPv4, a /48 of IPv6.
fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
    }
}

/// Whether an account logged in from a network lately.
async fn is_known(app: &App, user: UserId, network: IpNet) -> Result<bool> {
    let mut db = app.db.unscoped().await?;
    let known = sqlx::query_scalar!(
        r#"select exists (
               select
               from internal.sessions
               where user_id = $1
                 and created_at > $2
                 and ip_address::inet <<= $3::text::inet
           ) as "known!""#,
        user.0,
        app.clock.now() - TimeDelta::days(app.guess_limits.known_days.into()),
        network.to_string(),
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(known)
}

/// Counts a guess, unless as many others were made within the time as may; returns the how manieth it is.
async fn count(app: &App, subject: &str, guess: &[u8], rate: Rate) -> Result<i64> {
    let now = app.clock.now();
    let mut db = app.db.system_transaction().await?;
    // One after the other: two at the same moment would not see each other.
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('safestories guesses ' || $1, 0))::text as "locked""#,
        subject,
    )
    .fetch_one(&mut *db)
    .await?;
    // None is later than now: where the clock was set back, nobody waits for longer than the time.
    sqlx::query!("update internal.guesses set guessed_at = $2 where subject = $1 and guessed_at > $2", subject, now)
        .execute(&mut *db)
        .await?;
    if let Some(seconds) = wait(&mut db, subject, guess, rate, now).await? {
        db.commit().await?;
        return Err(Error::TooMany(seconds));
    }
    let number = sqlx::query_scalar!(
        r#"insert into internal.guesses (subject, guess, guessed_at)
           values ($1, $2, $3)
           on conflict (subject, guess) do update
           set guessed_at = excluded.guessed_at
           returning (
               select 1 + count(*)
               from internal.guesses
               where subject = $1
                 and guess <> $2
                 and guessed_at > $4
           ) as "number!""#,
        subject,
        guess,
        now,
        now - rate.window(),
    )
    .fetch_one(&mut *db)
    .await?;
    db.commit().await?;
    Ok(number)
}

/// For how many seconds a guess has to wait: until one of the others is older than the time. `None`: it need not.
async fn wait(
    db: &mut PgConnection,
    subject: &str,
    guess: &[u8],
    rate: Rate,
    now: DateTime<Utc>,
) -> Result<Option<u64>> {
    let ends = sqlx::query_scalar!(
        r#"select least(guessed_at, $4) as "guessed_at!"
           from internal.guesses
           where subject = $1
             and guess <> $2
             and guessed_at > $3
           order by guessed_at desc
           offset $5
           limit 1"#,
        subject,
        guess,
        now - rate.window(),
        now,
        i64::from(rate.guesses) - 1,
    )
    .fetch_optional(db)
    .await?;
    let seconds = ends.map(|guessed_at| (guessed_at + rate.window() - now).num_milliseconds());
    Ok(seconds.map(|milliseconds| u64::try_from(milliseconds).unwrap_or_default().div_ceil(1000).max(1)))
}

async fn forget(db: &mut PgConnection, subject: &str, guess: &[u8]) -> Result<()> {
    sqlx::query!("delete from internal.guesses where subject = $1 and guess = $2", subject, guess).execute(db).await?;
    Ok(())
}

/// Deletes up to `limit` guesses that no bound looks back to; returns how many.
pub(super) async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.guesses
         where (subject, guess) in (
             select subject, guess
             from internal.guesses
             where guessed_at < $1
             limit $2
             for update skip locked
         )",
        now - Rate::LONGEST,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_one_customer_has() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:7:1::1"), "2001:db8:7::/48");
    }
}
