//! Compares the columns of the adopted tables with the wanted ones.
//!
//! Text columns are read and written alike whatever their length, so a longer one stays and a shorter one is widened. Any
//! other difference of type would make rows unreadable or writes fail, and stands in the way. A new column gets its
//! default only after it was added: existing rows keep NULL, as no row is to change.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    catalogue::{Catalogue, Column},
    plan::{Change, Plan},
};
use crate::db::migrate::ddl::{free_name, quoted};

/// Plans the changes that bring the found columns to the wanted ones.
pub(super) async fn plan(
    conn: &mut PgConnection,
    wanted: &Catalogue,
    found: &Catalogue,
    plan: &mut Plan,
) -> sqlx::Result<()> {
    for column in wanted.columns.iter().filter(|column| found.has_table(&column.table)) {
        match found.column(&column.table, &column.name) {
            None => missing(conn, column, plan).await?,
            Some(there) => {
                compare_type(column, there, plan);
                compare_default(conn, column, there, plan).await?;
                compare_null(conn, column, there, plan).await?;
            }
        }
    }
    for column in found.columns.iter().filter(|column| wanted.column(&column.table, &column.name).is_none()) {
        let at = at(column);
        if column.not_null && column.default.is_none() && !column.computed && !column.identity {
            plan.obstacles.push(format!(
                "column {at} is not ours, must not be NULL and has no default: the server could insert no row"
            ));
        } else {
            plan.report.theirs.push(format!("column {at} {}", column.declared));
        }
    }
    Ok(())
}

/// The statement that creates a wanted table, with its primary key. Its other rules are added as those of a found one.
pub(super) fn create_table(wanted: &Catalogue, table: &str) -> String {
    let columns = wanted.columns.iter().filter(|column| column.table == table).map(|column| {
        let (name, declared) = (quoted(&column.name), &column.declared);
        let not_null = if column.not_null { " not null" } else { "" };
        match &column.default {
            _ if column.is_serial() => format!("{name} serial{not_null}"),
            Some(default) => format!("{name} {declared} default {default}{not_null}"),
            None => format!("{name} {declared}{not_null}"),
        }
    });
    let primary = wanted.uniques.iter().filter(|rule| rule.table == table && rule.primary);
    let primary = primary.map(|rule| format!("constraint {} primary key ({})", rule.name, rule.on.join(", ")));
    format!("create table public.{table} ({})", columns.chain(primary).collect::<Vec<_>>().join(", "))
}

fn at(column: &Column) -> String {
    format!("{}.{}", column.table, column.name)
}

async fn missing(conn: &mut PgConnection, column: &Column, plan: &mut Plan) -> sqlx::Result<()> {
    let (table, name, declared) = (&column.table, quoted(&column.name), &column.declared);
    let has_rows: bool = sqlx::query_scalar(AssertSqlSafe(format!("select exists (select from public.{table})")))
        .fetch_one(conn)
        .await?;
    let sql = if !column.not_null {
        let default = column.default.as_deref().unwrap_or("null");
        format!(
            "alter table public.{table} add column {name} {declared};
             alter table public.{table} alter column {name} set default {default}"
        )
    } else if has_rows {
        plan.obstacles.push(format!(
            "column {} {declared} is missing and must not be NULL: add it with values for the rows there are",
            at(column)
        ));
        return Ok(());
    } else if column.is_serial() {
        format!("alter table public.{table} add column {name} serial")
    } else {
        format!("alter table public.{table} add column {name} {declared} not null")
    };
    plan.changes.push(Change { what: format!("added the column {} {declared}", at(column)), sql, otherwise: None });
    Ok(())
}

fn compare_type(wanted: &Column, found: &Column, plan: &mut Plan) {
    let at = at(wanted);
    if found.computed {
        plan.obstacles.push(format!(
            "column {at} is generated, but the server writes it: \
             `alter table public.{} alter column {} drop expression` keeps its values",
            wanted.table, wanted.name
        ));
    }
    if wanted.declared == found.declared {
        return;
    }
    if wanted.family != found.family {
        plan.obstacles.push(format!("column {at} is {}, but must be {}", found.declared, wanted.declared));
        return;
    }
    let narrower = found.modifier != -1 && (wanted.modifier == -1 || found.modifier < wanted.modifier);
    if narrower {
        plan.changes.push(Change {
            what: format!("widened the column {at} from {} to {}", found.declared, wanted.declared),
            sql: format!(
                "alter table public.{} alter column {} type {}",
                wanted.table,
                quoted(&wanted.name),
                wanted.declared
            ),
            otherwise: Some(format!(
                "column {at} stays {} and refuses longer values, ours is {}",
                found.declared, wanted.declared
            )),
        });
    } else {
        plan.report.differences.push(format!("column {at} is {}, ours is {}", found.declared, wanted.declared));
    }
}

