//! SQL of an attacker's that runs in a therapist's request: it reads the therapist's own rows, or gets an error.

use safestories::{
    db::{migrate, pool::Db, scope::Scope},
    domain::ids::{TherapistId, UserId},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, error::DatabaseError};
use tokio::time::{Duration, timeout};

use super::{PRACTICE, log_in, login, name, practice, run, seal, t1, tried};
use crate::harness::{Database, TestApi, database, server};

const REFUSED: &str = "42501";
const OWN: &str = "select string_agg(booking_id, ' ' order by booking_id) from public.bookings";

async fn text(conn: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[tokio::test]
async fn leaving_the_role_leads_nowhere() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    for left in [
        "select set_config('role', 'none', true)",
        "select set_config('role', 'safestories_therapist', true)",
        "select set_config('row_security', 'off', true)",
    ] {
        run(&mut conn, "savepoint before").await;
        let done = sqlx::raw_sql(left).execute(&mut conn).await;
        if done.is_ok() {
            let rows = tried(&mut conn, OWN).await;
            assert!(rows == Ok("B1 B5".to_owned()) || rows == Err(REFUSED.to_owned()), "{left}: {rows:?}");
        }
        run(&mut conn, "rollback to before").await;
    }
    for refused in [
        "select set_config('role', 'safestories', true)",
        "select set_config('session_authorization', 'safestories', true)",
        "select set_config('role', 'postgres', true)",
        "select seal_key::text from internal.therapist_login",
        "select password from internal.therapist_login",
        "select rolpassword::text from pg_authid",
        "select pg_read_file('postmaster.pid')",
        "with made as (select lo_import('/etc/passwd')) select 'made' from made",
    ] {
        assert_eq!(tried(&mut conn, refused).await, Err(REFUSED.to_owned()), "{refused}");
    }
}

#[tokio::test]
async fn a_forged_name_or_the_seal_of_another_transaction_is_refused() {
    let (api, mut owner) = practice().await;
    let mut theirs = log_in(&api, &mut owner).await;
    run(&mut theirs, "begin").await;
    let stolen = seal(&mut owner, &mut theirs, "T2", 12).await;
    assert_eq!(tried(&mut theirs, OWN).await.as_deref(), Ok("B2 B3 B4"));

    let mut conn = log_in(&api, &mut owner).await;
    run(&mut conn, "begin").await;
    let own = seal(&mut owner, &mut conn, "T1", 11).await;
    for (therapist, account, seal) in [
        ("T2", 11, own.as_str()),
        ("T1", 12, &own),
        ("", 11, &own),
        ("T2", 12, &stolen),
        ("T2", 12, ""),
        ("T2", 12, "0"),
    ] {
        name(&mut conn, therapist, account, seal).await;
        for read in [
            OWN,
            "select count(*)::text from public.client_session_notes",
            "select count(*)::text from public.notifications",
            "select count(*)::text from internal.sessions_of_client('C2')",
            "select internal.was_high_before('C3', 'B4')::text",
            "select count(*)::text from internal.delete_notification(2, 12)",
        ] {
            assert_eq!(tried(&mut conn, read).await, Err(REFUSED.to_owned()), "{therapist} {account} {seal}: {read}");
        }
    }
    // Its own seal is worth nothing in the next transaction of the same connection.
    run(&mut conn, "rollback; begin").await;
    name(&mut conn, "T1", 11, &own).await;
    assert_eq!(tried(&mut conn, OWN).await, Err(REFUSED.to_owned()), "a seal of a transaction that has ended");
}

#[tokio::test]
async fn a_name_that_changes_within_a_statement_is_refused() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    let renaming = "select string_agg(n.booking_id, ' ')
                    from (select set_config('safestories.therapist_id', 'T2', true) as named offset 0) x
                    join lateral (select b.booking_id from public.bookings b where x.named is not null) n on true";
    assert_eq!(tried(&mut conn, renaming).await, Err(REFUSED.to_owned()));
}

