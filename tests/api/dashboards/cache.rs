//! The caches equal a recomputation after every write, for any sequence of operations.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use safestories::{
    app::unit_of_work::UnitOfWork,
    dashboards::cache::{self, Drift},
    domain::ids::BookingId,
    error::Error,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, error::DatabaseError, postgres::PgDatabaseError};

use crate::{
    fixtures::{booking, client, therapist},
    harness::{TestApi, drift, rows},
};

/// An id that the columns of the caches are too narrow for.
const LONG: &str = "a-therapist-whose-id-is-longer-than-fifty-characters-by-far";
const THERAPISTS: [Option<&str>; 5] = [Some("T1"), Some("T2"), Some("T3"), Some(LONG), None];
const CLIENTS: [Option<&str>; 5] = [Some("C1"), Some("C2"), Some("C3"), Some("C4"), None];
const STATUSES: [Option<&str>; 10] = [
    Some("confirmed"),
    Some("rescheduled"),
    Some("cancelled"),
    Some("Canceled"),
    Some("no_show"),
    Some(" No Show "),
    Some("completed"),
    Some("held in the garden"),
    Some("confirmed"),
    None,
];

async fn rebuild(api: &TestApi) -> cache::Rebuilt {
    api.rebuild_caches().await
}

/// Changes a booking by SQL that names it `$1`, the way an operation does: under the locks of its therapist and client.
async fn change(api: &TestApi, id: &str, sql: &str) {
    api.work(async |uow| {
        lock(uow, id).await;
        sqlx::query(AssertSqlSafe(sql)).bind(id).execute(uow.db()).await.expect(sql);
        Ok(())
    })
    .await
    .expect("caches that follow");
}

/// Locks a booking as operations do.
async fn lock(uow: &mut UnitOfWork, id: &str) {
    for sql in [
        "select from therapists where therapist_id in (select therapist_id from bookings where booking_id = $1)
         for no key update",
        "select from all_clients_table where client_id in (select client_id from appointment_table where session_id = $1)
         for no key update",
        "select from bookings where booking_id = $1 for no key update",
    ] {
        sqlx::query(sql).bind(id).execute(uow.db()).await.expect("a lock");
    }
}

async fn numbers(api: &TestApi, sql: &str) -> Vec<(String, i32)> {
    sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *api.sql().await).await.expect(sql)
}

/// The people that the tests are about.
async fn practice(api: &TestApi) {
    api.given_all(THERAPISTS.iter().flatten().map(|id| therapist(id))).await;
    api.given_all(CLIENTS.iter().flatten().map(|id| client(id))).await;
}

/// Numbers that look random and are the same in every run of a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).expect("small")
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A start in the two weeks around `now`, or an extreme one.
    fn start(&mut self, now: DateTime<Utc>) -> String {
        match self.below(12) {
            0 => "infinity".to_owned(),
            1 => "-infinity".to_owned(),
            _ => {
                let hours = i64::try_from(self.below(336)).expect("small") - 168;
                (now + TimeDelta::hours(hours)).naive_utc().to_string()
            }
        }
    }
}

