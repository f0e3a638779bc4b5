//! Transferring many clients: all or none, by name or all of a therapist.

use serde_json::{Value, json};

use super::{CLIENTS, assert_in_step, drift, ids, kept, nothing, practice, rebuild, rows, whose};
use crate::{
    fixtures::{booking, client},
    harness::{Answer, TestApi},
};

/// As [`practice`], with C2 of T1 and C3 of T3, each with a session ahead.
async fn many() -> TestApi {
    let api = practice().await;
    for (id, therapist, start) in [("C2", "T1", "2026-02-05T12:00:00Z"), ("C3", "T3", "2026-02-05T14:00:00Z")] {
        api.given(client(id).with("therapist_id", therapist)).await;
        api.given(booking(therapist, start).with("booking_id", format!("of {id}")).of_client(id)).await;
    }
    rebuild(&api).await;
    api
}

async fn transfer(api: &TestApi, body: Value) -> Answer {
    api.admin().post(&format!("{CLIENTS}/transfer"), body).await
}

/// The therapists of the clients.
async fn assigned(api: &TestApi) -> Vec<Value> {
    let found = rows(api, "select therapist_id from all_clients_table order by client_id").await;
    found.into_iter().map(|row| row["therapist_id"].clone()).collect()
}

#[tokio::test]
async fn all_of_a_therapists_clients_go() {
    let api = many().await;
    for person in [api.admin_named("second"), api.therapist("T1"), api.therapist("T2")] {
        person.user_id().await;
    }
    let body = json!({ "from_therapist_id": "T1", "to_therapist_id": "T2", "reason": "On leave" });
    let dry = api.admin().post(&format!("{CLIENTS}/transfer?dry_run=true"), body.clone()).await.ok();
    assert_eq!(kept(&api).await, nothing());
    let done = transfer(&api, body).await.ok();
    assert_eq!(dry["transfers"][1]["plan"], done["transfers"][1]["plan"]);
    assert_eq!((&dry["dry_run"], &dry["transfers"][0]["transfer_id"]), (&json!(true), &Value::Null));
    assert_eq!(dry["load"], json!({ "booked": 0, "after": 3, "capacity": 0 }));
    let transfers = done["transfers"].as_array().unwrap();
    assert_eq!(transfers.iter().map(|one| &one["client_id"]).collect::<Vec<_>>(), ["C1", "C2"]);
    assert_eq!(ids(&transfers[0]["plan"]["moved"]), ["next", "later"]);
    assert_eq!(assigned(&api).await, ["T2", "T2", "T3"]);
    assert_eq!(whose(&api).await, ["later T2", "next T2", "noted T1", "of C2 T2", "of C3 T3", "other T3", "past T1"]);
    assert_in_step(drift(&api).await);
    let told = rows(&api, "select notification_type, message, related_id from notifications order by 1").await;
    let related = transfers[0]["transfer_id"].to_string();
    let row =
        |kind: &str, message: &str| json!({ "notification_type": kind, "message": message, "related_id": related });
    assert_eq!(
        told,
        [
            row("client_transfer", "2 clients were transferred from Therapist T1 to Therapist T2"),
            row("client_transfer_in", "2 clients were transferred to you from Therapist T1"),
            row("client_transfer_out", "2 clients were transferred to Therapist T2"),
        ]
    );
    let sentence = "Transferred 2 clients to Therapist T2".to_owned();
    assert_eq!(api.audit_log().await, [("client_transfer".to_owned(), sentence)]);
    let links = rows(
        &api,
        "select l.client_id, h.client_name, h.from_therapist_id
         from client_transfer_history h join internal.transfer_clients l using (transfer_id) order by 1",
    );
    assert_eq!(
        links.await,
        [
            json!({ "client_id": "C1", "client_name": "Client C1", "from_therapist_id": "T1" }),
            json!({ "client_id": "C2", "client_name": "Client C2", "from_therapist_id": "T1" }),
        ]
    );
    transfer(&api, json!({ "from_therapist_id": "T1", "to_therapist_id": "T2" }))
        .await
        .is_problem(409, "nothing-to-transfer");
}