#[tokio::test]
async fn what_an_attack_leaves_on_a_connection_does_not_reach_the_next_therapist() {
    let api = TestApi::new().await;
    run(&mut api.app.db.direct().await.unwrap(), PRACTICE).await;
    let db = Db::new(api.database(), None, 1).unwrap();
    let own = |therapist: &str, user| Scope::Own { therapist: TherapistId::from(therapist), user: UserId(user) };
    let backend = "select pg_backend_pid()::text";
    let mut conn = db.read(&own("T1", 11)).await.unwrap();
    let first = text(&mut conn, backend).await;
    run(&mut conn, "select set_config('loot.kept', 'x', false), set_config('search_path', 'internal', false)").await;
    drop(conn);
    let mut conn = db.read(&own("T2", 12)).await.unwrap();
    assert_eq!(text(&mut conn, backend).await, first, "the same connection");
    assert_eq!(text(&mut conn, "select coalesce(current_setting('loot.kept', true), '')").await, "");
    assert_eq!(text(&mut conn, "select current_setting('search_path')").await, "public,pg_temp");
    assert_eq!(text(&mut conn, "select current_setting('statement_timeout')").await, "30s");
    run(&mut conn, "prepare sqlx_s_99 as select 'not what was asked for'").await;
    drop(conn);
    let mut conn = db.read(&own("T1", 11)).await.unwrap();
    assert_ne!(text(&mut conn, backend).await, first, "a connection with a statement of SQL's own is closed");
    drop(conn);
    db.close().await;
}

/// An attack that ends the transaction itself keeps what belongs to the connection.
#[tokio::test]
async fn a_cursor_a_lock_and_a_listener_are_gone_for_the_next_therapist() {
    let api = TestApi::new().await;
    run(&mut api.app.db.direct().await.unwrap(), PRACTICE).await;
    let direct = format!("{}&application_name=direct", &**api.database());
    for pooler in [None, Some(direct.as_str())] {
        let db = Db::new(api.database(), pooler, 1).unwrap();
        let own = |therapist: &str, user| Scope::Own { therapist: TherapistId::from(therapist), user: UserId(user) };
        let left = "select concat_ws(
                        ' ', pg_backend_pid(), (select count(*) from pg_cursors where is_holdable),
                        (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
                        (select count(*) from pg_listening_channels())
                    )";
        let mut conn = db.read(&own("T1", 11)).await.unwrap();
        let backend = text(&mut conn, "select pg_backend_pid()::text").await;
        run(
            &mut conn,
            "declare loot cursor with hold for select booking_id from public.bookings;
             select pg_advisory_lock(7);
             listen loot;
             commit",
        )
        .await;
        assert_eq!(text(&mut conn, left).await, format!("{backend} 1 1 1"));
        drop(conn);
        let mut conn = db.read(&own("T2", 12)).await.unwrap();
        assert_eq!(text(&mut conn, left).await, format!("{backend} 0 0 0"), "behind a pooler: {}", pooler.is_some());
        drop(conn);
        db.close().await;
    }
}

/// What the login writes outside the server's units of work would be taken up as another program's.
#[tokio::test]
async fn what_is_written_beside_a_unit_of_work_is_refused() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    let complete = "update public.bookings set booking_status = 'completed' where booking_id = 'B1' returning 'done'";
    assert_eq!(tried(&mut conn, complete).await, Ok("done".to_owned()));
    run(&mut conn, "set local safestories.writer = ''").await;
    assert_eq!(tried(&mut conn, complete).await, Err(REFUSED.to_owned()));
}

#[tokio::test]
async fn another_key_is_read_when_it_has_changed() {
    let (api, mut owner) = practice().await;
    api.therapist("T1").get("/api/v1/therapist/bookings").await.is(200);
    run(&mut owner, "update internal.therapist_login set seal_key = sha256('another')").await;
    // For a second connections are taken to be sealed.
    let read = async { while api.therapist("T1").get("/api/v1/therapist/bookings").await.status == 503 {} };
    timeout(Duration::from_secs(20), read).await.expect("connections are sealed anew");
    api.therapist("T1").get("/api/v1/therapist/bookings").await.is(200);
}

#[tokio::test]
async fn the_seal_of_another_connection_is_refused() {
    let (api, mut owner) = practice().await;
    let (mut first, mut second) = (log_in(&api, &mut owner).await, log_in(&api, &mut owner).await);
    let this = text(&mut first, "select internal.this_connection()").await;
    let seal: String = sqlx::query_scalar(
        "select encode(sha256(seal_key || sha256(convert_to($1, 'UTF8'))), 'hex') from internal.therapist_login",
    )
    .bind(format!("{this}\n11\nT1"))
    .fetch_one(&mut owner)
    .await
    .unwrap();
    for (conn, expected) in [(&mut first, Ok("B1 B5".to_owned())), (&mut second, Err(REFUSED.to_owned()))] {
        run(conn, "begin").await;
        name(conn, "T1", 11, &seal).await;
        assert_eq!(tried(conn, OWN).await, expected);
    }
}

