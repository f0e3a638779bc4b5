//! The caches equal a recomputation after every write, for any sequence of operations.

use chrono::{DateTime, TimeDelta, Utc};
use safestories::{
    app::unit_of_work::UnitOfWork,
    dashboards::cache::{self, Drift},
    domain::ids::BookingId,
    error::Error,
};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    fixtures::{booking, client, therapist},
    harness::{TestApi, drift},
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
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).expect("small")
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
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
async fn step(db: &mut PgConnection, now: DateTime<Utc>, dice: &mut Dice, ids: &mut Vec<String>) {
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
    sqlx::query(sql).bind(&id).bind(value).execute(&mut *db).await.expect(sql);
    if kind == 0 {
        sqlx::query("update bookings set therapist_id = $2 where booking_id = $1")
            .bind(&id)
            .bind(dice.of(&THERAPISTS))
            .execute(&mut *db)
            .await
            .expect("a therapist");
        if let Some(client) = dice.of(&CLIENTS) {
            sqlx::query("insert into appointment_table (session_id, client_id) values ($1, $2)")
                .bind(&id)
                .bind(client)
                .execute(&mut *db)
                .await
                .expect("an appointment");
        }
    }
    if dice.below(10) == 0 {
        let client = dice.of(&["C1", "C2"]);
        sqlx::query("update all_clients_table set client_name = $2, phone_number = $2 where client_id = $1")
            .bind(client)
            .bind(format!("after {id}"))
            .execute(&mut *db)
            .await
            .expect("a client");
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
                        step(uow.db(), now, &mut dice, &mut ids).await;
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

/// Whatever another program writes, in one statement or several, alone or beside this server.
#[tokio::test]
async fn any_sequence_of_statements_of_other_programs_is_followed() {
    for seed in 5..=7 {
        let api = TestApi::new().await;
        practice(&api).await;
        cache::follow_others(&api.app).await.expect("caches that follow");
        let mut dice = Dice(seed);
        let mut ids = Vec::new();
        let mut program = api.sql().await;
        for number in 0..80 {
            let known = ids.clone();
            sqlx::raw_sql("begin").execute(&mut *program).await.expect("a transaction");
            for _ in 0..=dice.below(3) {
                step(&mut program, api.now(), &mut dice, &mut ids).await;
            }
            let odd = match dice.below(12) {
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
                _ => "select",
            };
            sqlx::raw_sql(odd).execute(&mut *program).await.expect(odd);
            if dice.below(8) == 0 {
                sqlx::raw_sql("rollback").execute(&mut *program).await.expect("an end");
                ids = known;
            } else {
                sqlx::raw_sql("commit").execute(&mut *program).await.expect("an end");
            }
            // Sometimes several are followed at once, and sometimes a booking that is not followed yet is changed here.
            if let Some(id) = ids.last().filter(|_| dice.below(4) == 0) {
                change(&api, id, "update bookings set booking_status = 'no_show' where booking_id = $1").await;
            }
            if dice.below(3) > 0 {
                cache::follow_others(&api.app).await.expect("caches that follow");
                assert_eq!(drift(&api).await, Drift::default(), "seed {seed}, step {number}: {odd}");
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
         from generate_series(1, 5000) as day;
         insert into appointment_table (session_id, client_id) select booking_id, 'C2' from bookings where booking_id ^@ 'old';
         analyze bookings, appointment_table",
    )
    .execute(&mut *api.sql().await)
    .await
    .expect("a history");
    rebuild(&api).await;

    let id = BookingId::from(id);
    let read: i64 = api
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
                 where relname in ('bookings', 'appointment_table', 'therapist_appointments_cache',
                                   'therapist_clients_summary', 'appointments_cache_rows', 'clients_summary_rows')",
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
