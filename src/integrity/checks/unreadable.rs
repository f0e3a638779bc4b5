//! Values that columns can contain and answers cannot: infinite times, years outside the calendar, amounts that are no
//! number.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    db::migrate::TABLES,
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "unreadable_value" = Warning, "Times and amounts that read as nothing" {
        rule: "A `timestamp` is an instant of the years 1 to 9999, an amount a number of at most 30 digits. `infinity`, `NaN` and what lies beyond are read as NULL wherever they stand.",
        find: unreadable,
        remedy: "Set the column to what was meant, or to NULL, in the database.",
    }
}

/// The tables, their keys, and the columns that may hold such values with their conditions: read off the catalogue.
const TABLES_WITH_COLUMNS: &str = r"
    select relname::text,
           coalesce(
               (
                   select format('%I::text', attname)
                   from pg_index
                   join pg_attribute on attrelid = indrelid and attnum = indkey[0]
                   where indrelid = columns.oid and indisprimary and indnkeyatts = 1
               ),
               case when relname = 'bookings' then 'coalesce(booking_id, ''row '' || ctid)' else '''row '' || ctid' end
           ),
           string_agg(quote_literal(name), ', ' order by attnum),
           string_agg(bad, ', ' order by attnum),
           string_agg(bad, ' or ' order by attnum)
    from (
        select c.oid,
               c.relname,
               a.attname as name,
               a.attnum,
               case a.atttypid
                   when 'timestamp'::regtype then format(
                       '(%I not between ''0001-01-01'' and ''9999-12-31 23:59:59.999999'')', a.attname
                   )
                   -- NaN and infinity are larger than any number.
                   else format(
                       '(abs(%1$I) >= 1e30 or scale(%1$I) > 30 '
                       'or length(ltrim(translate(%1$I::text, ''-.'', ''''), ''0'')) > 30)', a.attname
                   )
               end as bad
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace
          and c.relname = any ($1)
          and c.relkind = 'r'
          and a.attnum > 0
          and not a.attisdropped
          and a.atttypid in ('timestamp'::regtype, 'numeric'::regtype)
    ) columns
    group by oid, relname
    order by relname";

async fn unreadable(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let tables: Vec<(String, String, String, String, String)> =
        sqlx::query_as(TABLES_WITH_COLUMNS).bind(TABLES.as_slice()).fetch_all(&mut *db).await?;
    let mut findings = Findings::default();
    for (table, key, names, conditions, any) in tables {
        let sql = format!(
            "select count(*) over (), id, concat_ws(', ', variadic bad)
             from (
                 select {key} as id,
                        array(
                            select name
                            from unnest(array[{names}], array[{conditions}]) as held (name, bad)
                            where bad
                        ) as bad
                 from public.{table}
                 where {any}
             ) found
             order by id
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
