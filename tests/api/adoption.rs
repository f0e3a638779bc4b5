//! Adopting a database that other programs filled for a year: everything is readable, and no row is changed.

mod nulls;
mod rls;

use std::collections::BTreeMap;

use safestories::{
    db::migrate::{self, Error, MIGRATIONS, Status},
    integrity::adoption::{
        Adoption, AdoptionReport,
        ForeignTriggers::{self, Accept, Disable},
        adopt,
    },
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::harness::{Database, database};

/// A database as they are found; see the comments in it.
const LEGACY: &str = include_str!("adoption/legacy.sql");

async fn legacy(more: &'static str) -> (Database, PgConnection) {
    let url = database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(LEGACY).execute(&mut conn).await.expect("the legacy database");
    sqlx::raw_sql(more).execute(&mut conn).await.expect(more);
    (url, conn)
}

async fn adopted(url: &str, triggers: Option<ForeignTriggers>) -> AdoptionReport {
    match adopt(url, triggers).await {
        Ok(Adoption::Adopted(report)) => *report,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{error}"),
    }
}

async fn obstacles(url: &str, triggers: Option<ForeignTriggers>) -> Vec<String> {
    match adopt(url, triggers).await {
        Err(Error::Obstacles(obstacles)) => obstacles,
        other => panic!("{other:?}"),
    }
}

/// Every row of every table, with its place and the transaction that wrote it: a row rewritten in any way differs.
/// Only the columns that were there at first, as adoption may add others.
async fn rows(conn: &mut PgConnection, columns: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for (table, columns) in columns {
        let sql = format!("select row(ctid, xmin, {columns})::text from public.{table} order by ctid");
        all.insert(table.clone(), sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *conn).await.unwrap());
    }
    all
}

async fn columns(conn: &mut PgConnection) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, string_agg(quote_ident(column_name), ', ' order by ordinal_position)
         from information_schema.columns
         join information_schema.tables using (table_schema, table_name)
         where table_schema = 'public' and table_type = 'BASE TABLE'
         group by 1",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    rows.into_iter().collect()
}

#[track_caller]
fn assert_tells(lines: &[String], expected: &[&str]) {
    for words in expected {
        assert!(lines.iter().any(|line| line.contains(words)), "`{words}` is missing in {lines:#?}");
    }
}

#[tokio::test]
async fn everything_is_reported_and_no_row_is_changed() {
    let (url, mut conn) = legacy("").await;
    let columns = columns(&mut conn).await;
    let before = rows(&mut conn, &columns).await;

    let report = adopted(&url, Some(Accept)).await;

    assert_eq!(rows(&mut conn, &columns).await, before);
    let dated: i64 = sqlx::query_scalar("select count(created_at) from payments").fetch_one(&mut conn).await.unwrap();
    assert_eq!(dated, 0, "a column added later invents nothing for the rows that were there");
    assert_tells(
        &report.done,
        &[
            "created the table aisensy_campaign_api",
            "created the table audit_logs",
            "created the function get_ist_timestamp()",
            "added the column bookings.refund_id character varying(255)",
            "added the column payments.created_at timestamp",
            "gave the column booking_requests.status its default",
            "numbered new rows of payments.payment_id from 8",
            "moved the numbering of therapists.id past its rows, to 31",
            "widened the column users.username from character varying(60) to character varying(255)",
            "widened the column payments.amount from numeric(10,2) to numeric",
            "added unique bookings (booking_id)",
            "added foreign key bookings.therapist_id → therapists.therapist_id",
            "added foreign key payments.booking_id → bookings.booking_id",
        ],
    );
    assert_tells(
        &report.left_out,
        &[
            "unique users (lower(username)): values that occur more than once: 1 (`asha`); these users cannot log in",
            "NOT NULL of therapists.name: rows that hold NULL: 1",
            "primary key appointment_table (session_id): values that occur more than once: 1 (`56001`)",
            "foreign key refund_cancellation_table.session_id → appointment_table.session_id: \
             appointment_table.session_id is not unique",
            "foreign key payments.booking_id → bookings.booking_id: rows that point at nothing: 1; it holds for new rows",
            "column client_doc_form.status stays character varying(10) and refuses longer values",
        ],
    );
    assert_tells(
        &report.differences,
        &[
            "column all_clients_table.client_name is text, ours is character varying(255)",
            "the default of users.role is 'therapist'::character varying, ours is 'admin'::character varying",
        ],
    );
    assert_tells(
        &report.theirs,
        &[
            "table invoices",
            "view open_forms",
            "function stamp() returns trigger",
            "column bookings.utm_source text",
            "bookings_positive on bookings: CHECK",
            "accepted: trigger stamp_bookings on bookings",
            "accepted: foreign key their_cascade on public.invoices",
        ],
    );
    assert_tells(
        &report.data,
        &[
            "bookings without booking_id (they appear in no list): 1",
            "users whose password is plain text (they cannot log in until it is hashed): 2",
            "users with a role other than admin or therapist (they cannot log in): 1",
            "session notes whose booking does not exist: 1",
            "resources whose therapist does not exist: 1",
            "completed: 2",
            "bookings.booking_end_at with infinity, NaN or a year beyond the calendar (read as NULL): 2",
            "payments.amount with infinity, NaN or a year beyond the calendar (read as NULL): 1",
        ],
    );
    assert_eq!(report.applied, MIGRATIONS.all());
    assert!(report.lines().last().is_some_and(|line| line.ends_with("no row was changed.")));
}

