//! The schema `public` is exactly the documented one: its tables, columns, keys, one function, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use safestories::{
    db::migrate::{self, Error, Status, TABLES},
    integrity::adoption,
};
use sqlx::{Connection, PgConnection};

use crate::harness::{Database, database};

const DOCUMENT: &str = include_str!("schema/SCHEMA.md");

/// A column as a line that is easy to compare: type, default, constraints.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    r#type: String,
    default: Option<String>,
    not_null: bool,
    primary: bool,
    unique: bool,
}

/// Table by table, the columns in order.
fn documented() -> BTreeMap<String, Vec<Column>> {
    let mut tables = BTreeMap::new();
    let mut table = String::new();
    for line in DOCUMENT.lines() {
        if let Some(heading) = line.strip_prefix("### ")
            && let Some((_, name)) = heading.split_once(". ")
        {
            name.clone_into(&mut table);
            tables.insert(table.clone(), Vec::new());
        } else if line.starts_with("| ") && !line.starts_with("| Column |") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, r#type, rules] = cells[..] else { panic!("not a column: {line}") };
            tables.get_mut(&table).expect("a column stands under a table").push(column(&table, name, r#type, rules));
        }
    }
    tables
}

fn column(table: &str, name: &str, r#type: &str, rules: &str) -> Column {
    let rules: Vec<&str> = rules.split(", ").collect();
    let has = |rule: &str| rules.contains(&rule);
    let default = if has("AUTO INCREMENT") {
        Some(format!("nextval('{table}_{name}_seq'::regclass)"))
    } else {
        rules.iter().find_map(|rule| rule.strip_prefix("DEFAULT ")).map(|default| match default {
            "CURRENT_TIMESTAMP AT TIME ZONE 'Asia/Kolkata'" => {
                "(CURRENT_TIMESTAMP AT TIME ZONE 'Asia/Kolkata'::text)".to_owned()
            }
            text if text.starts_with('\'') => format!("{text}::character varying"),
            other => other.to_owned(),
        })
    };
    let r#type = match r#type {
        "timestamp" => "timestamp without time zone".to_owned(),
        // The document names no element type; the words in use are text.
        "array" => "text[]".to_owned(),
        other => other.replace("varchar", "character varying"),
    };
    Column {
        name: name.to_owned(),
        r#type,
        default,
        not_null: has("NOT NULL") || has("PRIMARY KEY"),
        primary: has("PRIMARY KEY"),
        unique: has("UNIQUE"),
    }
}

/// `payments.booking_id → bookings.booking_id`, from the columns and from the list of relationships.
fn documented_keys() -> (BTreeSet<String>, BTreeSet<String>) {
    let mut in_columns = BTreeSet::new();
    let mut in_list = BTreeSet::new();
    let mut table = "";
    for line in DOCUMENT.lines() {
        if let Some((_, name)) = line.strip_prefix("### ").and_then(|heading| heading.split_once(". ")) {
            table = name;
        } else if line.starts_with("| ") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            for target in cells[2].split(", ").filter_map(|rule| rule.strip_prefix("FK → ")) {
                in_columns.insert(format!("{table}.{} → {target}", cells[0]));
            }
        } else if line.contains("` → `") {
            in_list.insert(line.split_once(". ").expect("a numbered line").1.replace('`', ""));
        }
    }
    (in_columns, in_list)
}

async fn migrated() -> (Database, PgConnection) {
    let database = Database::migrated().await;
    let conn = PgConnection::connect(&database).await.expect("a connection");
    (database, conn)
}

async fn strings(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(conn).await.expect(sql)
}

