//! The role in which links are opened: what it reaches, and what it does not.

use data_encoding::HEXLOWER;
use sqlx::{AssertSqlSafe, PgConnection, error::DatabaseError};

use super::{choose, linked, practice};
use crate::{
    fixtures::booking,
    harness::{Database, TestApi},
};

/// Everything that the role may do, relation by relation and function by function.
const PRIVILEGES: &str = "
    select format('%I.%I %s (%s)', n.nspname, c.relname, lower(verb), string_agg(a.attname, ', ' order by a.attname))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) verb
    where n.nspname in ('public', 'internal')
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_column_privilege('safestories_guest', c.oid, a.attnum, verb)
    group by n.nspname, c.relname, verb
    union all
    select format('%I.%I %s', n.nspname, c.relname, lower(verb))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    cross join unnest(array['DELETE', 'TRUNCATE', 'TRIGGER', 'SELECT']) verb
    where n.nspname in ('public', 'internal')
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_table_privilege('safestories_guest', c.oid, verb)
    union all
    select p.oid::regprocedure::text
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'internal')
      and p.prosecdef
      and has_function_privilege('safestories_guest', p.oid, 'execute')
    order by 1";

/// A connection that has become the role, with the link of a path.
async fn guest(api: &TestApi, path: &str) -> PgConnection {
    let mut db = api.app.db.direct().await.expect("a connection");
    let token = path.trim_start_matches("/book/");
    let named = HEXLOWER.encode(&api.app.seals.links.of(token.as_bytes())[0]);
    let role = format!("begin; set local safestories.booking_link = E'\\\\x{named}'; set local role safestories_guest");
    sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut db).await.expect("the role");
    db
}

async fn texts(db: &mut PgConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(db).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[tokio::test]
async fn it_may_read_what_free_times_are_made_of_and_nothing_else() {
    let api = practice().await;
    let mut owner = api.app.db.direct().await.expect("a connection");
    assert_eq!(
        texts(&mut owner, PRIVILEGES).await,
        [
            "internal.availability select (schedules, therapist_id)",
            "internal.availability_overrides select (day, hours, therapist_id, time_zone)",
            "internal.booking_facts select (booking_id, counted_as, ends_at, free, starts_at, therapist_id)",
            "internal.holds select (ends_at, expires_at, held_by, hold_id, starts_at, therapist_id)",
            "internal.lapsed_bookings(timestamp with time zone,text[])",
            "internal.linked_therapist()",
            "internal.opened_link(timestamp with time zone)",
            "internal.retirements select (therapist_id)",
            "internal.scheduling_rules select (ahead_days, buffer_after_minutes, buffer_before_minutes, kind, length_minutes, \
         notice_minutes, sessions_a_day, step_minutes, therapist_id)",
            "internal.therapist_week_changes select (sessions, therapist_id, week)",
            "internal.therapist_weeks select (sessions, therapist_id, week)",
            "public.bookings select (booking_id, booking_resource_name, therapist_id)",
            "public.therapists select (capacity, name, specialization, therapist_id)",
        ]
    );
    let powers =
        "select concat_ws(' ', rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication)
                  from pg_roles
                  where rolname = 'safestories_guest'";
    assert_eq!(texts(&mut owner, powers).await, ["f f f f f f"]);
}

#[tokio::test]
async fn it_has_the_rows_of_the_links_therapist_only() {
    let api = practice().await;
    let link = linked(&api).await;
    for (therapist, start) in [("T1", "2026-02-05T05:00:00Z"), ("T2", "2026-02-05T05:00:00Z")] {
        api.given(booking(therapist, start)).await;
    }
    api.take_up().await;
    let mut db = guest(&api, &link).await;
    for table in [
        "select distinct therapist_id::text from therapists",
        "select distinct therapist_id::text from bookings",
        "select distinct therapist_id::text from internal.booking_facts",
        "select distinct therapist_id::text from internal.availability",
    ] {
        assert_eq!(texts(&mut db, table).await, ["T1"], "{table}");
    }
    let mut nobody = guest(&api, "/book/x").await;
    assert_eq!(texts(&mut nobody, "select therapist_id::text from internal.booking_facts").await, [] as [&str; 0]);
    assert_eq!(texts(&mut nobody, "select first_name from internal.opened_link(now())").await, [] as [&str; 0]);
    for refused in [
        "select invitee_name from bookings",
        "select * from all_clients_table",
        "select * from internal.booking_links",
        "select * from booking_requests",
        "update bookings set booking_resource_name = 'x'",
        "insert into internal.holds (therapist_id) values ('T1')",
        "select internal.write_trail('{}')",
    ] {
        let mut db = guest(&api, &link).await;
        let error = sqlx::raw_sql(refused).execute(&mut db).await.expect_err(refused);
        assert_eq!(error.as_database_error().and_then(DatabaseError::code).as_deref(), Some("42501"), "{refused}");
    }
}

#[tokio::test]
async fn the_policies_are_made_again_where_somebody_opened_them() {
    let api = practice().await;
    let database: &Database = api.database();
    let mut owner = api.app.db.direct().await.expect("a connection");
    for opened in [
        "grant select on all_clients_table to safestories_guest",
        "drop policy safestories_guests_read on bookings",
        "grant execute on function internal.write_trail(jsonb) to safestories_guest",
    ] {
        sqlx::raw_sql(opened).execute(&mut owner).await.expect(opened);
        assert!(safestories::db::migrate::check_rls(&mut owner).await.is_err(), "{opened}");
        safestories::db::migrate::apply(database).await.expect("made again");
        safestories::db::migrate::check_rls(&mut owner).await.expect("whole");
    }
    let link = linked(&api).await;
    choose(&api, &link, "2026-02-05T05:00:00Z").await.is(201);
}