#[tokio::test]
async fn keys_of_any_name_are_recognised_and_keep_it() {
    let (url, mut conn) = legacy("").await;
    adopted(&url, Some(Accept)).await;
    let keys: Vec<String> = sqlx::query_scalar(
        "select conname::text from pg_constraint where conrelid = 'appointment_table'::regclass and confrelid = 'all_clients_table'::regclass
         union all
         select indexrelid::regclass::text from pg_index where indrelid = 'therapists'::regclass and indisunique and not indisprimary",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(keys, ["fk_17", "their_unique_index"]);
}

#[tokio::test]
async fn a_missing_key_holds_for_new_rows_and_is_validated_where_all_rows_hold() {
    let (url, mut conn) = legacy("").await;
    adopted(&url, Some(Accept)).await;
    let validated: Vec<(String, bool)> = sqlx::query_as(
        "select conrelid::regclass::text, convalidated
         from pg_constraint
         where contype = 'f' and conname in ('payments_booking_id_fkey', 'users_therapist_id_fkey')
         order by 1",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(validated, [("payments".to_owned(), false), ("users".to_owned(), true)]);

    let orphan = sqlx::query("insert into payments (booking_id) values ('nowhere')").execute(&mut conn).await;
    assert!(orphan.unwrap_err().as_database_error().unwrap().is_foreign_key_violation());
}

#[tokio::test]
async fn the_adopted_tables_number_and_date_new_rows() {
    let (url, mut conn) = legacy("").await;
    adopted(&url, Some(Accept)).await;
    let payment: i32 = sqlx::query_scalar("insert into payments (booking_id) values ('56001') returning payment_id")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(payment, 8);
    let therapist: i32 =
        sqlx::query_scalar("insert into therapists (therapist_id, name) values ('t9', 'Noor') returning id")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!(therapist, 31);
    let moment: String = sqlx::query_scalar(
        "insert into audit_logs (action_type, action_description) values ('login', '-') returning \"timestamp\"",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert!(moment.ends_with(" IST"), "{moment}");
    let left: i64 = sqlx::query_scalar("select count(*) from pg_namespace where nspname like 'safestories%'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0, "the blueprint is gone");
}

#[tokio::test]
async fn a_second_adoption_says_that_it_is_ours() {
    let (url, mut conn) = legacy("").await;
    adopted(&url, Some(Accept)).await;
    assert_eq!(adopt(&url, None).await.unwrap(), Adoption::AlreadyOurs { pending: Vec::new() });
    assert_eq!(migrate::status(&mut conn).await.unwrap(), Status::Ours { pending: Vec::new() });
    assert!(migrate::apply(&url).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_two_adoptions_at_once_one_does_the_work() {
    let (url, _) = legacy("").await;
    let (one, other) = tokio::join!(adopt(&url, Some(Accept)), adopt(&url, Some(Accept)));
    let outcomes = [one.unwrap(), other.unwrap()];
    let idle = Adoption::AlreadyOurs { pending: Vec::new() };
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == idle).count(), 1);
}

#[tokio::test]
async fn without_adoption_foreign_tables_are_refused() {
    let (url, _) = legacy("").await;
    let refused = migrate::apply(&url).await.unwrap_err().to_string();
    assert!(refused.contains("`safestories migrate --adopt`"), "{refused}");
}

#[tokio::test]
async fn an_empty_database_has_nothing_to_adopt() {
    assert!(matches!(adopt(&database().await, None).await, Err(Error::NothingToAdopt)));
}

#[tokio::test]
async fn duplicate_booking_ids_stop_it_with_a_list_and_nothing_is_done() {
    let (url, mut conn) = legacy(
        "insert into bookings (booking_id) select 'twice-' || n from generate_series(101, 180) n, generate_series(1, 2)",
    )
    .await;
    let obstacles = obstacles(&url, Some(Accept)).await;
    assert_eq!(obstacles.len(), 1);
    assert_tells(
        &obstacles,
        &["values that occur more than once: 80 (`twice-101`, `twice-102`", "`twice-150` and so on)"],
    );
    assert!(matches!(migrate::status(&mut conn).await.unwrap(), Status::Foreign { .. }));
    let ours: bool =
        sqlx::query_scalar("select to_regnamespace('internal') is not null").fetch_one(&mut conn).await.unwrap();
    assert!(!ours);
}

#[tokio::test]
async fn what_acts_by_itself_needs_a_decision() {
    let (url, _) = legacy("").await;
    let obstacles = obstacles(&url, None).await;
    assert_tells(
        &obstacles,
        &[
            "trigger stamp_bookings on bookings",
            "rule keep_notes on client_session_notes",
            "row security on therapist_resources",
            "foreign key fk_17 on public.appointment_table",
            "foreign key their_cascade on public.invoices",
            "`--foreign-triggers accept`",
        ],
    );
    assert_eq!(obstacles.len(), 6);
}

#[tokio::test]
async fn what_acts_by_itself_is_switched_off_on_request_but_for_keys_of_theirs() {
    let (url, mut conn) = legacy("").await;
    let obstacles = obstacles(&url, Some(Disable)).await;
    assert_eq!(obstacles.len(), 1);
    assert_tells(&obstacles, &["their_cascade", "drop or accept"]);

    sqlx::query("alter table invoices drop constraint their_cascade").execute(&mut conn).await.unwrap();
    let report = adopted(&url, Some(Disable)).await;
    assert_tells(&report.done, &["switched off: trigger stamp_bookings", "switched off: foreign key fk_17"]);
    let state: (String, String, bool, String) = sqlx::query_as(
        "select (select tgenabled::text from pg_trigger where tgname = 'stamp_bookings'),
                (select ev_enabled::text from pg_rewrite where rulename = 'keep_notes'),
                (select polroles <> '{0}'
                 from pg_policy
                 where polrelid = 'therapist_resources'::regclass and polname = 'safestories_others'),
                (select confdeltype::text from pg_constraint
                 where conrelid = 'appointment_table'::regclass and confrelid = 'all_clients_table'::regclass)",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(state, ("D".to_owned(), "D".to_owned(), false, "a".to_owned()));
}

#[tokio::test]
async fn types_that_cannot_be_read_stand_in_the_way_all_named_at_once() {
    let (url, _) = legacy(
        "alter table client_session_notes alter column client_age type text;
         alter table payments alter column payment_date type timestamptz;
         alter table client_additional_notes drop column note_text;
         insert into client_additional_notes (booking_id) values ('56001');
         alter table notifications add column tenant int not null default 1;
         alter table notifications alter column tenant drop default;
         alter table therapist_clients_summary drop column total_sessions;
         alter table therapist_clients_summary add column total_sessions int generated always as (1) stored",
    )
    .await;
    let obstacles = obstacles(&url, Some(Accept)).await;
    assert_tells(
        &obstacles,
        &[
            "column client_session_notes.client_age is text, but must be integer",
            "column payments.payment_date is timestamp with time zone, but must be timestamp without time zone",
            "column client_additional_notes.note_text text is missing and must not be NULL",
            "column notifications.tenant is not ours",
            "column therapist_clients_summary.total_sessions is generated",
        ],
    );
    assert_eq!(obstacles.len(), 5);
}

#[tokio::test]
async fn a_view_in_the_place_of_a_table_is_refused() {
    let (url, _) = legacy(
        "alter table therapist_resources rename to resources; create view therapist_resources as select 1 as id",
    )
    .await;
    assert_eq!(obstacles(&url, Some(Accept)).await, ["therapist_resources is not a plain table"]);
}