#[tokio::test]
async fn every_table_has_exactly_its_documented_columns() {
    let (_database, mut conn) = migrated().await;
    let documented = documented();
    assert_eq!(documented.len(), 20);
    assert_eq!(documented.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(TABLES));

    for (table, columns) in documented {
        let rows: Vec<(String, String, Option<String>, bool, bool, bool)> = sqlx::query_as(
            "select attname::text,
                    format_type(atttypid, atttypmod),
                    pg_get_expr(adbin, adrelid),
                    attnotnull,
                    exists (select from pg_constraint where conrelid = attrelid and contype = 'p' and conkey = array[attnum]),
                    exists (select from pg_constraint where conrelid = attrelid and contype = 'u' and conkey = array[attnum])
             from pg_attribute
             left join pg_attrdef on adrelid = attrelid and adnum = attnum
             where attrelid = to_regclass('public.' || $1) and attnum > 0
             order by attnum",
        )
        .bind(&table)
        .fetch_all(&mut conn)
        .await
        .expect("the catalogue");
        let found: Vec<Column> = rows
            .into_iter()
            .map(|(name, r#type, default, not_null, primary, unique)| Column {
                // The document leaves it to the five keys to say so.
                unique: unique && (table != "bookings" || name != "booking_id"),
                name,
                r#type,
                default,
                not_null,
                primary,
            })
            .collect();
        assert_eq!(found, columns, "table {table}");
    }
}

#[tokio::test]
async fn the_twenty_foreign_keys_are_the_documented_ones_and_do_nothing_by_themselves() {
    let (_database, mut conn) = migrated().await;
    let (in_columns, in_list) = documented_keys();
    assert_eq!(in_list.len(), 20);
    assert_eq!(in_columns, in_list, "the document agrees with itself");

    let found = strings(
        &mut conn,
        "select format('%s.%s → %s.%s', t.relname, a.attname, r.relname, ra.attname)
         from pg_constraint
         join pg_class t on t.oid = conrelid
         join pg_class r on r.oid = confrelid
         join pg_attribute a on a.attrelid = conrelid and a.attnum = any (conkey)
         join pg_attribute ra on ra.attrelid = confrelid and ra.attnum = any (confkey)
         where contype = 'f'
           and connamespace = 'public'::regnamespace
           and convalidated
           and confdeltype = 'a'
           and confupdtype = 'a'
           and not condeferrable",
    )
    .await;
    assert_eq!(found.len(), 20);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), in_list);
}

#[tokio::test]
async fn public_holds_nothing_else() {
    let (_database, mut conn) = migrated().await;
    let relations = strings(
        &mut conn,
        "select relname::text
         from pg_class
         where relnamespace = 'public'::regnamespace
           and relkind <> 'i'
           and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'a' and relkind = 'S')",
    )
    .await;
    assert_eq!(relations.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(TABLES));

    let functions =
        strings(&mut conn, "select oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace")
            .await;
    assert_eq!(functions, ["get_ist_timestamp()"]);

    let types = strings(
        &mut conn,
        "select typname::text
         from pg_type
         where typnamespace = 'public'::regnamespace and typrelid = 0 and typcategory <> 'A'",
    )
    .await;
    assert_eq!(types, [""; 0]);

    let rules = strings(
        &mut conn,
        "select conname::text from pg_constraint where connamespace = 'public'::regnamespace and contype not in ('p', 'u', 'f')
         union all
         select tgname::text from pg_trigger join pg_class on pg_class.oid = tgrelid
         where relnamespace = 'public'::regnamespace and not tgisinternal
         union all
         select policyname::text from pg_policies where schemaname = 'public' and policyname !~ '^safestories_'
         order by 1",
    )
    .await;
    // Signed notes do not change, calendars learn how often a session changed, logins end with their user's rights, and what any
    // program writes is tracked, told to open streams, and published: the only triggers in addition to the documented schema. The
    // policies of row-level security bind one role alone, and have tests of their own.
    let tracked = [
        ("all_clients_table", &["delete", "insert", "truncate", "update"][..]),
        ("appointment_table", &["delete", "insert", "truncate", "update"]),
        ("booking_requests", &["insert"]),
        ("bookings", &["delete", "insert", "truncate", "update"]),
        ("client_session_notes", &["delete", "insert", "truncate", "update"]),
        ("payments", &["delete", "insert", "truncate", "update"]),
        ("refund_cancellation_table", &["insert", "update"]),
        ("therapists", &["insert"]),
    ];
    let told = [
        "all_clients_table",
        "booking_requests",
        "bookings",
        "client_additional_notes",
        "client_doc_form",
        "client_session_notes",
        "client_transfer_history",
        "payments",
        "refund_cancellation_table",
    ];
    let mut known: Vec<String> = tracked
        .iter()
        .flat_map(|(table, verbs)| verbs.iter().map(move |verb| format!("{table}_track_{verb}")))
        .chain(told.iter().flat_map(|table| ["delete", "insert", "update"].map(|verb| format!("{table}_tell_{verb}"))))
        .chain(
            [
                "booking_requests_publish_insert",
                "booking_requests_publish_update",
                "bookings_count_calendar_revision",
                "bookings_publish_insert",
                "bookings_publish_update",
                "client_session_notes_publish",
                "clients_publish_insert",
                "clients_publish_update",
                "payments_publish_insert",
                "payments_publish_update",
                "client_session_notes_keep_signed",
                "client_session_notes_keep_signed_all",
                "users_end_sessions_delete",
                "users_end_sessions_update",
            ]
            .map(str::to_owned),
        )
        .collect();
    known.sort();
    assert_eq!(rules, known);
}

