//! The rules of the twenty tables, as the migrations state them, compared with those in force: an adoption may have
//! left some out, and somebody may have dropped some.

use sqlx::PgConnection;

use super::{
    catalogue::{Catalogue, Column, ForeignKey, Index},
    keys,
    plan::AdoptionReport,
    triggers,
};
use crate::db::migrate::ddl::attempt;

/// A foreign key that is not in force for all rows.
#[derive(Debug, Clone)]
pub struct Unchecked {
    /// The table that refers.
    pub table: String,
    /// Its key, or another value that identifies its rows.
    pub key: String,
    /// The column that refers.
    pub column: String,
    /// The table referred to.
    pub target: String,
    /// Its column.
    pub target_column: String,
}

/// The rules that are wanted and not in force: the table, and a sentence.
pub async fn missing(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let (wanted, found) = (Catalogue::wanted(), Catalogue::read(conn).await?);
    let mut missing = Vec::new();
    for rule in wanted.uniques.iter().filter(|rule| !found.uniques.iter().any(|there| there.same_rule(rule))) {
        let kind = if rule.primary { "primary key" } else { "unique rule" };
        missing.push((rule.table.clone(), format!("{kind} ({}) is missing", rule.on.join(", ").replace("::text", ""))));
    }
    for rule in &wanted.foreign_keys {
        let there: Vec<&ForeignKey> = found.foreign_keys.iter().filter(|there| there.same_rule(rule)).collect();
        if there.is_empty() {
            missing.push((rule.table.clone(), format!("foreign key {} is missing", rule.arrow())));
        } else if there.iter().all(|there| !there.validated) {
            missing.push((rule.table.clone(), format!("foreign key {} holds for new rows only", rule.arrow())));
        }
    }
    for column in nullable(wanted, &found) {
        missing.push((column.table.clone(), format!("{} may be NULL, and should not", column.name)));
    }
    for index in absent(wanted, &found) {
        missing.push((index.table.clone(), format!("index {} is missing", index.name)));
    }
    Ok(missing)
}

/// The columns that may be NULL and should not. Those of a primary key are reported with the key.
fn nullable<'a>(wanted: &'a Catalogue, found: &'a Catalogue) -> impl Iterator<Item = &'a Column> {
    let is_key = |column: &Column| wanted.unique_on(&column.table, &column.name).is_some_and(|rule| rule.primary);
    wanted.columns.iter().filter(move |column| {
        column.not_null
            && !is_key(column)
            && found.column(&column.table, &column.name).is_none_or(|there| !there.not_null)
    })
}

/// The indexes that are not there. They are known by their names.
fn absent<'a>(wanted: &'a Catalogue, found: &'a Catalogue) -> impl Iterator<Item = &'a Index> {
    wanted.indexes.iter().filter(|index| !found.indexes.iter().any(|there| there.name == index.name))
}

/// The unique rules that are not in force: tables, and the columns or expressions that should be unique.
pub async fn not_unique(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let found = Catalogue::read(conn).await?;
    let missing =
        Catalogue::wanted().uniques.iter().filter(|rule| !found.uniques.iter().any(|there| there.same_rule(rule)));
    Ok(missing.map(|rule| (rule.table.clone(), rule.on.join(", "))).collect())
}

/// The foreign keys that are not known to hold for all rows.
pub async fn unchecked(conn: &mut PgConnection) -> sqlx::Result<Vec<Unchecked>> {
    let (wanted, found) = (Catalogue::wanted(), Catalogue::read(conn).await?);
    let holds = |rule: &ForeignKey| found.foreign_keys.iter().any(|there| there.same_rule(rule) && there.validated);
    let key = |table: &str| {
        let primary = wanted.uniques.iter().find(|rule| rule.table == table && rule.primary);
        // The one table that refers and has no primary key.
        primary.map_or_else(|| "booking_id".to_owned(), |rule| rule.on.join(", "))
    };
    let unchecked = wanted.foreign_keys.iter().filter(|rule| !holds(rule)).map(|rule| Unchecked {
        table: rule.table.clone(),
        key: key(&rule.table),
        column: rule.column.clone(),
        target: rule.target.clone(),
        target_column: rule.target_column.clone(),
    });
    Ok(unchecked.collect())
}

/// Adds the missing rules, as far as the rows allow; returns the changes.
///
/// # Errors
///
/// If PostgreSQL refuses: the role has to own the tables.
pub async fn enforce(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let wanted = Catalogue::wanted();
    let mut report = AdoptionReport::default();
    keys::complete(conn, wanted, &mut report).await?;
    let found = Catalogue::read(conn).await?;
    for Column { table, name, .. } in nullable(wanted, &found) {
        let sql = format!("alter table public.{table} alter column {name} set not null");
        if attempt(conn, &sql).await?.is_ok() {
            report.done.push(format!("made {table}.{name} NOT NULL"));
        }
    }
    for Index { name, definition, .. } in absent(wanted, &found) {
        // One that is not valid may be in its place.
        let sql = format!("drop index if exists public.{name}; {definition}");
        if attempt(conn, &sql).await?.is_ok() {
            report.done.push(format!("added the index {name}"));
        }
    }
    Ok(report.done)
}

/// Objects that act on the tables by themselves, and are not ours.
pub async fn acting(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let active = triggers::read(conn, Catalogue::wanted()).await?;
    Ok(active.into_iter().map(|active| active.what).collect())
}
