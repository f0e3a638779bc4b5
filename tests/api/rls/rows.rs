//! The reach of a therapist in each table, by verb.

use sqlx::PgConnection;

use super::{log_in, name, practice, run, t1, tried};

/// T1's reach in a table.
struct Reach {
    table: &'static str,
    /// The column that identifies a row in this test.
    key: &'static str,
    /// The therapist whose rows can be read; none: the verb was not granted.
    reads: Option<&'static str>,
    /// The therapist whose rows can be locked.
    holds: Option<&'static str>,
    /// Whether they can be changed too.
    changes: bool,
    /// Columns of the table, their values for a row of T1, and for rows that are none.
    adds: Option<(&'static str, &'static str, &'static [&'static str])>,
}

const NONE: Reach = Reach { table: "", key: "", reads: None, holds: None, changes: false, adds: None };

/// A table of which nothing is reached.
const fn none(table: &'static str) -> Reach {
    Reach { table, ..NONE }
}

/// A table that is only read.
const fn read(table: &'static str, key: &'static str, rows: &'static str) -> Reach {
    Reach { table, key, reads: Some(rows), ..NONE }
}

const REACH: &[Reach] = &[
    none("public.users"),
    Reach { holds: Some("T1"), changes: true, ..read("public.therapists", "therapist_id", "T1") },
    Reach { holds: Some("B1 B5"), changes: true, ..read("public.bookings", "booking_id", "B1 B5") },
    read("public.booking_cancelled", "id", "1 5"),
    none("public.booking_requests"),
    Reach {
        holds: Some("1 101 5 7"),
        changes: true,
        adds: Some((
            "booking_id, client_name",
            "'B1', 'x'",
            &["'B2', 'x'", "'B3', 'x'", "'nothing', 'x'", "null, 'x'"],
        )),
        ..read("public.client_session_notes", "note_id", "1 101 3 5 7")
    },
    Reach {
        holds: Some("1 5"),
        changes: true,
        adds: Some((
            "booking_id, therapist_id, note_text",
            "'B5', 'T1', 'x'",
            &["'B2', 'T1', 'x'", "'B1', 'T2', 'x'", "'B2', 'T2', 'x'", "'B1', null, 'x'"],
        )),
        ..read("public.client_additional_notes", "note_id", "1 5")
    },
    read("public.client_doc_form", "link_id", "1 5"),
    read("public.client_transfer_history", "transfer_id", "1 2"),
    none("public.payments"),
    none("public.refund_cancellation_table"),
    none("public.therapist_dashboard_stats"),
    none("public.therapist_clients_summary"),
    none("public.therapist_appointments_cache"),
    read("public.therapist_resources", "id", "1"),
    Reach { holds: Some("C1 C3 C4"), ..read("public.all_clients_table", "client_id", "C1 C3 C4") },
    read("public.appointment_table", "session_id", "B1 B5"),
    read("public.audit_logs", "log_id", "1"),
    Reach { holds: Some("1"), changes: true, ..read("public.notifications", "notification_id", "1") },
    none("public.aisensy_campaign_api"),
    none("internal._sqlx_migrations"),
    none("internal.account_changes"),
    none("internal.account_links"),
    none("internal.accounts"),
    none("internal.applied_files"),
    none("internal.arrivals"),
    none("internal.inbound_endpoints"),
    none("internal.inbound_secrets"),
    none("internal.inbox"),
    none("internal.booking_links"),
    none("internal.scheduling_policy"),
    none("internal.gateway_payments"),
    none("internal.gateway_refunds"),
    read("internal.payment_links", "link_id", ""),
    Reach {
        holds: Some("T1"),
        changes: true,
        adds: Some(("therapist_id, schedules", "'T1', '[]'", &["'T2', '[]'", "'T9', '[]'"])),
        ..read("internal.availability", "therapist_id", "T1")
    },
    Reach {
        holds: Some("T1"),
        changes: true,
        adds: Some((
            "therapist_id, day, time_zone, hours",
            "'T1', '2026-02-07', 'Asia/Kolkata', '[]'",
            &["'T2', '2026-02-07', 'Asia/Kolkata', '[]'"],
        )),
        ..read("internal.availability_overrides", "therapist_id", "T1")
    },
    none("internal.appointments_cache_rows"),
    none("internal.audit_checkpoints"),
    none("internal.trail_breaks"),
    none("internal.write_probe"),
    none("internal.backfill"),
    none("internal.reports"),
    none("internal.disagreements"),
    read("internal.audit_entries", "log_id", "1"),
    none("internal.audit_seals"),
    none("internal.audit_unsealed"),
    none("internal.booking_changes"),
    read("internal.booking_facts", "booking_id", "B1 B5"),
    read("internal.booking_sum_changes", "therapist_id", "T1"),
    read("internal.booking_sums", "therapist_id", ""),
    none("internal.break_glass_grants"),
    none("internal.calendar_links"),
    read("internal.calendar_revisions", "booking_id", "B1 B5"),
    none("internal.client_changes"),
    none("internal.client_facts"),
    read("internal.clients", "client_id", "C1 C3 C4"),
    none("internal.clients_summary_rows"),
    none("internal.consents"),
    none("internal.erase_requests"),
    none("internal.erasure_certificates"),
    none("internal.erasures"),
    none("internal.fact_changes"),
    none("internal.row_changes"),
    none("internal.former_contacts"),
    read("internal.holds", "therapist_id", "T1"),
    Reach {
        holds: Some("11"),
        changes: true,
        adds: Some((
            "user_id, route, key, request_hash, status, resource_id, created_at",
            "11, 'r', 'l', '', 200, '1', now()",
            &["12, 'r', 'l', '', 200, '1', now()", "1, 'r', 'l', '', 200, '1', now()"],
        )),
        ..read("internal.idempotency_keys", "user_id", "11")
    },
    none("internal.login_attempts"),
    none("internal.messages"),
    none("internal.guesses"),
    Reach {
        adds: Some((
            "note_id, author_id, created_at, text",
            "5, 11, now(), 'x'",
            &["2, 11, now(), 'x'", "3, 11, now(), 'x'", "5, 12, now(), 'x'", "4711, 11, now(), 'x'"],
        )),
        ..read("internal.note_addenda", "note_id", "3 5")
    },
    Reach {
        holds: Some("1 5"),
        changes: true,
        adds: Some((
            "note_id, version, saved_at, author_id, event, changes",
            "1, 2, now(), 11, 'saved', '{}'",
            &[
                "2, 2, now(), 11, 'saved', '{}'",
                "3, 2, now(), 11, 'saved', '{}'",
                "4, 2, now(), 11, 'saved', '{}'",
                "1, 2, now(), 12, 'saved', '{}'",
                "1, 2, now(), null, 'overwritten', '{}'",
                "8, 2, now(), 11, 'saved', '{}'",
            ],
        )),
        ..read("internal.note_versions", "note_id", "1 5 7 8")
    },
    none("internal.outbound_endpoints"),
    none("internal.outbound_secrets"),
    none("internal.webhook_deliveries"),
    none("internal.properties"),
    none("internal.recovery_codes"),
    none("internal.refresh_tokens"),
    none("internal.request_clients"),
    none("internal.request_facts"),
    read("internal.retirements", "therapist_id", "T1"),
    read("internal.scheduling_rules", "kind", "T1"),
    none("internal.second_factors"),
    read("internal.therapist_client_facts", "client_id", "C1 C3 C4"),
    none("internal.therapist_login"),
    read("internal.therapist_week_changes", "therapist_id", "T1"),
    read("internal.therapist_weeks", "therapist_id", ""),
    Reach {
        holds: Some("1 5"),
        changes: true,
        adds: Some((
            "note_id, booking_id, author_id, started_at",
            // The note that this transaction inserted.
            "101, 'B1', 11, now()",
            // One of another program; notes of others, one of which may be read; one of another booking; one that is not
            // there.
            &[
                "7, 'B1', 11, now()",
                "6, 'B1', 11, now()",
                "3, 'B1', 11, now()",
                "7, 'B5', 11, now()",
                "4711, 'B1', 11, now()",
                "7, 'B3', 11, now()",
                "7, 'B1', 12, now()",
                "7, 'nothing', 11, now()",
            ],
        )),
        ..read("internal.session_notes", "note_id", "1 5")
    },
    read("internal.sessions", "user_id", "11"),
    read("internal.transfer_clients", "transfer_id", "1 2"),
];