#[tokio::test]
async fn booking_ids_and_names_in_any_letter_case_are_unique() {
    let (_database, mut conn) = migrated().await;
    sqlx::query("insert into bookings (booking_id) values ('B1'), (null), (null)").execute(&mut conn).await.unwrap();
    let again = sqlx::query("insert into bookings (booking_id) values ('B1')").execute(&mut conn).await.unwrap_err();
    assert_eq!(again.as_database_error().unwrap().constraint(), Some("bookings_booking_id_key"));

    let user = "insert into users (username, password, name) values ($1, '-', 'Asha')";
    sqlx::query(user).bind("asha").execute(&mut conn).await.unwrap();
    let again = sqlx::query(user).bind("ASHA").execute(&mut conn).await.unwrap_err();
    assert_eq!(again.as_database_error().unwrap().constraint(), Some("users_username_key"));
}

#[tokio::test]
async fn the_audit_log_spells_the_moment_in_india() {
    let (_database, mut conn) = migrated().await;
    let (text, back): (String, bool) = sqlx::query_as(
        "select get_ist_timestamp(),
                abs(extract(epoch from
                    to_timestamp(substr(replace(get_ist_timestamp(), ' IST', ''), 6), 'Mon DD, YYYY, HH12:MI AM')
                        - interval '5:30' - now()
                )) < 61",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert!(text.ends_with("M IST") && text.matches(", ").count() == 3, "{text}");
    assert!(back, "{text} is now");
}

#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    let url = database().await;
    let all = futures_util::future::join_all((0..6).map(|_| migrate::apply(&url))).await;
    let applied: Vec<usize> = all.into_iter().map(|result| result.expect("each succeeds").len()).collect();
    assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "one of them did the work: {applied:?}");

    let mut conn = PgConnection::connect(&url).await.unwrap();
    assert_eq!(migrate::status(&mut conn).await.unwrap(), Status::Ours { pending: Vec::new() });
}

