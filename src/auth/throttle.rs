//! Limits the attempts to guess a password or a code.
//!
//! Attempts are counted by account and address together, in the database, so that every instance knows and nobody can
//! lock another out from elsewhere. Each one is counted before anything is checked: of a hundred at the same moment no
//! more get through than of a hundred in a row. After five without success the next has to wait, longer every time. A
//! name that nobody has is counted like any other, and a success forgets them all.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    crypto::password::{Key, Turn},
    error::{Error, Result},
};

/// The seconds to wait after the fifth attempt, after the sixth…; the last stands for all that follow.
const DELAYS: [i32; 9] = [5, 10, 20, 40, 80, 160, 320, 640, LONGEST];
const LONGEST: i32 = 900;

/// An attempt that is being checked. Dropped, it stays counted as a failure.
#[derive(Debug)]
#[must_use = "dropped, it counts as a failure"]
pub struct Attempt {
    key: Key,
    number: i32,
    _turn: Turn,
}

impl Attempt {
    /// Counts one, unless it comes too early.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] with the seconds to wait.
    pub async fn count(app: &App, username: &str, address: Option<IpAddr>) -> Result<Self> {
        let key = key(username, address);
        let turn = app.passwords.turn(key).await;
        let now = app.clock.now();
        let mut db = app.db.system_transaction().await?;
        let number = sqlx::query_scalar!(
            "insert into internal.login_attempts as a (attempt_key, failures, last_failed_at)
             values ($1, 1, $2)
             on conflict (attempt_key) do update
             set failures = case when a.last_failed_at < $2 - interval '1 day' then 1 else a.failures + 1 end,
                 last_failed_at = $2
             where a.failures < 5
                or a.last_failed_at + ($3::integer[])[least(a.failures - 4, cardinality($3))] * interval '1 second' <= $2
             returning failures",
            &key,
            now,
            &DELAYS,
        )
        .fetch_optional(&mut *db)
        .await?;
        if let Some(number) = number {
            db.commit().await?;
            return Ok(Self { key, number, _turn: turn });
        }
        // The last one is not later than now: where the clock was set back, nobody waits for longer than the delay.
        let wait = sqlx::query_scalar!(
            r#"with set_back as (
                   update internal.login_attempts
                   set last_failed_at = $2
                   where attempt_key = $1
                     and last_failed_at > $2
               )
               select ceil(extract(epoch from
                   least(last_failed_at, $2) + ($3::integer[])[least(failures - 4, cardinality($3))] * interval '1 second' - $2
               ))::bigint as "seconds!"
               from internal.login_attempts
               where attempt_key = $1
                 and failures >= 5"#,
            &key,
            now,
            &DELAYS,
        )
        .fetch_optional(&mut *db)
        .await?;
        db.commit().await?;
        Err(Error::TooMany(wait.and_then(|seconds| u64::try_from(seconds).ok()).map_or(1, |seconds| seconds.max(1))))
    }

    /// It proved who they are: everything before it is forgotten, with the transaction.
    pub async fn succeeded(&self, uow: &mut UnitOfWork) -> Result<()> {
        sqlx::query!("delete from internal.login_attempts where attempt_key = $1", &self.key).execute(uow.db()).await?;
        Ok(())
    }

    /// The attempt proved nothing: it is not counted, and the next one need not wait for it.
    pub async fn withdraw(self, app: &App) -> Result<()> {
        let mut db = app.db.system_transaction().await?;
        sqlx::query!(
            "update internal.login_attempts
             set failures = failures - 1,
                 last_failed_at = case when failures = $2 then $3 else last_failed_at end
             where attempt_key = $1
               and failures > 0",
            &self.key,
            self.number,
            app.clock.now() - TimeDelta::seconds(LONGEST.into()),
        )
        .execute(&mut *db)
        .await?;
        db.commit().await
    }
}

/// The key by which attempts are counted; a digest, since people type passwords into the field for the name.
fn key(username: &str, address: Option<IpAddr>) -> Key {
    let network = match address {
        // One host with IPv6 usually has a whole /64 network.
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        None => Vec::new(),
    };
    let mut key = Key::default();
    key.copy_from_slice(digest(&SHA256, &[username.as_bytes(), b"\0", &network].concat()).as_ref());
    key
}

/// Deletes up to `limit` counts of attempts that delay nobody any more; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.login_attempts
         where attempt_key = any (array(
             select attempt_key
             from internal.login_attempts
             where last_failed_at < $1
             limit $2
             for update skip locked
         ))",
        now - TimeDelta::days(1),
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
    fn attempts_count_by_name_and_network() {
        let of = |name: &str, address: &str| key(name, Some(address.parse().unwrap()));
        assert_eq!(of("asha", "2001:db8::1"), of("asha", "2001:db8::ffff:2"));
        assert_ne!(of("asha", "2001:db8::1"), of("asha", "2001:db8:0:1::1"));
        assert_ne!(of("asha", "192.0.2.1"), of("asha", "192.0.2.2"));
        assert_ne!(of("asha", "192.0.2.1"), of("ravi", "192.0.2.1"));
    }
}
