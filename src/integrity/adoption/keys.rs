//! Unique rules and foreign keys of the adopted tables: recognised by their definitions, whatever their names.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    catalogue::{Catalogue, ForeignKey, Unique},
    plan::{AdoptionReport, Plan},
};
use crate::db::migrate::ddl::{execute, free_name, quoted};

/// How many of the values that break a rule are named.
const NAMED: usize = 50;

/// Duplicate booking ids stand in the way: five keys point at them, and every address of the API is made of them.
pub(super) async fn plan(
    conn: &mut PgConnection,
    wanted: &Catalogue,
    found: &Catalogue,
    plan: &mut Plan,
) -> sqlx::Result<()> {
    let rule = wanted.unique_on("bookings", "booking_id");
    if let Some(rule) = rule.filter(|_| found.column("bookings", "booking_id").is_some())
        && let Some(duplicates) = duplicates(conn, rule).await?
    {
        plan.obstacles.push(format!("several bookings have the same booking_id: {duplicates}"));
    }
    Ok(())
}

/// Adds the missing keys, as far as the rows allow.
pub(super) async fn complete(
    conn: &mut PgConnection,
    wanted: &Catalogue,
    report: &mut AdoptionReport,
) -> sqlx::Result<()> {
    let mut found = Catalogue::read(conn).await?;
    for rule in &wanted.uniques {
        match found.uniques.iter().find(|there| there.same_rule(rule)) {
            Some(there) if rule.primary && !there.primary => {
                report.differences.push(format!("{} is unique by {}, not a primary key", words(rule), there.name));
            }
            Some(_) => {}
            None => {
                if add_unique(conn, rule, &found, report).await? {
                    found.uniques.push(rule.clone());
                }
            }
        }
    }
    for rule in &wanted.foreign_keys {
        foreign_key(conn, rule, &found, report).await?;
    }
    Ok(())
}

/// `users (lower(username))`
fn words(rule: &Unique) -> String {
    format!("{} ({})", rule.table, rule.on.join(", ").replace("::text", ""))
}

/// Whether the rule is in force now.
async fn add_unique(
    conn: &mut PgConnection,
    rule: &Unique,
    found: &Catalogue,
    report: &mut AdoptionReport,
) -> sqlx::Result<bool> {
    let words = words(rule);
    let kind = if rule.primary { "primary key" } else { "unique" };
    if let Some(duplicates) = duplicates(conn, rule).await? {
        let consequence = if rule.table == "users" && !rule.primary { "; these users cannot log in" } else { "" };
        report.left_out.push(format!("{kind} {words}: {duplicates}{consequence}"));
        return Ok(false);
    }
    let (table, on) = (&rule.table, rule.on.join(", "));
    let other_primary = found.uniques.iter().any(|there| there.table == *table && there.primary);
    if rule.primary && !other_primary {
        let nulls: i64 =
            sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from public.{table} where {on} is null")))
                .fetch_one(&mut *conn)
                .await?;
        if nulls > 0 {
            report.left_out.push(format!("primary key {words}: rows that hold NULL: {nulls}"));
            return Ok(false);
        }
    }
    let name = free_name(conn, &rule.name).await?;
    let (kind, sql) = if rule.primary && !other_primary {
        ("primary key", format!("alter table public.{table} add constraint {name} primary key ({on})"))
    } else if rule.constraint {
        ("unique", format!("alter table public.{table} add constraint {name} unique ({on})"))
    } else {
        ("unique", format!("create unique index {name} on public.{table} ({on})"))
    };
    execute(conn, sql).await?;
    report.done.push(format!("added {kind} {words}"));
    Ok(true)
}

/// The values that occur more than once, the first of them by name; none where the rule holds.
async fn duplicates(conn: &mut PgConnection, rule: &Unique) -> sqlx::Result<Option<String>> {
    let (table, on) = (&rule.table, rule.on.join(", "));
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(format!(
        "select value, count(*) over ()
         from (
             select ({on})::text as value
             from public.{table}
             where {on} is not null
             group by {on}
             having count(*) > 1
         ) duplicates
         order by value
         limit {NAMED}"
    )))
    .fetch_all(conn)
    .await?;
    let Some(&(_, count)) = rows.first() else { return Ok(None) };
    let names = rows.iter().map(|(value, _)| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    let rest = if usize::try_from(count).is_ok_and(|count| count > NAMED) { " and so on" } else { "" };
    Ok(Some(format!("values that occur more than once: {count} ({names}{rest})")))
}

async fn foreign_key(
    conn: &mut PgConnection,
    rule: &ForeignKey,
    found: &Catalogue,
    report: &mut AdoptionReport,
) -> sqlx::Result<()> {
    let (table, arrow) = (&rule.table, rule.arrow());
    let there = found.foreign_keys.iter().find(|there| there.same_rule(rule));
    if there.is_some_and(|there| there.validated) {
        return Ok(());
    }
    let name = match there {
        Some(there) => there.name.clone(),
        None if found.unique_on(&rule.target, &rule.target_column).is_none() => {
            report.left_out.push(format!("foreign key {arrow}: {}.{} is not unique", rule.target, rule.target_column));
            return Ok(());
        }
        None => {
            let name = free_name(conn, &rule.name).await?;
            execute(
                conn,
                format!(
                    "alter table public.{table} add constraint {name}
                     foreign key ({}) references public.{} ({}) not valid",
                    rule.column, rule.target, rule.target_column
                ),
            )
            .await?;
            report.done.push(format!("added foreign key {arrow}"));
            name
        }
    };
    let orphans: i64 =
        sqlx::query_scalar(AssertSqlSafe(orphans(table, &rule.column, &rule.target, &rule.target_column)))
            .fetch_one(&mut *conn)
            .await?;
    if orphans == 0 {
        execute(conn, format!("alter table public.{table} validate constraint {}", quoted(&name))).await?;
    } else {
        report
            .left_out
            .push(format!("foreign key {arrow}: rows that point at nothing: {orphans}; it holds for new rows"));
    }
    Ok(())
}

/// The statement that counts rows whose value has no counterpart.
pub(super) fn orphans(table: &str, column: &str, target: &str, target_column: &str) -> String {
    format!(
        "select count(*)
         from public.{table} child
         where child.{column} is not null
           and not exists (select from public.{target} parent where parent.{target_column} = child.{column})"
    )
}
