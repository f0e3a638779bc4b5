//! A practice of one's own for trials: a PostgreSQL in the data folder, a secret beside it, made-up people in it.
//!
//! Everybody knows its logins, so it is served on loopback addresses only.

use std::{
    io::{Write, stdout},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::bail;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::{
    key_file,
    progress::{patiently, say},
};
use crate::{
    audit::key::AuditKey,
    crypto::{password::Passwords, secret::Secrets},
    dev::{
        demo::{self, ADMIN, THERAPIST},
        embedded::{Embedded, Options},
    },
};

/// The name in `internal.properties` under which the hash of the demo's password is: the demo has been loaded, and who has that
/// very hash has a password that everybody knows.
pub(super) const DEMO_HASH: &str = "demo_password_hash";

/// The password of both logins of the demo.
pub(super) const DEMO_PASSWORD: &str = "demo-password";

/// How the data folder is used.
pub(super) fn options(folder: PathBuf) -> Options {
    Options { home: folder, durable: true, wait: false }
}

/// Refuses addresses that others can reach.
///
/// # Errors
///
/// If it is one.
pub(super) fn refuse_public(address: SocketAddr) -> anyhow::Result<()> {
    if !address.ip().to_canonical().is_loopback() {
        bail!(
            "{address} can be reached by others, and everybody knows the logins of the demo: listen on 127.0.0.1, \
             or set DATABASE_URL to a database of your own"
        );
    }
    Ok(())
}

/// Starts PostgreSQL in the data folder, and finds or makes the secrets.
///
/// # Errors
///
/// A sentence that says why it cannot run.
pub(super) async fn start(folder: PathBuf) -> anyhow::Result<(Embedded, Secrets, AuditKey)> {
    let options = options(folder);
    // Where nobody waits for it any more, it ends its start and then stops.
    let starting = tokio::task::spawn_blocking(move || {
        let embedded = Embedded::start(&options, &say)?;
        let (secrets, audit_key) = key_file::read_or_make(embedded.home())?;
        anyhow::Ok((embedded, secrets, audit_key))
    });
    starting.await?
}

/// Loads the demo and its logins, all or nothing, if that has not been done and no other practice is there.
pub(super) async fn load_demo(url: &str, passwords: &Passwords, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(url).await?;
    let done = sqlx::query_scalar!(
        r#"select (exists (select from internal.properties where name = $1)
                   or exists (select from bookings)
                   or exists (select from all_clients_table)
                   or exists (select from therapists)
                   or exists (select from users)) as "done!""#,
        DEMO_HASH,
    )
    .fetch_one(&mut conn)
    .await?;
    if !done {
        let loading = load(&mut conn, passwords, now);
        patiently("Making up a practice: therapists, clients, 3,000 bookings", loading).await?;
    }
    conn.close().await?;
    Ok(())
}

async fn load(conn: &mut PgConnection, passwords: &Passwords, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    // Shorter than a password may be: it is no secret.
    let hash = passwords.hash(DEMO_PASSWORD.to_owned()).await?;
    demo::load_first(&mut tx, now, &hash).await?;
    sqlx::query!("insert into internal.properties (name, value) values ($1, $2)", DEMO_HASH, hash)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Prints where everything is, and three lines to paste.
pub(super) fn print_banner(address: SocketAddr, folder: &Path) {
    let base = format!("http://{address}");
    let token = |username: &str| {
        format!(
            r#"$(curl -s {base}/api/v1/auth/login -H 'Content-Type: application/json' -d '{{"username":"{username}","password":"{DEMO_PASSWORD}"}}' | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"#
        )
    };
    let text = format!(
        r#"
SafeStories runs at {base}
  Docs    {base}/docs
  Logins  {ADMIN} and {THERAPIST}, password {DEMO_PASSWORD}
  Data    {folder} (a made-up practice; remove the folder to start afresh)

Paste these, one after the other: log in, list bookings, list a therapist's own.

token={admin}
curl -s -w "\n" "{base}/api/v1/admin/bookings?limit=2" -H "Authorization: Bearer $token"
curl -s -w "\n" "{base}/api/v1/therapist/bookings?limit=2" -H "Authorization: Bearer {therapist}"

Ctrl-C stops it.
"#,
        folder = folder.display(),
        admin = token(ADMIN),
        therapist = token(THERAPIST),
    );
    // Nobody needs to read it.
    let _ = stdout().write_all(text.as_bytes());
}
