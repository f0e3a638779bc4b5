//! PostgreSQL goes away and comes back: nothing that was acknowledged is lost, nothing is done by half, and the server
//! recovers by itself.
//!
//! A test that stops PostgreSQL has one of its own.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use safestories::{
    app::listen,
    dashboards::cache::{self, Drift},
    db::migrate,
    dev::embedded::{Embedded, Options},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    fixtures::{client, therapist},
    harness::{Database, TestApi},
};

const BOOKINGS: &str = "/api/v1/admin/bookings";

/// A PostgreSQL to stop, in a folder that is removed afterwards.
struct Breakable {
    // Dropped before its folder goes.
    server: Arc<Mutex<Option<Embedded>>>,
    home: PathBuf,
}

impl Breakable {
    async fn start() -> (Self, TestApi) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("safestories-outage-{}-{number}", std::process::id());
        let options = Options { home: std::env::temp_dir().join(name), durable: false, wait: false };
        let server = Embedded::start(&options, &|line| eprintln!("{line}")).expect("a private PostgreSQL");
        let (home, url) = (server.home().to_owned(), server.url("safestories"));
        migrate::apply(&url).await.expect("an empty database is migrated");
        let api = TestApi::over(Database::elsewhere(url));
        (Self { server: Arc::new(Mutex::new(Some(server))), home }, api)
    }

    /// Stops it or starts it again, off the thread that serves.
    async fn with(&self, act: impl FnOnce(&mut Embedded) + Send + 'static) {
        let server = self.server.clone();
        tokio::task::spawn_blocking(move || {
            act(server.lock().expect("no panic").as_mut().expect("a server"));
        })
        .await
        .expect("it is done");
    }

    async fn halt(&self) {
        self.with(|server| server.halt().expect("it stops")).await;
    }

    async fn resume(&self) {
        self.with(|server| server.resume().expect("it starts")).await;
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        drop(self.server.lock().map(|mut server| server.take()));
        // A file that cannot be removed does not disturb the next run.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn session(number: u32) -> Value {
    let start = chrono::DateTime::parse_from_rfc3339("2026-02-10T00:00:00Z").expect("an instant");
    json!({
        "therapist_id": "T1",
        "invitee_name": "Asha Rao",
        "invitee_phone": "+91 98000 54321",
        "booking_start_at": start + chrono::TimeDelta::hours(number.into()),
        "invitee_payment_amount": "1700.00",
    })
}

