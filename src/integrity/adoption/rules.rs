//! The rules of the twenty tables, as the migrations state them, against those in force: what an adoption left out, or
//! somebody dropped.
//!
//! The wanted ones are read off the text of the migrations, which is the only description there is: unlike a
//! [`blueprint`], that takes no right to create anything, so the server can ask it at any time.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    AdoptionReport, active, blueprint,
    catalogue::{Catalogue, ForeignKey, Unique},
    keys,
};
use crate::db::migrate::{MIGRATIONS, TABLES, ddl::attempt};

/// A foreign key that is not in force for all rows.
#[derive(Debug, Clone)]
pub struct Unchecked {
    /// The table that refers.
    pub table: String,
    /// Its key, or what names its rows.
    pub key: String,
    /// The column that refers.
    pub column: String,
    /// The table referred to.
    pub target: String,
    /// Its column.
    pub target_column: String,
}

/// What the migrations want.
#[derive(Debug, Default)]
struct Wanted {
    rules: Catalogue,
    /// Tables and columns.
    not_null: Vec<(String, String)>,
    /// Names and statements.
    indexes: BTreeMap<String, String>,
}

impl Wanted {
    fn read() -> Self {
        let mut wanted = Self::default();
        for migration in MIGRATIONS.migrator.iter() {
            let sql = without_comments(migration.sql.as_str());
            if migration.version <= blueprint::LAST {
                sql.split(';').for_each(|statement| wanted.tables(statement));
            }
            sql.split(';').for_each(|statement| wanted.index(statement.trim()));
        }
        wanted
    }

    /// `create table …` and `alter table … add constraint …`, as the first two migrations write them.
    fn tables(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().map(bare).collect();
        match words[..] {
            ["create", "table", table, ..] => {
                for line in statement.lines().skip(1) {
                    let words: Vec<&str> = line.split_whitespace().map(bare).collect();
                    if let Some(at) = words.iter().position(|word| *word == "constraint") {
                        self.rules.uniques.push(unique(table, words[at + 1], words[0], true));
                    } else if words.windows(2).any(|pair| pair == ["not", "null"]) {
                        self.not_null.push((table.to_owned(), words[0].to_owned()));
                    }
                }
            }
            ["alter", "table", table, "add", "constraint", name, "unique", column] => {
                self.rules.uniques.push(unique(table, name, column, false));
            }
            ["create", "unique", "index", name, "on", table, column] => {
                let rule = unique(table, name, column, false);
                self.rules.uniques.push(Unique { constraint: false, ..rule });
            }
            [
                "alter",
                "table",
                table,
                "add",
                "constraint",
                name,
                "foreign",
                "key",
                column,
                "references",
                target,
                target_column,
            ] => {
                self.rules.foreign_keys.push(ForeignKey {
                    table: table.to_owned(),
                    name: name.to_owned(),
                    column: column.to_owned(),
                    target: target.to_owned(),
                    target_column: target_column.to_owned(),
                    validated: true,
                });
            }
            _ => {}
        }
    }

    /// `create index …` on one of the tables; `drop index …` takes it away.
    fn index(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().map(bare).collect();
        match words[..] {
            ["create", "index", name, "on", table, ..] if TABLES.contains(&table) => {
                self.indexes.insert(name.to_owned(), statement.to_owned());
            }
            ["drop", "index", .., name] => {
                self.indexes.remove(name);
            }
            _ => {}
        }
    }
}

fn unique(table: &str, name: &str, column: &str, primary: bool) -> Unique {
    Unique { table: table.to_owned(), name: name.to_owned(), primary, constraint: true, on: vec![column.to_owned()] }
}

/// A word without the schema before it, and without one pair of brackets or a comma around it.
fn bare(word: &str) -> &str {
    let word = word.trim_end_matches(',');
    let word = word.strip_prefix("public.").unwrap_or(word);
    word.strip_prefix('(').and_then(|word| word.strip_suffix(')')).unwrap_or(word)
}

