//! The tables as they should be, for comparison with what is there.
//!
//! The first two migrations are the only description of the twenty tables. So adoption runs them once more into a schema
//! of its own, inside its transaction, and reads the catalogue. A table that the adopted database lacks is then simply
//! moved out of the blueprint, with its sequence, its default and its primary key.

use sqlx::{AssertSqlSafe, PgConnection};

use super::catalogue::Catalogue;
use crate::db::migrate::{
    MIGRATIONS,
    ddl::{execute, quoted},
};

/// The last migration that describes the tables themselves; later ones create only what is ours.
pub(super) const LAST: i64 = 2;

const SCHEMA: &str = "safestories_blueprint";

/// Builds the blueprint and reads it. Its foreign keys are dropped again, so that its tables can be moved one by one.
pub(super) async fn draw(conn: &mut PgConnection) -> sqlx::Result<Catalogue> {
    execute(conn, format!("create schema {SCHEMA}")).await?;
    for migration in MIGRATIONS.migrator.iter().filter(|migration| migration.version <= LAST) {
        let sql = migration.sql.as_str().replace("public.", &format!("{SCHEMA}."));
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    let mut wanted = Catalogue::read(conn, SCHEMA).await?;
    for column in &mut wanted.columns {
        column.default = column.default.take().map(|default| default.replace(&format!("{SCHEMA}."), "public."));
    }
    for key in &wanted.foreign_keys {
        execute(conn, format!("alter table {SCHEMA}.{} drop constraint {}", key.table, key.name)).await?;
    }
    Ok(wanted)
}

/// Makes the function of the blueprint the one in `public`.
pub(super) async fn move_function(conn: &mut PgConnection) -> sqlx::Result<()> {
    execute(conn, format!("alter function {SCHEMA}.get_ist_timestamp() set schema public")).await
}

/// Makes a table of the blueprint the one in `public`.
pub(super) async fn move_table(conn: &mut PgConnection, wanted: &Catalogue, table: &str) -> sqlx::Result<()> {
    execute(conn, format!("alter table {SCHEMA}.{table} set schema public")).await?;
    // A default keeps calling the function it was made with, wherever that one ends up.
    for column in wanted.columns.iter().filter(|column| column.table == table && !column.is_serial()) {
        if let Some(default) = &column.default {
            let name = quoted(&column.name);
            execute(conn, format!("alter table public.{table} alter column {name} set default {default}")).await?;
        }
    }
    Ok(())
}

/// Removes what was not moved.
pub(super) async fn discard(conn: &mut PgConnection) -> sqlx::Result<()> {
    execute(conn, format!("drop schema {SCHEMA} cascade")).await
}