#[tokio::test]
async fn a_database_of_a_newer_or_another_build_is_refused() {
    let url = database().await;
    migrate::apply(&url).await.unwrap();
    let mut conn = PgConnection::connect(&url).await.unwrap();

    sqlx::query("insert into internal._sqlx_migrations values (9999, 'later', now(), true, '', 0)")
        .execute(&mut conn)
        .await
        .unwrap();
    let refused = migrate::apply(&url).await.unwrap_err();
    assert!(matches!(&refused, Error::Newer { by } if *by == ["migration 9999"]), "{refused}");
    assert!(refused.to_string().contains("newer build"), "{refused}");

    // As the landings before 1.0 had it.
    sqlx::query("update internal._sqlx_migrations set checksum = '\\x00', description = 'reading' where version = 4")
        .execute(&mut conn)
        .await
        .unwrap();
    let refused = migrate::apply(&url).await.unwrap_err();
    assert!(matches!(&refused, Error::Older { by } if *by == ["0004 audit"]), "{refused}");
    for said in ["older than 1.0", "`.safestories`", "pg_dump --data-only --schema=public"] {
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[tokio::test]
async fn functions_whose_text_changed_are_run_again_and_an_older_build_leaves_them() {
    let url = database().await;
    migrate::apply(&url).await.unwrap();
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let current = Status::Ours { pending: Vec::new() };
    assert_eq!(migrate::status(&mut conn).await.unwrap(), current);

    // An older build was here last: with another text of one file.
    let older = "update internal.applied_files set checksum = '\\x00' where name = 'functions/money.sql';
        create or replace function internal.refund_step_word(step integer) returns text language sql return 'old'";
    sqlx::raw_sql(older).execute(&mut conn).await.unwrap();
    let pending = vec!["functions/money.sql".to_owned()];
    assert_eq!(migrate::status(&mut conn).await.unwrap(), Status::Ours { pending: pending.clone() });
    assert_eq!(migrate::apply(&url).await.unwrap(), pending);
    assert_eq!(strings(&mut conn, "select internal.refund_step_word(1)").await, ["requested"]);
    assert_eq!(migrate::status(&mut conn).await.unwrap(), current);

    // A newer build was here since.
    sqlx::raw_sql("insert into internal.applied_files (name, checksum) values ('functions/money.sql', '\\x01')")
        .execute(&mut conn)
        .await
        .unwrap();
    let refused = migrate::apply(&url).await.unwrap_err();
    assert!(matches!(&refused, Error::Newer { by } if *by == pending), "{refused}");
}

#[tokio::test]
async fn functions_are_run_again_while_another_instance_holds_a_table() {
    let url = database().await;
    migrate::apply(&url).await.unwrap();
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let changed = sqlx::query("update internal.applied_files set checksum = '\\x00'").execute(&mut conn).await.unwrap();
    let mut serving = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("begin; lock table bookings in row exclusive mode").execute(&mut serving).await.unwrap();
    let (applied, ()) = tokio::join!(migrate::apply(&url), async {
        // The files wait for the table, and give up, so that nobody queues behind them.
        for waiting in [true, false] {
            let seen = "select exists (select from pg_locks where relation = 'bookings'::regclass and not granted)";
            while sqlx::query_scalar::<_, bool>(seen).fetch_one(&mut conn).await.unwrap() != waiting {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        sqlx::raw_sql("commit").execute(&mut serving).await.unwrap();
    });
    assert_eq!(applied.unwrap().len() as u64, changed.rows_affected());
    assert_eq!(migrate::status(&mut conn).await.unwrap(), Status::Ours { pending: Vec::new() });
}

#[tokio::test]
async fn no_function_is_defined_twice() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = [&folder, &folder.join("functions")].map(|folder| std::fs::read_dir(folder).unwrap());
    let mut functions: Vec<String> = Vec::new();
    for file in files.into_iter().flatten().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let sql = std::fs::read_to_string(file).unwrap();
        functions.extend(
            sql.lines()
                .filter(|line| {
                    line.starts_with("create ") && (line.contains(" function ") || line.contains(" procedure "))
                })
                .map(|line| {
                    line.split_once("internal.").map_or(line, |(_, rest)| rest).split('(').next().unwrap().to_owned()
                }),
        );
    }
    let all = functions.len();
    assert_eq!(functions.into_iter().collect::<BTreeSet<_>>().len(), all);
}

#[tokio::test]
async fn tables_of_other_programs_do_not_make_a_database_foreign() {
    let url = database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::query("create table invoices (id int)").execute(&mut conn).await.unwrap();
    assert_eq!(migrate::status(&mut conn).await.unwrap(), Status::Empty);
    migrate::apply(&url).await.expect("it is migrated");
}

#[tokio::test]
async fn the_description_that_adoption_goes_by_is_that_of_a_migrated_database() {
    let (_database, mut conn) = migrated().await;
    let described = adoption::describe(&mut conn).await.unwrap();
    assert!(described == adoption::WANTED, "run `safestories dev prepare`");
}