async fn compare_default(
    conn: &mut PgConnection,
    wanted: &Column,
    found: &Column,
    plan: &mut Plan,
) -> sqlx::Result<()> {
    // A wrong type already stands in the way, and may not even compare.
    if wanted.family != found.family {
        return Ok(());
    }
    if wanted.is_serial() {
        return if found.is_serial() {
            sequence_behind(conn, found, plan).await
        } else {
            number_rows(conn, found, plan).await
        };
    }
    let (table, name) = (&wanted.table, quoted(&wanted.name));
    match (&wanted.default, &found.default) {
        (None, None) => {}
        (Some(wanted_default), None) => plan.changes.push(Change {
            what: format!("gave the column {} its default {wanted_default}", at(wanted)),
            sql: format!("alter table public.{table} alter column {name} set default {wanted_default}"),
            otherwise: None,
        }),
        (Some(ours), Some(theirs)) if plain(ours) == plain(theirs) => {}
        (ours, Some(theirs)) => plan.report.differences.push(format!(
            "the default of {} is {theirs}, ours is {}",
            at(wanted),
            ours.as_deref().unwrap_or("none")
        )),
    }
    Ok(())
}

/// A default without the spellings that mean the same.
fn plain(default: &str) -> String {
    default.replace("CURRENT_TIMESTAMP", "now()").replace("::text", "").replace("::character varying", "")
}

/// A copied table often keeps a sequence that starts below its rows, so that the next insert would collide.
async fn sequence_behind(conn: &mut PgConnection, column: &Column, plan: &mut Plan) -> sqlx::Result<()> {
    let sequence: Option<String> = sqlx::query_scalar(
        "select coalesce(
             pg_get_serial_sequence(format('public.%I', $1), $2),
             (
                 select refobjid::regclass::text
                 from pg_attrdef
                 join pg_attribute on attrelid = adrelid and attnum = adnum
                 join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid
                 join pg_class on pg_class.oid = refobjid and refclassid = 'pg_class'::regclass and relkind = 'S'
                 where adrelid = to_regclass(format('public.%I', $1)) and attname = $2
             )
         )",
    )
    .bind(&column.table)
    .bind(&column.name)
    .fetch_one(&mut *conn)
    .await?;
    let Some(sequence) = sequence else {
        plan.report.differences.push(format!("{} is numbered by an unusual default", at(column)));
        return Ok(());
    };
    let (table, name) = (&column.table, quoted(&column.name));
    let restart: Option<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "select highest + 1
         from (select max({name})::bigint from public.{table}) rows (highest), {sequence}
         where highest >= last_value + is_called::int"
    )))
    .fetch_optional(conn)
    .await?;
    if let Some(restart) = restart {
        plan.changes.push(Change {
            what: format!("moved the numbering of {} past its rows, to {restart}", at(column)),
            sql: format!("alter sequence {sequence} restart with {restart}"),
            otherwise: Some(format!("the numbering of {} lags behind its rows, inserts will collide", at(column))),
        });
    }
    Ok(())
}

async fn number_rows(conn: &mut PgConnection, column: &Column, plan: &mut Plan) -> sqlx::Result<()> {
    let (table, name) = (&column.table, quoted(&column.name));
    let start: i64 =
        sqlx::query_scalar(AssertSqlSafe(format!("select coalesce(max({name}), 0)::bigint + 1 from public.{table}")))
            .fetch_one(&mut *conn)
            .await?;
    let sequence = free_name(conn, &format!("{table}_{}_seq", column.name)).await?;
    plan.changes.push(Change {
        what: format!("numbered new rows of {} from {start}", at(column)),
        sql: format!(
            "create sequence public.{sequence} as integer start with {start} owned by public.{table}.{name};
             alter table public.{table} alter column {name} set default nextval('public.{sequence}')"
        ),
        otherwise: None,
    });
    Ok(())
}

async fn compare_null(conn: &mut PgConnection, wanted: &Column, found: &Column, plan: &mut Plan) -> sqlx::Result<()> {
    let at = at(wanted);
    match (wanted.not_null, found.not_null) {
        (true, false) => {
            let (table, name) = (&wanted.table, quoted(&wanted.name));
            let nulls: i64 =
                sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from public.{table} where {name} is null")))
                    .fetch_one(conn)
                    .await?;
            if nulls > 0 {
                plan.report.left_out.push(format!("NOT NULL of {at}: rows that hold NULL: {nulls}"));
            } else {
                plan.changes.push(Change {
                    what: format!("made {at} NOT NULL, as all its rows are"),
                    sql: format!("alter table public.{table} alter column {name} set not null"),
                    otherwise: None,
                });
            }
        }
        (false, true) => {
            plan.report.differences.push(format!("{at} must not be NULL, ours may be"));
        }
        _ => {}
    }
    Ok(())
}
