//! Duplicate keys, which keep a unique rule from being in force.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    clients,
    error::Result,
    integrity::{
        adoption::rules,
        check::{Findings, Look, Row, checks},
    },
};

checks! {
    "duplicate_key" = Error, "Rows that share a key" {
        rule: "Primary keys and unique columns hold no value twice. Where an adoption found duplicates it left the rule out; rules that are in force are not looked at. Each row after the first counts. (User names have a check of their own.)",
        find: duplicates,
        remedy: "Appointments that are equal in every column are deleted but for one; `missing_rule` then brings the key into force. Rows that differ are for people to judge.",
        repair: clients::upkeep::delete_twins,
    }
}

async fn duplicates(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    for (table, on) in rules::not_unique(db).await? {
        if table == "users" && on.contains("username") {
            continue;
        }
        // The names are those of the migrations.
        let sql = format!(
            "select (sum(times - 1) over ())::bigint, left(value, 100), concat('{on} stands ', times, ' times')
             from (
                 select ({on})::text as value, count(*) as times
                 from public.{table}
                 where {on} is not null
                 group by {on}
                 having count(*) > 1
             ) several
             order by value
             limit $1"
        );
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(look.limit()).fetch_all(&mut *db).await?;
        let rows = rows.into_iter().map(|(total, id, about)| Row { total, table: table.clone(), id, about });
        let found = Findings::of(rows.collect(), look);
        findings.count += found.count;
        findings.samples.extend(found.samples);
    }
    findings.samples.truncate(look.samples);
    Ok(findings)
}
