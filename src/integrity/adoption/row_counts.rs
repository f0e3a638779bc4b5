//! Counts adopted rows that the server reads differently from other programs, and rows that people should know of.
//!
//! Only counts, in a handful of scans. Nothing here stops an adoption.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{catalogue::Catalogue, keys::orphans};
use crate::db::migrate::ddl::quoted;

/// Sentences about the rows, each with a count above zero.
pub(super) async fn read(conn: &mut PgConnection, wanted: &Catalogue) -> sqlx::Result<Vec<String>> {
    let mut findings = Vec::new();
    for (what, sql) in checks() {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *conn).await?;
        if count > 0 {
            findings.push(format!("{what}: {count}"));
        }
    }
    for table in &wanted.tables {
        unreadable(conn, wanted, table, &mut findings).await?;
    }
    Ok(findings)
}

fn checks() -> Vec<(String, String)> {
    let mut checks = vec![
        (
            "bookings without booking_id (they appear in no list)".to_owned(),
            "select count(*) from public.bookings where booking_id is null".to_owned(),
        ),
        (
            "users whose password is plain text (they cannot log in until it is hashed)".to_owned(),
            r"select count(*) from public.users where password !~ '^\$[a-z0-9-]+\$'".to_owned(),
        ),
        (
            "users with a role other than admin or therapist (they cannot log in)".to_owned(),
            // As `internal.user_role`, which is not there yet.
            "select count(*)
             from public.users
             where lower(btrim(coalesce(role, ''), E' \\t\\n\\r\\f\\x0b')) not in ('admin', 'therapist')"
                .to_owned(),
        ),
        (
            "session notes whose booking does not exist".to_owned(),
            orphans("client_session_notes", "booking_id", "bookings", "booking_id"),
        ),
        (
            "resources whose therapist does not exist".to_owned(),
            orphans("therapist_resources", "therapist_id", "therapists", "therapist_id"),
        ),
    ];
    checks.extend(STATUS_WORDS.iter().map(|(table, column, words)| {
        (
            format!("{table}.{column} in a spelling other than {}", words.join(", ")),
            format!(
                "select count(*) from public.{table} where {column} not in ({})",
                words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
            ),
        )
    }));
    checks
}

/// The words the server writes; others are read as far as they are known.
const STATUS_WORDS: [(&str, &str, &[&str]); 7] = [
    ("bookings", "booking_status", &["confirmed", "rescheduled", "cancelled", "no_show", "completed"]),
    ("bookings", "invitee_status", &["confirmed", "waiting", "cancelled"]),
    ("bookings", "booking_mode", &["google_meet", "in_person", "phone"]),
    ("bookings", "refund_status", &["initiated", "processing", "completed", "failed"]),
    ("payments", "refund_status", &["initiated", "processing", "completed", "failed"]),
    ("client_doc_form", "status", &["pending", "completed", "no_show"]),
    ("booking_requests", "status", &["sent", "booked", "expired"]),
];

/// Values that no JSON and no calendar can hold; the server reads them as NULL.
async fn unreadable(
    conn: &mut PgConnection,
    wanted: &Catalogue,
    table: &str,
    findings: &mut Vec<String>,
) -> sqlx::Result<()> {
    let columns: Vec<(&str, String)> = wanted
        .columns
        .iter()
        .filter(|column| column.table == table)
        .filter_map(|column| {
            let name = quoted(&column.name);
            let test = match column.family.as_str() {
                "timestamp without time zone" => {
                    format!("not isfinite({name}) or {name} not between '0001-01-01' and '9999-12-31 23:59:59.999999'")
                }
                "numeric" => format!("{name}::text in ('NaN', 'Infinity', '-Infinity')"),
                _ => return None,
            };
            Some((column.name.as_str(), test))
        })
        .collect();
    if columns.is_empty() {
        return Ok(());
    }
    let counts =
        columns.iter().map(|(_, test)| format!("count(*) filter (where {test})")).collect::<Vec<_>>().join(", ");
    let counts: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!("select array[{counts}] from public.{table}")))
        .fetch_one(conn)
        .await?;
    for ((name, _), count) in columns.iter().zip(counts).filter(|(_, count)| *count > 0) {
        findings
            .push(format!("{table}.{name} with infinity, NaN or a year beyond the calendar (read as NULL): {count}"));
    }
    Ok(())
}
