//! The rules for passwords, and changing a user's password.

use sqlx::PgConnection;

use crate::{app::unit_of_work::UnitOfWork, audit::entry::Entry, domain::ids::UserId, error::Result};

use super::{
    calendar_links,
    changes::{self, AccountChange},
    disable::lock,
    links,
    sessions::{self, Ending},
};

/// Stands where a password has still to be set: it is no hash, and never matches.
pub const UNSET: &str = "!";

/// The fewest and the most characters of a password.
const MIN: usize = 12;
const MAX: usize = 128;

/// The commonest passwords that are long enough, in lower case; from lists of leaked ones.
const COMMONEST: [&str; 40] = [
    "000000000000",
    "0123456789ab",
    "0987654321qw",
    "102030405060",
    "111111111111",
    "112233445566",
    "121212121212",
    "123123123123",
    "1234567890ab",
    "1234567890-=",
    "123456789012",
    "1234567890123",
    "123456789abc",
    "12345678910111",
    "123456qwerty",
    "123qweasdzxc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abc123456789",
    "abcdefghijkl",
    "aaaaaaaaaaaa",
    "administrator",
    "asdfghjkl123",
    "changeme1234",
    "iloveyou1234",
    "letmein12345",
    "motdepasse123",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "welcome12345",
    "zaq12wsxcde3",
];

/// Checks a new password against the rules, among them the login name.
///
/// # Errors
///
/// The sentence to show beside the field.
pub fn check(password: &str, username: &str) -> Result<(), &'static str> {
    let length = password.chars().take(MAX + 1).count();
    let lower = password.to_lowercase();
    if length < MIN {
        Err("must have at least 12 characters")
    } else if length > MAX {
        Err("must have at most 128 characters")
    } else if lower == username.to_lowercase() {
        Err("must not be the user name")
    } else if COMMONEST.contains(&lower.as_str()) || is_one_character(&lower) {
        Err("is one of the commonest passwords")
    } else {
        Ok(())
    }
}

fn is_one_character(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| chars.all(|other| other == first))
}

/// Sets a user's password, by its hash, and ends all sessions but `except`.
pub async fn set(uow: &mut UnitOfWork, user: UserId, hash: &str, except: Option<uuid::Uuid>) -> Result<()> {
    let ended = sessions::end_all(uow, user, Ending::Password, except).await?;
    let named = write(uow, user, hash).await?;
    let entry = Entry::new("password_change", format!("Changed the password of {named}")).on("user", user);
    uow.record(entry.detail(serde_json::json!({ "sessions_ended": ended })));
    Ok(())
}

/// Takes the password of a user away, ends all their sessions, and revokes the link to their calendar: they set another
/// password by a link.
///
/// # Errors
///
/// If there is no such user.
pub async fn reset(uow: &mut UnitOfWork, user: UserId) -> Result<()> {
    // Locked first: a link to the calendar that is being made would be missed.
    let named = lock(uow, user).await?.username;
    let ended = sessions::end_all(uow, user, Ending::Password, None).await?;
    calendar_links::revoke(uow, user).await?;
    write(uow, user, UNSET).await?;
    let entry = Entry::new("password_reset", format!("Reset the password of {named}")).on("user", user);
    uow.record(entry.detail(serde_json::json!({ "sessions_ended": ended })));
    changes::note(uow, user, AccountChange::PasswordReset, None).await
}

/// Whether a user has set a password since the account was made or reset.
pub async fn is_set(db: &mut PgConnection, user: UserId) -> Result<bool> {
    let set = sqlx::query_scalar!(
        r#"select exists (select from users where id = $1 and password <> $2) as "set!""#,
        user.0,
        UNSET,
    )
    .fetch_one(db)
    .await?;
    Ok(set)
}

/// Writes a hash where the password was; returns the user name. A link by which another could be set is revoked.
pub(super) async fn write(uow: &mut UnitOfWork, user: UserId, hash: &str) -> Result<String> {
    links::revoke(uow, user).await?;
    let now = uow.now();
    let named = sqlx::query_scalar!(
        r#"with written as (
               update users
               set password = $2,
                   updated_at = $3
               where id = $1
               returning id, username
           ), noted as (
               insert into internal.accounts (user_id, password_changed_at)
               select id, $4
               from written
               on conflict (user_id) do update
               set password_changed_at = excluded.password_changed_at
           )
           select coalesce(username, '') as "username!"
           from written"#,
        user.0,
        hash,
        now.naive_utc(),
        now,
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(named.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_long_and_guessable_passwords_are_refused() {
        assert_eq!(check("a long enough one", "asha"), Ok(()));
        assert_eq!(check("éléphants rôses", "asha"), Ok(()));
        assert_eq!(check(&"ab".repeat(64), "asha"), Ok(()));
        for (password, username) in [
            ("eleven char", "asha"),
            ("", "asha"),
            ("Asha.Rao.2026", "asha.rao.2026"),
            ("Password1234", "asha"),
            ("zzzzzzzzzzzzzzzz", "asha"),
        ] {
            assert!(check(password, username).is_err(), "{password}");
        }
        assert!(check(&"ab".repeat(65), "asha").is_err());
    }

    #[test]
    fn the_commonest_are_listed_as_they_are_compared() {
        assert!(COMMONEST.iter().all(|common| common.chars().count() >= MIN && common.to_lowercase() == *common));
    }
}