/// What a therapist reads needs no transaction, and may write nothing.
#[tokio::test]
async fn a_connection_stays_sealed_for_the_requests_of_one_account() {
    let api = TestApi::new().await;
    run(&mut api.app.db.direct().await.unwrap(), PRACTICE).await;
    let db = Db::new(api.database(), None, 1).unwrap();
    let own = |therapist: &str, user| Scope::Own { therapist: TherapistId::from(therapist), user: UserId(user) };
    let seal = "select current_setting('safestories.seal')";
    let mut conn = db.read(&own("T1", 11)).await.unwrap();
    let first = text(&mut conn, seal).await;
    let write = sqlx::query("update public.bookings set booking_status = 'completed' where booking_id = 'B1'");
    let refused = write.execute(&mut *conn).await.expect_err("it only reads");
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("25006"));
    drop(conn);
    let mut conn = db.read(&own("T1", 11)).await.unwrap();
    assert_eq!(text(&mut conn, seal).await, first);
    assert_eq!(text(&mut conn, "select string_agg(distinct therapist_id, ' ') from public.bookings").await, "T1");
    run(&mut conn, "select set_config('safestories.therapist_id', 'T2', false)").await;
    let read = sqlx::query("select from public.bookings").fetch_all(&mut *conn).await;
    assert_eq!(read.expect_err("the seal is another's").as_database_error().unwrap().code().as_deref(), Some(REFUSED));
    drop(conn);
    let mut conn = db.read(&own("T2", 12)).await.unwrap();
    assert_ne!(text(&mut conn, seal).await, first);
    assert_eq!(text(&mut conn, "select string_agg(distinct therapist_id, ' ') from public.bookings").await, "T2");
    drop(conn);
    db.close().await;
}

#[tokio::test]
async fn a_note_of_another_program_is_not_made_a_draft() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    // Booking B1 has a draft of its own already, and B5 a signed note.
    run(
        &mut owner,
        "insert into bookings (booking_id, therapist_id) values ('B7', 'T1');
         insert into client_session_notes (note_id, booking_id) values (8, 'B7')",
    )
    .await;
    let mark = |note: &str| {
        format!(
            "with marked as (insert into internal.session_notes (note_id, booking_id, author_id, started_at)
                             values ({note}, 'B7', 11, now()) returning 1)
             select 'marked' from marked"
        )
    };
    assert_eq!(tried(&mut conn, &mark("8")).await, Err(REFUSED.to_owned()));
    let held = "with held as (select from client_session_notes where note_id = 8 for no key update)
                select count(*)::text from held";
    assert_eq!(tried(&mut conn, held).await.as_deref(), Ok("1"));
    assert_eq!(tried(&mut conn, &mark("8")).await, Err(REFUSED.to_owned()), "a lock is no insert");
    // Outside a savepoint: it has a transaction id of its own.
    run(&mut conn, "rollback").await;
    let mut conn = t1(&api, &mut owner).await;
    run(&mut conn, "insert into client_session_notes (booking_id, client_name) values ('B7', 'x')").await;
    let own = "currval('client_session_notes_note_id_seq')";
    assert_eq!(tried(&mut conn, &mark(own)).await.as_deref(), Ok("marked"), "one that this transaction inserted");
}

#[tokio::test]
async fn there_are_no_temporary_tables_and_no_table_is_locked() {
    let (api, mut owner) = practice().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text
         from pg_class
         where relnamespace in ('public'::regnamespace, 'internal'::regnamespace)
           and relkind in ('r', 'p')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let mut conn = t1(&api, &mut owner).await;
    let mut statements: Vec<String> = [
        "create temporary table mine (x integer)",
        "create temporary sequence mine",
        "create function pg_temp.mine() returns integer language sql return 1",
        "create table public.mine (x integer)",
        "create function public.mine() returns integer language sql return 1",
        "create schema mine",
        "select * into temporary mine from public.bookings",
    ]
    .map(str::to_owned)
    .into();
    for table in tables {
        for mode in ["access share", "row share", "row exclusive", "share", "exclusive", "access exclusive"] {
            statements.push(format!("lock table {table} in {mode} mode"));
        }
    }
    for statement in statements {
        run(&mut conn, "savepoint attempt").await;
        let refusal = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut conn).await.expect_err(&statement);
        let code = refusal.as_database_error().and_then(DatabaseError::code);
        // A schema for temporary objects is not even looked up.
        assert!(matches!(code.as_deref(), Some(REFUSED | "3F000")), "{statement}: {code:?}");
        run(&mut conn, "rollback to attempt").await;
    }
}

#[tokio::test]
async fn a_database_where_others_may_create_in_public_is_refused() {
    let database = Database::migrated().await;
    let mut owner = PgConnection::connect(&database).await.unwrap();
    run(&mut owner, "grant create on schema public to public").await;
    let revoke = "revoke create on schema public from public;";
    let told = migrate::apply(&database).await.expect_err("others may create").to_string();
    assert!(told.ends_with(revoke), "{told}");
    let told = migrate::check_rls(&mut owner).await.expect_err("others may create").to_string();
    assert!(told.ends_with(revoke), "{told}");
    run(&mut owner, revoke).await;
    migrate::check_rls(&mut owner).await.expect("whole");

    let empty = database_where_others_create().await;
    let told = migrate::apply(&empty).await.expect_err("others may create").to_string();
    assert!(told.ends_with(revoke), "{told}");
}

