//! Transfers at the same moment, and transfers that are interrupted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    pin::Pin,
};

use chrono::TimeDelta;
use futures_util::future::join_all;
use rustix::process::Signal;
use safestories::domain::time::Clock;
use serde_json::{Value, json};
use sqlx::Connection;

use super::{CLIENTS, assert_in_step, drift, kept, nothing, practice, rebuild, rows, transfer, whose};
use crate::{
    fixtures::{booking, client},
    harness::{Answer, TestApi},
    serve::program::{Folder, Program},
};

/// Runs requests that all read their data before the first of them goes on: the lock of `statement` blocks them.
async fn held_up<const N: usize>(
    api: &TestApi,
    statement: &'static str,
    requests: [Pin<Box<dyn Future<Output = Answer> + '_>>; N],
) -> Vec<Answer> {
    let mut holder = api.sql().await;
    let mut hold = holder.begin().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut *hold).await.unwrap();
    let waiting = format!(
        "(select count(*) = {N} from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    );
    let release = async {
        api.until(&waiting).await;
        hold.rollback().await.unwrap();
    };
    futures_util::future::join(join_all(requests), release).await.0
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn sixteen_who_want_the_same_make_one_transfer() {
    let api = practice().await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let wanted = (0..16).map(|number| {
        let api = if number % 2 == 0 { &api } else { &other };
        transfer(api, "C1", json!({ "to_therapist_id": "T2" }))
    });
    let answers = join_all(wanted).await;
    assert_eq!(statuses(&answers), [[201].as_slice(), &[409; 15]].concat());
    for refused in answers.iter().filter(|answer| answer.status == 409) {
        refused.is_problem(409, "already-with-therapist");
        assert_eq!(refused.body["clients"][0]["transferred_by_admin_name"], "admin");
        assert!(refused.body["clients"][0]["transfer_id"].is_number());
    }
    assert_eq!(kept(&api).await["transfers"], 1);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn of_two_who_want_different_things_one_wins_and_the_other_is_told() {
    let api = practice().await;
    for admin in ["admin", "second"] {
        api.admin_named(admin).authorization().await;
    }
    let want = |admin: &'static str, to: &'static str| {
        let api = &api;
        async move { api.admin_named(admin).post(&format!("{CLIENTS}/C1/transfer"), json!({ "to_therapist_id": to })).await }
    };
    let hold = "select from therapists where therapist_id = 'T1' for no key update";
    let answers = held_up(&api, hold, [Box::pin(want("admin", "T2")), Box::pin(want("second", "T3"))]).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 1));
    lost[0].is_problem(409, "transferred-meanwhile");
    for field in ["client_id", "transfer_id", "transferred_by_admin_name", "transfer_date"] {
        assert_eq!(lost[0].body["clients"][0][field], won[0].body[field], "{field}");
    }
    assert_eq!(lost[0].body["clients"][0]["therapist_id"], won[0].body["to_therapist_id"]);
    assert_eq!(kept(&api).await["transfers"], 1);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn of_two_who_transfer_a_whole_practice_one_wins() {
    let api = practice().await;
    api.admin().authorization().await;
    let want = |to: &'static str| {
        let api = &api;
        async move {
            let body = json!({ "from_therapist_id": "T1", "to_therapist_id": to });
            api.admin().post(&format!("{CLIENTS}/transfer"), body).await
        }
    };
    let hold = "select from therapists where therapist_id = 'T1' for no key update";
    let answers = held_up(&api, hold, [Box::pin(want("T2")), Box::pin(want("T3"))]).await;
    assert_eq!(statuses(&answers), [200, 409]);
    let lost = answers.iter().find(|answer| answer.status == 409).unwrap();
    lost.is_problem(409, "nothing-to-transfer");
    assert_eq!(kept(&api).await["transfers"], 1);
}

#[tokio::test]
async fn a_pair_merged_in_both_directions_at_once_is_merged_in_one() {
    let api = practice().await;
    api.given(client("C2")).await;
    api.admin().authorization().await;
    let merge = |id: &'static str, gone: &'static str| {
        let api = &api;
        async move { api.admin().post(&format!("{CLIENTS}/{id}/merge"), json!({ "merge_client_id": gone })).await }
    };
    let hold = "select from all_clients_table where client_id = 'C1' for no key update";
    let answers = held_up(&api, hold, [Box::pin(merge("C1", "C2")), Box::pin(merge("C2", "C1"))]).await;
    assert_eq!(statuses(&answers), [200, 404]);
    let won = answers.iter().find(|answer| answer.status == 200).unwrap();
    let lost = answers.iter().find(|answer| answer.status == 404).unwrap();
    lost.is_problem(404, "not-found");
    assert_eq!(lost.body["merged_into"], won.body["client_id"]);
    assert_eq!(rows(&api, "select 1 from all_clients_table").await.len(), 1);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn a_booking_of_a_client_that_is_merged_meanwhile_goes_on_with_the_one_that_stays() {
    let api = practice().await;
    api.given(client("C2")).await;
    api.admin().authorization().await;
    let merge = async {
        let body = json!({ "merge_client_id": "C1" });
        api.admin().post(&format!("{CLIENTS}/C2/merge"), body).await
    };
    let cancel = async { api.admin().post("/api/v1/admin/bookings/next/cancel", json!({ "reason": "x" })).await };
    let hold = "select from all_clients_table where client_id = 'C1' for no key update";
    let answers = held_up(&api, hold, [Box::pin(merge), Box::pin(cancel)]).await;
    assert_eq!(statuses(&answers), [200, 200]);
    assert_eq!(api.admin().get("/api/v1/admin/bookings/next").await.ok()["client_id"], "C2");
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn everything_at_once_neither_waits_in_a_circle_nor_miscounts() {
    let api = practice().await;
    for id in ["C2", "C3", "C4"] {
        api.given(client(id).with("therapist_id", "T2")).await;
    }
    for hour in 0..12 {
        let (therapist, of) = (format!("T{}", hour % 3 + 1), format!("C{}", hour % 4 + 1));
        let row =
            booking(&therapist, &format!("2026-02-08T{:02}:00:00Z", hour + 5)).with("booking_id", format!("h{hour}"));
        api.given(row.of_client(&of)).await;
    }
    rebuild(&api).await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let work = (0..24usize).map(|number| {
        let api = if number % 2 == 0 { &api } else { &other };
        let (path, body) = match number % 4 {
            0 => (
                format!("{CLIENTS}/C{}/transfer", number / 4 % 4 + 1),
                json!({ "to_therapist_id": format!("T{}", number % 3 + 1), "leave_clashing": true }),
            ),
            1 => (
                format!("{CLIENTS}/transfer"),
                json!({
                    "from_therapist_id": format!("T{}", number % 3 + 1),
                    "to_therapist_id": format!("T{}", (number + 1) % 3 + 1),
                    "leave_clashing": true
                }),
            ),
            2 => (
                format!("{CLIENTS}/C{}/merge", number / 4 % 2 + 1),
                json!({ "merge_client_id": format!("C{}", number / 8 % 2 + 2) }),
            ),
            _ => (format!("/api/v1/admin/bookings/h{}/cancel", number / 2), json!({ "reason": "x" })),
        };
        async move { api.admin().post(&path, body).await }
    });
    let answers = join_all(work).await;
    for answer in &answers {
        assert!(!answer.status.is_server_error(), "{}", answer.text);
    }
    assert!(answers.iter().filter(|answer| answer.status.is_success()).count() > 8, "{:?}", statuses(&answers));
    assert_in_step(drift(&api).await);
}

/// The lock that stops a transfer in its middle: the client and the bookings are written, nobody is notified yet.
const MIDDLE: &str = "lock table notifications in share row exclusive mode";

#[tokio::test]
async fn a_transfer_whose_connection_is_killed_has_not_happened() {
    let api = practice().await;
    let before = whose(&api).await;
    api.admin().authorization().await;
    let mut holder = api.sql().await;
    let mut hold = holder.begin().await.unwrap();
    sqlx::raw_sql(MIDDLE).execute(&mut *hold).await.unwrap();
    let kill = async {
        let stuck = "datname = current_database() and wait_event_type = 'Lock'";
        api.until(&format!("exists (select from pg_stat_activity where {stuck})")).await;
        let kill = format!("select pg_terminate_backend(pid) from pg_stat_activity where {stuck}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(kill)).execute(&mut *hold).await.unwrap();
        hold.rollback().await.unwrap();
    };
    let body = json!({ "from_therapist_id": "T1", "to_therapist_id": "T2" });
    let path = format!("{CLIENTS}/transfer");
    let (answer, ()) = futures_util::future::join(api.admin().post(&path, body.clone()), kill).await;
    answer.is_problem(503, "unavailable");
    assert_eq!((whose(&api).await, kept(&api).await), (before, nothing()));
    api.admin().post(&path, body).await.ok();
    assert_in_step(drift(&api).await);
}

/// Sends a transfer to the program; the answer has not been read.
fn send(program: &Program, authorization: &str) -> TcpStream {
    let body = json!({ "from_therapist_id": "T1", "to_therapist_id": "T2" }).to_string();
    let mut stream = TcpStream::connect(program.address()).unwrap();
    write!(
        stream,
        "POST {CLIENTS}/transfer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

#[tokio::test]
async fn a_transfer_whose_server_is_killed_has_happened_entirely_or_not_at_all() {
    let api = TestApi::new().await;
    // The program's clock cannot be set.
    api.at(&Clock::System.now().to_rfc3339());
    api.given_all(["T1", "T2"].map(crate::fixtures::therapist)).await;
    for (id, days) in [("C1", 1), ("C2", 2)] {
        api.given(client(id).with("therapist_id", "T1")).await;
        let start = (api.now() + TimeDelta::days(days)).to_rfc3339();
        api.given(booking("T1", &start).with("booking_id", format!("of {id}")).of_client(id)).await;
    }
    rebuild(&api).await;
    let authorization = api.admin().authorization().await;
    let folder = Folder::new();
    let start = || {
        let settings = [
            ("DATABASE_URL", &**api.database()),
            ("SAFESTORIES_JWT_SECRET", "test:0123456789abcdefghijklmnopqrstuvwxyz"),
        ];
        Program::start(&folder, &settings)
    };

    let program = start();
    let mut holder = api.sql().await;
    let mut hold = holder.begin().await.unwrap();
    sqlx::raw_sql(MIDDLE).execute(&mut *hold).await.unwrap();
    let cut_off = send(&program, &authorization);
    let holder_pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *hold).await.unwrap();
    // Who waits for the holder, and not for a moment for somebody else.
    let waiting = format!("from pg_stat_activity where {holder_pid} = any(pg_blocking_pids(pid))");
    api.until(&format!("exists (select {waiting})")).await;
    let pid: i32 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select pid {waiting}"))).fetch_one(&mut *hold).await.unwrap();
    assert_eq!(program.end(Signal::KILL), None);
    hold.rollback().await.unwrap();
    drop(cut_off);
    api.until(&format!("not exists (select from pg_stat_activity where pid = {pid})")).await;
    assert_eq!(whose(&api).await, ["of C1 T1", "of C2 T1"]);
    assert_eq!(kept(&api).await, nothing());
    assert_in_step(drift(&api).await);

    // An answered request has happened, whatever becomes of the server.
    let program = start();
    let mut stream = send(&program, &authorization);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(program.end(Signal::KILL), None);
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(whose(&api).await, ["of C1 T2", "of C2 T2"]);
    assert_eq!(kept(&api).await["transfers"], Value::from(2));
    assert_in_step(drift(&api).await);
}
