//! Checks a database before it is served: the role must be an ordinary one, and demo logins must not exist.

use anyhow::{Context, anyhow, bail};
use sqlx::{Connection, PgConnection};

use super::private::DEMO_HASH;
use crate::db::{
    migrate,
    pool::{self, Db},
};

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    // Its text names its cause already.
    PgConnection::connect(url).await.map_err(|error| anyhow!("the database cannot be reached: {error}"))
}

/// Refuses roles that rights and row security mean nothing to.
///
/// # Errors
///
/// If it is such a role, or the database cannot be reached.
pub(super) async fn refuse_powerful_role(url: &str) -> anyhow::Result<()> {
    let mut conn = connect(url).await?;
    if let Some(role) = pool::powerful_role(&mut conn).await? {
        bail!(
            "the role {role} is a superuser or bypasses row security, which a server must not: \
             connect as an ordinary role that owns the database"
        );
    }
    conn.close().await.ok();
    Ok(())
}

/// Refuses a database whose row-level security is not whole, or where therapists' requests cannot log in as they have to.
/// Warns of functions that PostgreSQL may call in place of its own, or that give everybody their owner's rights.
///
/// # Errors
///
/// If so, or if the database cannot be reached.
pub(super) async fn refuse_without_rls(url: &str, db: &Db) -> anyhow::Result<()> {
    let mut conn = connect(url).await?;
    migrate::check_rls(&mut conn).await?;
    for suspect in migrate::suspect_functions(&mut conn).await? {
        tracing::warn!("{suspect}");
    }
    conn.close().await.ok();
    db.check_therapists().await.context("therapists' requests cannot log in to the database as a role of their own")
}

/// Refuses a database in which somebody can log in with the password that everybody knows: one that was private.
///
/// # Errors
///
/// If there is such a login, or the database cannot be reached.
pub(super) async fn refuse_demo_logins(url: &str) -> anyhow::Result<()> {
    let mut conn = connect(url).await?;
    let username = sqlx::query_scalar!(
        r#"select coalesce(username, '') as "username!"
         from users
         join internal.properties on properties.name = $1 and properties.value = users.password
         order by users.id
         limit 1"#,
        DEMO_HASH,
    )
    .fetch_optional(&mut conn)
    .await?;
    conn.close().await.ok();
    if let Some(username) = username {
        bail!(
            "the user {username} of this database has the password of the demo, which everybody knows: \
             give them another with `safestories user set-password --username {username}`"
        );
    }
    Ok(())
}