#[tokio::test]
async fn a_right_to_create_by_way_of_a_group_counts_if_others_are_in_it() {
    let database = Database::migrated().await;
    let mut owner = PgConnection::connect(&database).await.unwrap();
    let (group, other) = (format!("group_{}", database.name()), format!("other_{}", database.name()));
    let mut superuser = PgConnection::connect(&server().superuser_url(database.name())).await.unwrap();
    let sql = format!(
        "create role {group}; create role {other} login; grant {group} to safestories;
         grant create on schema public to {group}"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
    migrate::check_rls(&mut owner).await.expect("the owner's own group");
    for (given, taken) in [
        (format!("grant {group} to {other}"), format!("revoke {group} from {other}")),
        (format!("alter role {group} login"), format!("alter role {group} nologin")),
    ] {
        sqlx::raw_sql(AssertSqlSafe(given.clone())).execute(&mut superuser).await.unwrap();
        let told = migrate::check_rls(&mut owner).await.expect_err(&given).to_string();
        assert!(told.ends_with(&format!("revoke create on schema public from {group};")), "{given}: {told}");
        sqlx::raw_sql(AssertSqlSafe(taken)).execute(&mut superuser).await.unwrap();
    }
    migrate::check_rls(&mut owner).await.expect("the owner's own group again");
    let gone = format!("revoke create on schema public from {group}; drop role {group}; drop role {other}");
    sqlx::raw_sql(AssertSqlSafe(gone)).execute(&mut superuser).await.unwrap();
}

async fn database_where_others_create() -> Database {
    let empty = database().await;
    let mut owner = PgConnection::connect(&empty).await.unwrap();
    run(&mut owner, "grant create on schema public to public").await;
    empty
}

#[tokio::test]
async fn functions_that_shadow_postgresqls_are_reported() {
    let database = Database::migrated().await;
    let mut owner = PgConnection::connect(&database).await.unwrap();
    assert_eq!(migrate::suspect_functions(&mut owner).await.unwrap(), [] as [&str; 0]);
    run(
        &mut owner,
        "create function public.lower(varchar) returns text language sql return 'x';
         create function public.unlike(integer, text) returns boolean language sql return true;
         create operator public.= (leftarg = integer, rightarg = text, function = public.unlike)",
    )
    .await;
    let found = migrate::suspect_functions(&mut owner).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("function lower(character varying) of safestories"), "{found:?}");
    assert!(found[1].contains("operator =(integer,text)"), "{found:?}");
}

#[tokio::test]
async fn functions_that_give_everybody_their_owners_rights_are_reported() {
    let database = Database::migrated().await;
    let mut owner = PgConnection::connect(&database).await.unwrap();
    run(
        &mut owner,
        "create function public.peek() returns text language sql security definer return 'x';
         create function public.stamp() returns trigger language plpgsql security definer as 'begin return new; end';
         create function public.kept() returns text language sql security definer return 'x';
         revoke execute on function public.kept() from public",
    )
    .await;
    let found = migrate::suspect_functions(&mut owner).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("the function peek() of safestories runs with its owner's rights"), "{found:?}");
}

/// Members of the group who are not this database's login: those of other practices.
#[tokio::test]
async fn the_login_of_another_practice_reads_nothing() {
    let (api, mut owner) = practice().await;
    let other = database().await;
    migrate::apply(&other).await.expect("another practice");
    let mut its_owner = PgConnection::connect(&other).await.unwrap();
    assert_ne!(login(&mut its_owner).await, login(&mut owner).await);
    let mut conn = log_in(&api, &mut its_owner).await;
    run(&mut conn, "begin").await;
    let this = text(&mut conn, "select internal.this_transaction()").await;
    let seal: String = sqlx::query_scalar(
        "select encode(sha256(seal_key || sha256(convert_to($1, 'UTF8'))), 'hex') from internal.therapist_login",
    )
    .bind(format!("{this}\n11\nT1"))
    .fetch_one(&mut its_owner)
    .await
    .unwrap();
    name(&mut conn, "T1", 11, &seal).await;
    assert_eq!(tried(&mut conn, OWN).await, Err(REFUSED.to_owned()));
    assert_eq!(tried(&mut conn, "select internal.therapist_name('T1')").await, Err(REFUSED.to_owned()));
}