/// One change of one booking, or of a row it refers to.
async fn step(db: &mut PgConnection, now: DateTime<Utc>, dice: &mut Dice, ids: &mut Vec<String>) -> sqlx::Result<()> {
    let fresh = ids.is_empty() || dice.below(5) == 0;
    let id = if fresh { format!("B{}", ids.len()) } else { ids[dice.below(ids.len())].clone() };
    let kind = if fresh { 0 } else { 1 + dice.below(7) };
    let (sql, value) = match kind {
        0 => {
            ids.push(id.clone());
            let sql = "insert into bookings (booking_id, booking_start_at, invitee_name, invitee_email, booking_mode)
                       values ($1, $2::timestamp, 'Meera Iyer', 'meera@example.org', 'online')";
            (sql, Some(dice.start(now)))
        }
        1 | 2 => {
            ("update bookings set booking_status = $2 where booking_id = $1", dice.of(&STATUSES).map(str::to_owned))
        }
        3 => ("update bookings set booking_start_at = $2::timestamp where booking_id = $1", Some(dice.start(now))),
        4 => ("update bookings set therapist_id = $2 where booking_id = $1", dice.of(&THERAPISTS).map(str::to_owned)),
        5 => (
            "insert into appointment_table (session_id, client_id)
             select booking_id, $2 from bookings where booking_id = $1
             on conflict (session_id) do update set client_id = excluded.client_id",
            dice.of(&CLIENTS).map(str::to_owned),
        ),
        6 => (
            "update bookings set invitee_phone = $2, booking_mode = $2 where booking_id = $1",
            dice.of(&[None, Some(" "), Some("+919800012345")]).map(str::to_owned),
        ),
        _ => (
            "with gone as (delete from appointment_table where session_id = $1 and $2::text is null)
             delete from bookings where booking_id = $1",
            None,
        ),
    };
    sqlx::query(sql).bind(&id).bind(value).execute(&mut *db).await?;
    if kind == 0 {
        sqlx::query("update bookings set therapist_id = $2 where booking_id = $1")
            .bind(&id)
            .bind(dice.of(&THERAPISTS))
            .execute(&mut *db)
            .await?;
        if let Some(client) = dice.of(&CLIENTS) {
            sqlx::query("insert into appointment_table (session_id, client_id) values ($1, $2)")
                .bind(&id)
                .bind(client)
                .execute(&mut *db)
                .await?;
        }
    }
    if dice.below(10) == 0 {
        let client = dice.of(&["C1", "C2"]);
        sqlx::query("update all_clients_table set client_name = $2, phone_number = $2 where client_id = $1")
            .bind(client)
            .bind(format!("after {id}"))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Text, times and numbers as any program may write them.
const TEXTS: [&str; 16] = [
    "null",
    "''",
    "'cancelled'",
    "' No-Show '",
    "'completed'",
    "'waiting'",
    "'T1'",
    "'T2'",
    "'C1'",
    "'C3'",
    "'X0'",
    "'X1'",
    "'HIGH'",
    "'initiated'",
    "'processed'",
    "E'\\t\u{200d}Ⅻ 98'",
];
const TIMES: [&str; 6] = ["null", "'infinity'", "'-infinity'", "'2026-02-06 10:00'", "'2026-01-01'", "'294276-12-31'"];
const NUMBERS: [&str; 6] = ["null", "'NaN'", "0", "1700.50", "-3", "2147483647"];

/// The tables that other programs write, and their keys.
const WRITTEN: [(&str, &str); 7] = [
    ("bookings", "booking_id"),
    ("bookings", "booking_id"),
    ("all_clients_table", "client_id"),
    ("appointment_table", "session_id"),
    ("payments", "payment_id"),
    ("client_session_notes", "note_id"),
    ("refund_cancellation_table", "id"),
];

/// A statement on any row and column of these tables.
fn statement(dice: &mut Dice, columns: &[(String, String, String)]) -> String {
    let (table, key) = dice.of(&WRITTEN);
    let row = dice.below(12);
    let that = format!("where {key} = (select {key} from {table} order by {key} offset {row} limit 1)");
    let value = |dice: &mut Dice, kind: &str| match kind {
        "text" | "character varying" => dice.of(&TEXTS),
        "timestamp without time zone" => dice.of(&TIMES),
        "numeric" | "integer" => dice.of(&NUMBERS),
        _ => "null",
    };
    match dice.below(10) {
        0 => format!("delete from {table} {that}"),
        1 => {
            let reference = if table == "refund_cancellation_table" { "session_id" } else { "booking_id" };
            match table {
                "all_clients_table" | "appointment_table" => format!(
                    "insert into all_clients_table (client_id, client_name, phone_number) values ('N{row}', {0}, {0})",
                    dice.of(&TEXTS)
                ),
                "bookings" => {
                    format!("insert into bookings (booking_id, therapist_id) values ({}, 'T1')", dice.of(&TEXTS))
                }
                _ => format!(
                    "insert into {table} ({reference}) select booking_id from bookings order by 1 offset {row} limit 2"
                ),
            }
        }
        number => {
            let of_table: Vec<_> = columns.iter().filter(|(of, ..)| of == table).collect();
            let (_, column, kind) = of_table[dice.below(of_table.len())];
            let value = value(dice, kind);
            // Now and then of all rows.
            let that = if number == 2 && column != key { "" } else { &that };
            format!("update {table} set {column} = {value} {that}")
        }
    }
}

/// Lets another program write something within its transaction. It may break the tables' own rules; that is no fault of the
/// triggers.
async fn attempt(program: &mut PgConnection, written: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<()>) {
    sqlx::raw_sql("savepoint before").execute(&mut *program).await.expect("a savepoint");
    let Err(error) = written(&mut *program).await else { return };
    let refused =
        error.as_database_error().map(<dyn DatabaseError>::downcast_ref::<PgDatabaseError>).expect("a refusal");
    let rules = ["22001", "22003", "22008", "22P02", "23502", "23503", "23505"];
    assert!(rules.contains(&refused.code()), "{refused:?}");
    assert!(refused.schema() != Some("internal"), "{refused:?}");
    assert!(!refused.r#where().is_some_and(|place| place.contains("function internal.")), "{refused:?}");
    sqlx::raw_sql("rollback to before").execute(program).await.expect("the savepoint");
}

/// Asks the API for something; it may refuse.
async fn ask(api: &TestApi, dice: &mut Dice, ids: &[String]) {
    let lists =
        ["bookings", "bookings/counts", "clients", "payments", "refunds", "appointments", "session-notes", "dashboard"];
    let id = ids.get(dice.below(ids.len().max(1))).map_or("-", String::as_str);
    let operation = dice.of(&["cancel", "complete", "no-show", "restore"]);
    for answer in [
        api.admin().get(&format!("/api/v1/admin/{}", dice.of(&lists))).await,
        api.admin().post(&format!("/api/v1/admin/bookings/{id}/{operation}"), json!({ "reason": "Ill" })).await,
    ] {
        assert!(!answer.status.is_server_error(), "{operation} {id}: {}", answer.text);
    }
}

#[tokio::test]
async fn any_sequence_of_writes_leaves_what_a_recomputation_gives() {
    for seed in 1..=4 {
        let api = TestApi::new().await;
        practice(&api).await;
        let mut dice = Dice(seed);
        let mut ids = Vec::new();
        for number in 0..150 {
            let known = ids.clone();
            let done = api
                .work(async |uow| {
                    for _ in 0..=dice.below(3) {
                        let now = uow.now();
                        step(uow.db(), now, &mut dice, &mut ids).await.expect("a write");
                    }
                    if dice.below(8) == 0 { Err(Error::internal("the test gives up")) } else { Ok(()) }
                })
                .await;
            if done.is_err() {
                ids = known;
            }
            assert_eq!(drift(&api).await, Drift::default(), "seed {seed}, step {number}");
        }
        let after = content(&api).await;
        rebuild(&api).await;
        assert_eq!(content(&api).await, after, "seed {seed}");
        assert_eq!(drift(&api).await, Drift::default());
    }
}

/// Whatever another program writes, in one statement or several, alone or beside this server, it is not disturbed, and
/// everything is taken up.
#[tokio::test]
async fn any_sequence_of_statements_of_other_programs_is_taken_up() {
    for seed in 5..=7 {
        let api = TestApi::new().await;
        practice(&api).await;
        api.take_up().await;
        let columns: Vec<(String, String, String)> = sqlx::query_as(
            "select table_name::text, column_name::text, data_type::text
             from information_schema.columns
             where table_schema = 'public'
             order by table_name, ordinal_position",
        )
        .fetch_all(&mut *api.sql().await)
        .await
        .expect("the columns");
        let mut dice = Dice(seed);
        let mut ids = Vec::new();
        let mut program = api.sql().await;
        for number in 0..100 {
            let known = ids.clone();
            sqlx::raw_sql("begin").execute(&mut *program).await.expect("a transaction");
            let mut said = Vec::new();
            for _ in 0..=dice.below(3) {
                let now = api.now();
                attempt(&mut program, async |db| step(db, now, &mut dice, &mut ids).await).await;
                let any = statement(&mut dice, &columns);
                said.push(any.clone());
                attempt(&mut program, async |db| {
                    sqlx::raw_sql(AssertSqlSafe(any)).execute(db).await?;
                    Ok(())
                })
                .await;
            }
            let odd = match dice.below(14) {
                // Two ids that change places.
                0 => {
                    "update bookings set booking_id = '-' where booking_id = 'B0';
                      update bookings set booking_id = 'B0' where booking_id = 'B1';
                      update bookings set booking_id = 'B1' where booking_id = '-'"
                }
                1 => "update bookings set booking_status = 'cancelled', therapist_id = 'T3' where booking_id ^@ 'B1'",
                2 => "update all_clients_table set no_of_sessions = 77, client_name = null",
                3 => "update appointment_table set client_id = 'C3'",
                4 if number > 60 => "truncate bookings cascade",
                5 => "truncate client_session_notes",
                _ => "select",
            };
            attempt(&mut program, async |db| {
                sqlx::raw_sql(odd).execute(db).await?;
                Ok(())
            })
            .await;
            if dice.below(10) == 0 {
                let rows = format!("K{number}\tT1\t2026-02-06 10:00\nK{number}-\t\\N\tinfinity\n");
                attempt(&mut program, async |db| {
                    let copy = "copy bookings (booking_id, therapist_id, booking_start_at) from stdin";
                    let mut copied = db.copy_in_raw(copy).await?;
                    copied.send(rows.as_bytes()).await?;
                    copied.finish().await?;
                    Ok(())
                })
                .await;
            }
            if dice.below(8) == 0 {
                sqlx::raw_sql("rollback").execute(&mut *program).await.expect("an end");
                ids = known;
            } else {
                sqlx::raw_sql("commit").execute(&mut *program).await.expect("an end");
            }
            // Sometimes several are taken up at once, and sometimes a booking that is not taken up yet is changed here.
            if let Some(id) = ids.last().filter(|_| dice.below(4) == 0) {
                change(&api, id, "update bookings set booking_status = 'no_show' where booking_id = $1").await;
            }
            if dice.below(3) == 0 {
                ask(&api, &mut dice, &ids).await;
            }
            if dice.below(3) > 0 {
                let since = Instant::now();
                while let [left, ..] = &rows(&api, "select * from internal.arrivals").await[..] {
                    // One that did not come to its lock in time is tried again.
                    assert!(since.elapsed() < Duration::from_secs(10), "seed {seed}, step {number}: {said:?}: {left}");
                    api.take_up().await;
                }
                cache::follow_others(&api.app).await.expect("caches that follow");
                assert_eq!(drift(&api).await, Drift::default(), "seed {seed}, step {number}: {said:?} {odd}");
            }
        }
    }
}

/// The content of the caches, but for ids and the times of writing.
async fn content(api: &TestApi) -> Vec<String> {
    let mut rows = sqlx::query_scalar(
        "select (to_jsonb(s) - 'id' - 'last_updated')::text from therapist_dashboard_stats s where total_sessions > 0
         union all
         select (to_jsonb(s) - 'id' - 'created_at')::text from therapist_clients_summary s
         union all
         select (to_jsonb(s) - 'id' - 'created_at')::text from therapist_appointments_cache s
         union all
         select (to_jsonb(t))::text from therapists t
         union all
         select (to_jsonb(c))::text from all_clients_table c",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("the caches");
    rows.sort();
    rows
}

#[tokio::test]
async fn writers_at_the_same_moment_do_not_miss_each_other() {
    let api = TestApi::new().await;
    practice(&api).await;
    let second = api.second_instance();
    let ids = api
        .given_all((0..16).map(|hour| {
            let client = if hour % 2 == 0 { "C1" } else { "C2" };
            let therapist = if hour % 4 < 2 { "T1" } else { "T2" };
            booking(therapist, &format!("2026-02-05T{hour:02}:00:00Z")).of_client(client)
        }))
        .await;
    rebuild(&api).await;
    let changes = ids.iter().enumerate().map(|(number, id)| {
        let api = if number % 3 == 0 { &second } else { &api };
        let sql = match number % 3 {
            0 => "update bookings set booking_status = 'cancelled' where booking_id = $1",
            1 => "update bookings set booking_status = 'no_show' where booking_id = $1",
            _ => "update bookings set booking_start_at = '2026-02-01' where booking_id = $1",
        };
        change(api, id, sql)
    });
    futures_util::future::join_all(changes).await;
    assert_eq!(drift(&api).await, Drift::default());
    let cancelled = numbers(&api, "select therapist_id, cancelled_sessions from therapist_dashboard_stats").await;
    assert_eq!(cancelled.iter().map(|(_, count)| count).sum::<i32>(), 6);
}

#[tokio::test]
async fn rows_that_other_programs_write_into_the_caches_are_drift_until_a_rebuild() {
    let api = TestApi::new().await;
    practice(&api).await;
    api.given(booking("T1", "2026-02-05T10:00:00Z").of_client("C1")).await;
    api.given(booking("T1", "2026-02-06T10:00:00Z").with("booking_id", serde_json::Value::Null)).await;
    sqlx::raw_sql(
        "insert into therapist_clients_summary (therapist_id, client_name) values ('T2', 'Nobody');
         insert into therapist_appointments_cache (therapist_id, client_name) values ('T2', 'Nobody')",
    )
    .execute(&mut *api.sql().await)
    .await
    .expect("rows");
    cache::follow_others(&api.app).await.expect("caches that follow");
    assert_eq!(drift(&api).await, Drift { clients_summary: 1, appointments_cache: 1, ..Drift::default() });

    let rebuilt = rebuild(&api).await;
    assert_eq!((rebuilt.clients_summary, rebuilt.appointments_cache), (1, 1));
    assert_eq!(drift(&api).await, Drift::default());
}

#[tokio::test]
async fn a_row_that_was_never_counted_is_counted_once() {
    let api = TestApi::new().await;
    practice(&api).await;
    let id = api.given(booking("T1", "2026-02-05T10:00:00Z").of_client("C1")).await;
    api.given(booking("T1", "2026-01-05T10:00:00Z").with("booking_status", "no show")).await;
    change(&api, &id, "update bookings set booking_status = 'cancelled' where booking_id = $1").await;
    cache::follow_others(&api.app).await.expect("caches that follow");
    let figures: (i32, i32, i32, i32, i32) = sqlx::query_as(
        "select total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings
         from therapist_dashboard_stats where therapist_id = 'T1'",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("one row");
    assert_eq!(figures, (2, 0, 1, 1, 0));
}

#[tokio::test]
async fn what_the_clock_changed_is_refreshed_for_the_therapist_of_a_write() {
    let api = TestApi::new().await;
    practice(&api).await;
    for therapist in ["T1", "T2"] {
        for start in ["2026-02-05T10:00:00Z", "2026-02-07T10:00:00Z"] {
            api.given(booking(therapist, start).of_client("C1")).await;
        }
    }
    let id = api.given(booking("T1", "2026-02-08T10:00:00Z").of_client("C1")).await;
    rebuild(&api).await;
    api.at("2026-02-06T00:00:00Z");
    assert_eq!(drift(&api).await, Drift { upcoming: 2, ..Drift::default() });
    change(&api, &id, "update bookings set booking_start_at = '2026-02-09' where booking_id = $1").await;
    assert_eq!(drift(&api).await, Drift { upcoming: 1, ..Drift::default() });
    let booked =
        numbers(&api, "select therapist_id, sessions_booked from therapists where therapist_id ^@ 'T' order by 1");
    let booked = booked.await.into_iter().map(|(_, count)| count).collect::<Vec<_>>();
    assert_eq!(booked, [2, 2, 0]);
}

#[tokio::test]
async fn the_cost_of_a_write_does_not_grow_with_the_therapists_history() {
    let api = TestApi::new().await;
    practice(&api).await;
    let id = api.given(booking("T1", "2026-02-05T10:00:00Z").of_client("C1")).await;
    sqlx::raw_sql(
        "insert into bookings (booking_id, therapist_id, booking_status, booking_start_at)
         select 'old' || day, 'T1', 'completed', timestamp '2026-02-01' - interval '1 day' * day
         from generate_series(1, 2000) as day;
         insert into therapists (therapist_id, name) select 'O' || n, 'Other ' || n from generate_series(0, 99) as n;
         insert into bookings (booking_id, therapist_id, booking_status, booking_start_at)
         select 'other' || n, 'O' || n % 100, 'completed', timestamp '2026-02-01' - interval '1 hour' * n
         from generate_series(1, 40000) as n;
         insert into all_clients_table (client_id) select 'H' || n from generate_series(0, 1999) as n;
         insert into appointment_table (session_id, client_id)
         select booking_id, 'H' || substr(booking_id, 4)::integer % 2000 from bookings where booking_id ^@ 'old'",
    )
    .execute(&mut *api.sql().await)
    .await
    .expect("a history");
    rebuild(&api).await;
    api.analyze().await;

    let id = BookingId::from(id);
    // By a connection of its own, whose figures begin with it.
    let read: i64 = api
        .second_instance()
        .work(async |uow| {
            sqlx::query("update bookings set booking_status = 'cancelled' where booking_id = $1")
                .bind(id.as_str())
                .execute(uow.db())
                .await
                .expect("a change");
            cache::follow(uow).await?;
            Ok(sqlx::query_scalar(
                "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
                 from pg_stat_xact_user_tables
                 where relname in ('bookings', 'appointment_table', 'booking_facts', 'therapist_appointments_cache',
                                   'appointments_cache_rows')",
            )
            .fetch_one(uow.db())
            .await
            .expect("figures of the transaction"))
        })
        .await
        .expect("caches that follow");
    assert!((1..100).contains(&read), "{read} rows read");
}

#[tokio::test]
async fn copies_of_long_text_are_cut() {
    let api = TestApi::new().await;
    practice(&api).await;
    let id = api
        .given(
            booking("T1", "2026-02-05T10:00:00Z")
                .with("booking_invitee_time", "é".repeat(600))
                .with("booking_resource_name", "é".repeat(600))
                .with("invitee_name", "é".repeat(600))
                .with("invitee_phone", "é".repeat(600))
                .with("booking_mode", "é".repeat(600))
                .with("booking_status", "é".repeat(600)),
        )
        .await;
    change(&api, &id, "update bookings set booking_subject = booking_mode where booking_id = $1").await;
    cache::follow_others(&api.app).await.expect("caches that follow");
    assert_eq!(drift(&api).await, Drift::default());
}
