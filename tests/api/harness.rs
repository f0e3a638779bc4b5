//! What the tests stand on.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The address of a fresh, empty database, owned by an ordinary role.
pub async fn database() -> String {
    let server = std::env::var("SAFESTORIES_TEST_POSTGRES")
        .expect("the address of a server, without a database");
    let name = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut admin =
        PgConnection::connect(&format!("{server}&dbname=postgres")).await.expect("a server");
    sqlx::query(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .expect("a database");
    format!("{server}&dbname={name}")
}
