//! What a database of one's own must be before it is served: reached as an ordinary role, and without demo logins.

use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection};

use super::{ADMIN, DEMO_PASSWORD, THERAPIST};
use crate::platform::{password::Passwords, postgres};

/// Refuses roles that rights and row security mean nothing to.
///
/// # Errors
///
/// If it is such a role, or the database cannot be reached.
pub(super) async fn refuse_powerful_role(url: &str) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(url).await.context("the database cannot be reached")?;
    if let Some(role) = postgres::powerful_role(&mut conn).await? {
        bail!(
            "the role {role} is a superuser or bypasses row security, which a server must not: \
             connect as an ordinary role that owns the database"
        );
    }
    conn.close().await.ok();
    Ok(())
}

/// Refuses a database in which somebody can log in with the password that everybody knows.
///
/// # Errors
///
/// If there is such a login, or the database cannot be reached.
pub(super) async fn refuse_demo_logins(url: &str, passwords: &Passwords) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(url).await.context("the database cannot be reached")?;
    let names: Vec<String> = [ADMIN, THERAPIST].map(str::to_owned).into();
    let users = sqlx::query!("select username, password from users where lower(username) = any ($1)", &names)
        .fetch_all(&mut conn)
        .await?;
    conn.close().await.ok();
    for user in users {
        if passwords.verify(DEMO_PASSWORD.to_owned(), Some(user.password)).await? {
            bail!(
                "the user {0} of this database has the password of the demo, which everybody knows: \
                 give them another with `safestories user set-password --username {0}`",
                user.username
            );
        }
    }
    Ok(())
}