/// The SQLSTATE where a right or a policy is missing.
const REFUSED: &str = "42501";

#[tokio::test]
async fn every_table_and_verb_lets_through_what_is_written_here() {
    let (api, mut conn) = practice().await;
    api.settle().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%s.%s', nspname, relname)
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname in ('public', 'internal')
           and relkind in ('r', 'p', 'v', 'm', 'f')
         order by nspname, relname",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let mut written: Vec<&str> = REACH.iter().map(|reach| reach.table).collect();
    written.sort_by_key(|table| (table.starts_with("public"), *table));
    assert_eq!(tables, written, "every table has its entry here");

    // One signature to a booking, and one row of hours to a therapist: room for what is added below.
    run(&mut conn, "drop index internal.session_notes_of_booking").await;
    run(&mut conn, "alter table internal.availability drop constraint availability_pkey").await;
    let mut conn = t1(&api, &mut conn).await;
    run(&mut conn, "insert into client_session_notes (booking_id, client_name) values ('B1', 'new')").await;
    for reach in REACH {
        let table = reach.table;
        assert_eq!(reads(&mut conn, reach).await, expected(reach.reads), "select from {table}");
        assert_eq!(holds(&mut conn, reach).await, expected(reach.holds), "select for update of {table}");
        assert_eq!(removes(&mut conn, reach).await, expected(None), "delete from {table}");
        changes(&mut conn, reach).await;
        adds(&mut conn, reach).await;
        let emptied = tried(&mut conn, &format!("truncate {table}")).await;
        assert_eq!(emptied, Err(REFUSED.to_owned()), "truncate {table}");
    }
}