/// Asks until the answer is a success; ten seconds at most.
async fn recovers(api: &TestApi, path: &str) {
    let since = Instant::now();
    loop {
        let answer = api.admin().get(path).await;
        if answer.status.is_success() {
            return;
        }
        answer.is_problem(503, "unavailable");
        assert!(since.elapsed() < Duration::from_secs(10), "it does not recover: {}", answer.text);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_afterwards_and_nothing_half_done() {
    let (postgres, api) = Breakable::start().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    api.admin().get(BOOKINGS).await.is(200);

    let (next, ended) = (AtomicU32::new(0), AtomicBool::new(false));
    let (acknowledged, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    let book = async || {
        let mut made = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let answer = api.admin().post(BOOKINGS, session(number)).await;
            if answer.status == 201 {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                made.push(answer.body["booking_id"].as_str().expect("an id").to_owned());
            } else {
                answer.is_problem(503, "unavailable");
                assert_eq!(answer.header("retry-after"), "1");
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        made
    };
    let read = async || {
        while !ended.load(Ordering::Relaxed) {
            let answer = api.admin().get(BOOKINGS).await;
            if answer.status != 200 {
                answer.is_problem(503, "unavailable");
            }
        }
    };
    let more_than = async |counter: &AtomicU32, count: u32| {
        while counter.load(Ordering::Relaxed) <= count {
            tokio::task::yield_now().await;
        }
    };
    let outages = async || {
        for _ in 0..2 {
            more_than(&acknowledged, acknowledged.load(Ordering::Relaxed) + 5).await;
            postgres.halt().await;
            more_than(&refused, refused.load(Ordering::Relaxed) + 3).await;
            postgres.resume().await;
            // It recovers by itself: writes are acknowledged again.
            more_than(&acknowledged, acknowledged.load(Ordering::Relaxed) + 5).await;
        }
        ended.store(true, Ordering::Relaxed);
    };
    let all = async { tokio::join!(book(), book(), book(), read(), outages()) };
    let (one, two, three, (), ()) =
        tokio::time::timeout(Duration::from_secs(90), Box::pin(all)).await.expect("it recovers");

    let mut promised = [one, two, three].concat();
    promised.sort();
    let kept: Vec<String> = sqlx::query_scalar("select booking_id from bookings order by booking_id collate \"C\"")
        .fetch_all(&mut *api.sql().await)
        .await
        .expect("the bookings");
    let lost: Vec<_> = promised.iter().filter(|id| !kept.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // Every booking is complete: it has its appointment, its payment and its audit entry.
    let halves: Vec<String> = sqlx::query_scalar(
        "select booking_id
         from bookings b
         where not exists (select from appointment_table where session_id = b.booking_id)
            or not exists (select from payments p where p.booking_id = b.booking_id)
            or not exists (select from internal.audit_entries
                           where subject_type = 'booking' and subject_id = b.booking_id and outcome = 'done')",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("the bookings");
    assert_eq!(halves, [""; 0], "half done");
    let whole: bool = sqlx::query_scalar(
        "select (select count(*) from appointment_table) = (select count(*) from bookings)
            and (select count(*) from payments) = (select count(*) from bookings)
            and (select count(*) from audit_logs) = (select count(*) from bookings)",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("a comparison");
    assert!(whole, "something is left of a booking that is not there");
}

#[tokio::test]
async fn without_a_database_nothing_hangs_and_reading_fails_politely() {
    let (postgres, api) = Breakable::start().await;
    api.given(therapist("T1")).await;
    recovers(&api, BOOKINGS).await;
    postgres.halt().await;
    let since = Instant::now();
    let answer = api.admin().get(BOOKINGS).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(since.elapsed() < Duration::from_secs(5), "a client is kept waiting");
    api.nobody().get(BOOKINGS).await.is_problem(401, "unauthenticated");
    api.nobody().get("/openapi.json").await.is(200);
    postgres.resume().await;
    recovers(&api, BOOKINGS).await;
}

/// Nothing of ours in another program's transaction keeps it from committing in two phases.
#[tokio::test]
async fn what_another_program_prepared_outlives_an_outage_and_is_taken_up() {
    let (postgres, api) = Breakable::start().await;
    let superuser = postgres.server.lock().expect("no panic").as_ref().expect("a server").superuser_url("safestories");
    let mut conn = PgConnection::connect(&superuser).await.expect("a superuser");
    sqlx::raw_sql("alter system set max_prepared_transactions = 2").execute(&mut conn).await.expect("a setting");
    postgres.halt().await;
    postgres.resume().await;
    recovers(&api, BOOKINGS).await;
    api.given(therapist("T1")).await;
    let run = async |sql: &'static str| {
        let mut conn = PgConnection::connect(api.database()).await.expect("a connection");
        sqlx::raw_sql(sql).execute(&mut conn).await.expect(sql);
    };
    run("begin;
         insert into bookings (booking_id, therapist_id, invitee_name, booking_start_at, booking_status)
         values ('B1', 'T1', 'Meera Iyer', '2026-02-06 10:00', 'confirmed');
         insert into client_session_notes (booking_id) values ('B1');
         update client_session_notes set gender = 'x';
         prepare transaction 'theirs'")
    .await;
    api.take_up().await;
    assert_eq!(api.admin().get(BOOKINGS).await.data(), [] as [Value; 0]);
    postgres.halt().await;
    postgres.resume().await;
    recovers(&api, BOOKINGS).await;
    run("commit prepared 'theirs'").await;
    api.take_up().await;
    let booking = api.admin().get("/api/v1/admin/bookings/B1").await.ok();
    assert!(booking["client_id"].is_string() && booking["state"] == "completed", "{booking}");
    let mut conn = PgConnection::connect(api.database()).await.expect("a connection");
    assert_eq!(cache::drift(&mut conn, api.now()).await.expect("a comparison"), Drift::default());
}

#[tokio::test]
async fn an_ended_session_is_refused_though_the_listener_lost_its_connection() {
    let api = TestApi::new().await;
    let other = api.second_instance();
    let listening = tokio::spawn(listen::listen(api.app.clone(), api.app.stopping.clone()));
    api.admin().get(BOOKINGS).await.is(200);
    for round in 0..3 {
        let person = api.admin_named(&format!("admin{round}"));
        let token = person.authorization().await;
        let session = person.session_id().await;
        let holder = || api.nobody().with("authorization", &token);
        holder().get(BOOKINGS).await.is(200);
        heard(&api, session, Some(false)).await;

        let lost = "select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid() and (query like 'LISTEN%' or query like '%unnest($1::uuid[]) c (session_id)%')";
        let lost: Vec<bool> = sqlx::query_scalar(lost).fetch_all(&mut *api.sql().await).await.expect("its backend");
        assert_eq!(lost, [true], "there is one listener");
        let elsewhere = other.nobody().with("authorization", &token);
        elsewhere.post("/api/v1/auth/logout", json!({})).await.is(204);
        // An instance trusts its last notification for one second at most, counted from the start of a request.
        let since = Instant::now();
        loop {
            let begun = since.elapsed();
            if holder().get(BOOKINGS).await.status == 401 {
                break;
            }
            assert!(begun < Duration::from_secs(1), "an ended session lives on after {begun:?}");
        }
        heard(&api, session, Some(true)).await;
        holder().get(BOOKINGS).await.is_problem(401, "unauthenticated");
        api.admin().get(BOOKINGS).await.is(200);
    }
    api.app.stopping.cancel();
    listening.await.expect("the listener ends");
}

/// Waits until the instance knows this of a session; ten seconds at most.
async fn heard(api: &TestApi, session: uuid::Uuid, wanted: Option<bool>) {
    let since = Instant::now();
    let known = || {
        let sessions = &api.app.sessions;
        if sessions.has_ended(session) { Some(true) } else { sessions.is_current().then_some(false) }
    };
    while known() != wanted {
        let known = known();
        assert!(since.elapsed() < Duration::from_secs(10), "{known:?} is known, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