#[tokio::test]
async fn clients_of_several_therapists_go_together() {
    let api = many().await;
    let done = transfer(&api, json!({ "client_ids": ["C3", "C2"], "to_therapist_id": "T2" })).await.ok();
    let from: Vec<&Value> = done["transfers"].as_array().unwrap().iter().map(|one| &one["from_therapist_id"]).collect();
    assert_eq!(from, ["T1", "T3"]);
    assert_eq!(assigned(&api).await, ["T1", "T2", "T2"]);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn one_that_cannot_go_keeps_all() {
    let api = many().await;
    let both = json!(["C1", "C3"]);
    transfer(&api, json!({ "client_ids": both, "to_therapist_id": "T9" })).await.is_invalid(&["/to_therapist_id"]);
    let there = transfer(&api, json!({ "client_ids": both, "to_therapist_id": "T3" })).await;
    there.is_problem(409, "already-with-therapist");
    assert_eq!(there.body["clients"].as_array().unwrap().len(), 1);
    assert_eq!(there.body["clients"][0]["client_id"], "C3");
    api.given(booking("T2", "2026-02-05T13:30:00Z").with("booking_id", "busy")).await;
    let clash = transfer(&api, json!({ "client_ids": both, "to_therapist_id": "T2" })).await;
    clash.is_problem(409, "transfer-clash");
    assert_eq!(clash.body["clashes"][0]["client_id"], "C3");
    assert_eq!(assigned(&api).await, ["T1", "T1", "T3"]);
    assert_eq!(kept(&api).await, nothing());
}

#[tokio::test]
async fn sessions_that_clash_with_each_other_are_told_and_the_later_one_can_be_left() {
    let api = many().await;
    api.given(booking("T3", "2026-02-05T12:20:00Z").with("booking_id", "at once").of_client("C3")).await;
    rebuild(&api).await;
    let mut body = json!({ "client_ids": ["C2", "C3"], "to_therapist_id": "T2" });
    let clash = transfer(&api, body.clone()).await;
    clash.is_problem(409, "transfer-clash");
    assert_eq!(clash.body["clashes"][0]["booking_id"], "at once");
    assert_eq!(clash.body["clashes"][0]["clash"]["booking_id"], "of C2");
    body["leave_clashing"] = json!(true);
    let done = transfer(&api, body).await.ok();
    assert_eq!(ids(&done["transfers"][1]["plan"]["left"]), ["at once"]);
    assert_eq!(ids(&done["transfers"][1]["plan"]["moved"]), ["of C3"]);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn whom_it_is_about_is_said_once_and_exactly() {
    let api = many().await;
    let to = |mut body: Value| {
        body["to_therapist_id"] = json!("T2");
        body
    };
    let many: Vec<String> = (0..201).map(|number| format!("X{number}")).collect();
    for (body, places) in [
        (json!({}), &["/client_ids"][..]),
        (json!({ "client_ids": [] }), &["/client_ids"]),
        (json!({ "client_ids": many }), &["/client_ids"]),
        (json!({ "client_ids": ["C1", "C2", "C1"] }), &["/client_ids/2"]),
        (json!({ "client_ids": ["C1", "C8", "C2", "\0"] }), &["/client_ids/1", "/client_ids/3"]),
        (json!({ "client_ids": ["C1"], "from_therapist_id": "T1" }), &["/from_therapist_id"]),
        (json!({ "from_therapist_id": "T9" }), &["/from_therapist_id"]),
        (json!({ "from_therapist_id": "\0" }), &["/from_therapist_id"]),
        (json!({ "from_therapist_id": "T1", "allow_overlap": true }), &["/reason"]),
    ] {
        transfer(&api, to(body)).await.is_invalid(places);
    }
    assert_eq!(kept(&api).await, nothing());
}

#[tokio::test]
async fn a_repeat_answers_the_same() {
    let api = many().await;
    let admin = api.admin().with("idempotency-key", "k1");
    let path = format!("{CLIENTS}/transfer");
    let body = json!({ "client_ids": ["C1", "C3"], "to_therapist_id": "T2" });
    let first = admin.post(&path, body.clone()).await.ok();
    assert_eq!(admin.post(&path, body).await.ok(), first);
    assert_eq!(kept(&api).await["transfers"], 2);
}

#[tokio::test]
async fn a_whole_practice_goes_within_the_time_of_a_request() {
    let api = practice().await;
    sqlx::raw_sql(
        "insert into all_clients_table (client_id, client_name, therapist_id)
         select 'M' || n, 'Client ' || n, 'T1' from generate_series(1, 5000) as n;
         insert into bookings (booking_id, therapist_id, booking_status, booking_start_at, booking_duration)
         select 'b' || n || '-' || k, 'T1', 'confirmed',
                timestamp '2026-02-05' + interval '1 hour' * n + interval '28 days' * (k - 3) * 12, 50
         from generate_series(1, 5000) as n, generate_series(1, 4) as k;
         insert into appointment_table (session_id, client_id, therapist_id)
         select booking_id, 'M' || substring(booking_id from 2 for position('-' in booking_id) - 2), 'T1'
         from bookings where booking_id like 'b%-%'",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    rebuild(&api).await;
    api.analyze().await;
    let body = json!({ "from_therapist_id": "T1", "to_therapist_id": "T2", "leave_clashing": true });
    let done = transfer(&api, body).await.ok();
    assert_eq!(done["transfers"].as_array().unwrap().len(), 5001);
    assert_in_step(drift(&api).await);
}