fn expected(rows: Option<&str>) -> Result<String, String> {
    rows.map(str::to_owned).ok_or_else(|| REFUSED.to_owned())
}

async fn reads(conn: &mut PgConnection, Reach { table, key, .. }: &Reach) -> Result<String, String> {
    let key = if key.is_empty() { "1" } else { key };
    tried(conn, &format!("select string_agg(distinct ({key})::text, ' ' order by ({key})::text) from {table}")).await
}

async fn holds(conn: &mut PgConnection, Reach { table, key, .. }: &Reach) -> Result<String, String> {
    let key = if key.is_empty() { "1" } else { key };
    let held = format!("select ({key})::text as key from {table} for no key update");
    tried(conn, &format!("with held as ({held}) select string_agg(key, ' ' order by key) from held")).await
}

async fn removes(conn: &mut PgConnection, Reach { table, key, .. }: &Reach) -> Result<String, String> {
    let key = if key.is_empty() { "1" } else { key };
    let gone = format!("delete from {table} returning ({key})::text as key");
    tried(conn, &format!("with gone as ({gone}) select string_agg(key, ' ' order by key) from gone")).await
}

/// Changes rows by each column that may be changed; by any column where none may.
async fn changes(conn: &mut PgConnection, Reach { table, key, holds, changes, .. }: &Reach) {
    let columns: Vec<(String, bool)> = sqlx::query_as(
        "select attname::text, has_column_privilege($1::regclass, attnum, 'update')
         from pg_attribute
         where attrelid = $1::regclass
           and attnum > 0
           and attidentity = ''",
    )
    .bind(table)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    assert_eq!(columns.iter().any(|(_, allowed)| *allowed), holds.is_some(), "{table}: what may be changed");
    for (column, allowed) in columns {
        // One row at a time: the trigger's effect on other rows is not tested here.
        let rows: Vec<&str> = holds.unwrap_or("").split(' ').take(1).collect();
        let whose =
            if key.is_empty() || !allowed { "true".to_owned() } else { format!("({key})::text = '{}'", rows[0]) };
        let changed = tried(
            conn,
            &format!(
                "with changed as (update {table} set {column} = {column} where {whose} returning 1)
                 select count(*)::text from changed"
            ),
        )
        .await;
        let wanted = if allowed && *changes { Ok("1".to_owned()) } else { Err(REFUSED.to_owned()) };
        assert_eq!(changed, wanted, "update {table} set {column}");
    }
}