fn without_comments(sql: &str) -> String {
    sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// What is wanted and not in force: the table, and a sentence.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn missing(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let wanted = Wanted::read();
    let found = Catalogue::read(conn, "public").await?;
    let mut missing = Vec::new();
    for rule in &wanted.rules.uniques {
        if !found.uniques.iter().any(|there| there.same_rule(rule)) {
            let kind = if rule.primary { "primary key" } else { "unique rule" };
            missing.push((rule.table.clone(), format!("{kind} ({}) is missing", rule.on.join(", "))));
        }
    }
    for rule in &wanted.rules.foreign_keys {
        let there: Vec<&ForeignKey> = found.foreign_keys.iter().filter(|there| there.same_rule(rule)).collect();
        if there.is_empty() {
            missing.push((rule.table.clone(), format!("foreign key {} is missing", rule.arrow())));
        } else if there.iter().all(|there| !there.validated) {
            missing.push((rule.table.clone(), format!("foreign key {} holds for new rows only", rule.arrow())));
        }
    }
    for (table, column) in &wanted.not_null {
        if found.column(table, column).is_none_or(|there| !there.not_null) {
            missing.push((table.clone(), format!("{column} may be NULL, and should not")));
        }
    }
    let there = indexes(conn).await?;
    for (name, statement) in &wanted.indexes {
        if !there.contains(name) {
            let table = statement.split_whitespace().nth(4).map_or("", bare);
            missing.push((table.to_owned(), format!("index {name} is missing")));
        }
    }
    Ok(missing)
}

/// The unique rules that are not in force: tables, and the columns or expressions that should be unique.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn not_unique(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let found = Catalogue::read(conn, "public").await?;
    let missing = Wanted::read()
        .rules
        .uniques
        .into_iter()
        .filter(|rule| !found.uniques.iter().any(|there| there.same_rule(rule)));
    Ok(missing.map(|rule| (rule.table, rule.on.join(", "))).collect())
}

/// The foreign keys that are not known to hold for all rows.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn unchecked(conn: &mut PgConnection) -> sqlx::Result<Vec<Unchecked>> {
    let wanted = Wanted::read().rules;
    let found = Catalogue::read(conn, "public").await?;
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

/// Brings into force what is missing, as far as the rows allow; gives what was done.
///
/// # Errors
///
/// If PostgreSQL refuses: the role has to own the tables.
pub async fn enforce(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let wanted = Wanted::read();
    let mut report = AdoptionReport::default();
    keys::complete(conn, &wanted.rules, &mut report).await?;
    let still = missing(conn).await?;
    for (table, column) in &wanted.not_null {
        let lacks = |(of, what): &&(String, String)| of == table && what.starts_with(&format!("{column} may be NULL"));
        let sql = format!("alter table public.{table} alter column {column} set not null");
        if still.iter().any(|missing| lacks(&missing)) && attempt(conn, &sql).await?.is_ok() {
            report.done.push(format!("made {table}.{column} NOT NULL"));
        }
    }
    let there = indexes(conn).await?;
    for (name, statement) in wanted.indexes.iter().filter(|(name, _)| !there.contains(name)) {
        let sql = format!("drop index if exists public.{name}; {statement}");
        if attempt(conn, &sql).await?.is_ok() {
            report.done.push(format!("added the index {name}"));
        }
    }
    Ok(report.done)
}

/// What acts on the tables by itself, and is not ours.
///
/// # Errors
///
/// If the catalogue cannot be read.
pub async fn acting(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let active = active::read(conn, &Wanted::read().rules).await?;
    Ok(active.into_iter().map(|active| active.what).collect())
}

/// The names of the indexes that can be used.
async fn indexes(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(AssertSqlSafe(
        "select relname::text
         from pg_index
         join pg_class on pg_class.oid = indexrelid
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname = 'public'
           and indisvalid",
    ))
    .fetch_all(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_read_as_they_are_written() {
        let wanted = Wanted::read();
        assert_eq!(wanted.rules.foreign_keys.len(), 20);
        // Eighteen primary keys, three unique columns, and the names of users.
        assert_eq!(wanted.rules.uniques.len(), 22);
        let names = wanted.rules.uniques.iter().find(|rule| rule.table == "users" && !rule.primary);
        assert_eq!(names.map(|rule| rule.on.clone()), Some(vec!["lower(username)".to_owned()]));
        assert!(wanted.not_null.contains(&("therapists".to_owned(), "name".to_owned())));
        assert!(!wanted.not_null.iter().any(|(_, column)| column == "id"));
        assert!(wanted.indexes.contains_key("bookings_by_start"));
        assert!(wanted.indexes["bookings_search"].ends_with("internal.gin_trgm_ops)"));
        assert!(wanted.indexes.values().all(|statement| statement.starts_with("create index")));
    }
}