async fn adds(conn: &mut PgConnection, Reach { table, adds, .. }: &Reach) {
    let Some((columns, own, others)) = adds else {
        let added = format!("with added as (insert into {table} default values returning 1) select 'added' from added");
        let added = tried(conn, &added).await;
        assert_eq!(added, Err(REFUSED.to_owned()), "insert into {table}");
        return;
    };
    let added = |values: &str| format!("insert into {table} ({columns}) values ({values})");
    let add = |values: &str| format!("with added as ({} returning 1) select 'added' from added", added(values));
    assert_eq!(tried(conn, &add(own)).await, Ok("added".to_owned()), "{}", added(own));
    for other in *others {
        assert_eq!(tried(conn, &add(other)).await, Err(REFUSED.to_owned()), "{}", added(other));
    }
}

#[tokio::test]
async fn a_row_is_not_made_somebody_elses() {
    let (api, mut conn) = practice().await;
    // As if more columns had been granted than are.
    run(
        &mut conn,
        "grant update on bookings, client_session_notes, client_additional_notes, notifications
                    to safestories_therapist",
    )
    .await;
    let mut conn = t1(&api, &mut conn).await;
    for change in [
        "update bookings set therapist_id = 'T2' where booking_id = 'B1'",
        "update client_session_notes set booking_id = 'B2' where note_id = 1",
        "update client_session_notes set goal_progress = 'x' where note_id = 7",
        "update client_additional_notes set therapist_id = 'T2' where note_id = 1",
        "update notifications set user_id = 12 where notification_id = 1",
    ] {
        let changed =
            tried(&mut conn, &format!("with changed as ({change} returning 1) select 'changed' from changed")).await;
        assert_eq!(changed, Err(REFUSED.to_owned()), "{change}");
    }
}

#[tokio::test]
async fn who_names_nobody_or_has_no_seal_reaches_nothing() {
    let (api, mut owner) = practice().await;
    let mut conn = log_in(&api, &mut owner).await;
    for named in [None, Some(("", 0)), Some(("T1", 11))] {
        run(&mut conn, "begin").await;
        if let Some((therapist, account)) = named {
            name(&mut conn, therapist, account, &"0".repeat(64)).await;
        }
        for reach in REACH.iter().filter(|reach| reach.reads.is_some()) {
            assert_eq!(reads(&mut conn, reach).await, Err(REFUSED.to_owned()), "{}", reach.table);
        }
        run(&mut conn, "rollback").await;
    }
}

#[tokio::test]
async fn the_owner_and_other_roles_are_undisturbed() {
    let (api, mut conn) = practice().await;
    let other = format!("other_{}", api.database().name());
    run(
        &mut conn,
        &format!("create role {other}; grant {other} to current_user; grant usage on schema internal to {other}"),
    )
    .await;
    let granted = REACH.iter().map(|reach| reach.table).collect::<Vec<_>>().join(", ");
    run(&mut conn, &format!("grant select, insert, update, delete on {granted} to {other}")).await;
    for reach in REACH {
        let count = format!("select count(*)::text from {}", reach.table);
        run(&mut conn, "begin").await;
        let owners = tried(&mut conn, &count).await.unwrap();
        run(&mut conn, &format!("set local role {other}")).await;
        assert_eq!(tried(&mut conn, &count).await.as_ref(), Ok(&owners), "{}", reach.table);
        run(&mut conn, "rollback").await;
    }
    run(&mut conn, &format!("begin; set local role {other}")).await;
    for change in [
        "update bookings set therapist_id = 'T2' where booking_id = 'B1'",
        "insert into therapist_resources (resource_id, resource_name, therapist_id) values (7, 'x', 'T9')",
        "delete from payments",
    ] {
        let changed =
            tried(&mut conn, &format!("with changed as ({change} returning 1) select 'changed' from changed")).await;
        // The sequence was not granted, and is checked before the row.
        let wanted = if change.starts_with("insert") { Err(REFUSED.to_owned()) } else { Ok("changed".to_owned()) };
        assert_eq!(changed, wanted, "{change}");
    }
    run(&mut conn, "rollback").await;
    run(&mut conn, &format!("drop owned by {other}; drop role {other}")).await;
}
