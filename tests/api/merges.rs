//! Merging two records of one person: the rows that follow, those that stay, and who may read them afterwards.

use safestories::dashboards::cache;
use serde_json::{Value, json};

use crate::transfers::{CLIENTS, TRANSFERS, assert_in_step, kept, nothing, practice, rebuild, transfer};
use crate::{
    fixtures::{booking, client, payment},
    harness::{Answer, TestApi, drift, rows, run},
};

/// As [`practice`], and C2: the same person without an address, of T2, with a past session and one ahead with T2.
async fn two() -> TestApi {
    let api = practice().await;
    api.given(
        client("C2")
            .with("therapist_id", "T2")
            .with("assigned_therapist", "Therapist T2")
            .with("phone_number", "+919876543210")
            .with("email_id", "real@example.org"),
    )
    .await;
    let row = |id: &str, start: &str| booking("T2", start).with("booking_id", id).of_client("C2");
    api.given_all([row("old", "2026-01-10T10:00:00Z"), row("new", "2026-02-20T10:00:00Z")]).await;
    sqlx::raw_sql("update all_clients_table set email_id = 'na' where client_id = 'C1'")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    rebuild(&api).await;
    api
}

async fn merge(api: &TestApi, id: &str, gone: &str) -> Answer {
    api.admin().post(&format!("{CLIENTS}/{id}/merge"), json!({ "merge_client_id": gone })).await
}

#[tokio::test]
async fn everything_follows_the_client_that_survives() {
    let api = two().await;
    api.given(payment("old")).await;
    api.admin().post("/api/v1/admin/bookings/new/cancel", json!({ "reason": "x", "refund": true })).await.ok();
    run(
        &api,
        "insert into booking_requests (request_id, client_name, client_whatsapp, therapy_type, therapist_name) values
             (9, ' Client  c2', '098765 43210', 'x', 'y'), (10, 'Somebody Else', '098765 43210', 'x', 'y');
         insert into internal.request_clients values (7, 'C2'), (8, 'C1');
         insert into internal.clients (client_id, created_at, possible_duplicate_of) values
             ('C1', '2026-01-01', 'C2'), ('C3', '2026-01-01', 'C2'), ('C4', '2026-01-01', null);
         insert into internal.clients (client_id, created_at, merged_into) values ('C0', '2026-01-01', 'C2');
         insert into client_transfer_history (client_name, client_phone, to_therapist_id, to_therapist_name)
         values ('client c2', '98765 43210', 'T2', 'Therapist T2')",
    )
    .await;
    let merged = merge(&api, "C1", "C2").await.ok();
    for (field, value) in [
        ("client_id", json!("C1")),
        ("client_name", json!("Client C1")),
        ("email_id", json!("real@example.org")),
        ("therapist_id", json!("T1")),
        ("no_of_sessions", json!(6)),
        ("merged_client_id", json!("C2")),
    ] {
        assert_eq!(merged[field], value, "{field}");
    }
    assert_eq!(merged["merge"]["filled"], json!(["email_id"]));
    assert_eq!(merged["merge"]["dropped"], json!(["client_name", "phone_number", "therapist_id"]));
    assert_eq!(
        merged["merge"]["moved"],
        json!({ "bookings": 2, "refunds": 1, "requests": 2, "transfers": 1, "possible_duplicates": 2 })
    );
    for (what, query) in [
        ("bookings", "select 1 from appointment_table where client_id <> 'C1'"),
        ("refunds", "select 1 from refund_cancellation_table where client_id <> 'C1'"),
        ("requests", "select 1 from internal.request_clients where client_id <> 'C1'"),
        ("transfers", "select 1 from internal.transfer_clients where client_id <> 'C1'"),
        ("clients", "select 1 from all_clients_table where client_id <> 'C1'"),
        ("marks", "select 1 from internal.clients where possible_duplicate_of = 'C2' or merged_into = 'C2'"),
        ("caches", "select 1 from internal.clients_summary_rows where client_id <> 'C1'"),
    ] {
        assert_eq!(rows(&api, query).await, [] as [Value; 0], "{what}");
    }
    let marks =
        rows(&api, "select client_id, possible_duplicate_of as d, merged_into as m from internal.clients order by 1");
    assert_eq!(
        marks.await,
        [
            json!({ "client_id": "C0", "d": null, "m": "C1" }),
            json!({ "client_id": "C1", "d": null, "m": null }),
            json!({ "client_id": "C2", "d": null, "m": "C1" }),
            json!({ "client_id": "C3", "d": "C1", "m": null }),
            json!({ "client_id": "C4", "d": null, "m": null }),
        ]
    );
    cache::follow_others(&api.app).await.expect("facts that follow");
    assert_in_step(drift(&api).await);
    // Work goes on under the one id.
    assert_eq!(api.admin().get("/api/v1/admin/bookings/old").await.ok()["client_id"], "C1");
    api.admin().post("/api/v1/admin/bookings/next/cancel", json!({ "reason": "x" })).await.ok();
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn a_merged_id_is_gone_and_leads_on() {
    let api = two().await;
    merge(&api, "C1", "C2").await.ok();
    let to = json!({ "to_therapist_id": "T3" });
    for answer in [
        api.admin().get(&format!("{CLIENTS}/C2/transfers")).await,
        transfer(&api, "C2", to.clone()).await,
        merge(&api, "C2", "C1").await,
        merge(&api, "C2", "C2").await,
    ] {
        answer.is_problem(404, "not-found");
        assert_eq!(answer.body["merged_into"], "C1");
    }
    let again = merge(&api, "C1", "C2").await;
    again.is_problem(409, "already-merged");
    assert_eq!(again.body["merged_into"], "C1");
    let many = json!({ "client_ids": ["C1", "C2"], "to_therapist_id": "T3" });
    let many = api.admin().post(&format!("{CLIENTS}/transfer"), many).await;
    many.is_invalid(&["/client_ids/1"]);
    assert_eq!(many.body["errors"][0]["detail"], "was merged into C1");
}

#[tokio::test]
async fn what_cannot_be_merged() {
    let api = two().await;
    merge(&api, "C1", "C1").await.is_invalid(&["/merge_client_id"]);
    for unknown in ["C9", "", "\0"] {
        merge(&api, "C1", unknown).await.is_invalid(&["/merge_client_id"]);
    }
    let unknown = merge(&api, "C9", "C1").await;
    unknown.is_problem(404, "not-found");
    assert_eq!(unknown.body["merged_into"], Value::Null);
    merge(&api, "C9", "C9").await.is_problem(404, "not-found");
    let path = format!("{CLIENTS}/C1/merge");
    let body = json!({ "merge_client_id": "C2" });
    api.admin().with("if-match", "\"0.x\"").post(&path, body).await.is_problem(412, "stale");
    assert_eq!(rows(&api, "select 1 from all_clients_table").await.len(), 2);
    assert_eq!(kept(&api).await, nothing());
}

#[tokio::test]
async fn a_dry_run_names_who_gains_access_and_keeps_nothing() {
    let api = two().await;
    let path = format!("{CLIENTS}/C1/merge");
    let body = json!({ "merge_client_id": "C2" });
    let dry = api.admin().post(&format!("{path}?dry_run=true"), body.clone()).await.ok();
    assert_eq!(kept(&api).await, nothing());
    assert_eq!(rows(&api, "select 1 from all_clients_table").await.len(), 2);
    let none = json!({ "count": 0, "booking_ids": [] });
    let access = |record: bool, contact: Value, sessions: Value, notes: Value| json!({ "record": record, "contact": contact, "contact_of_sessions": sessions, "earlier_notes": notes });
    let nothing_at_all = || access(false, json!([]), none.clone(), none.clone());
    assert_eq!(
        dry["merge"]["access"],
        json!([
            // Assigned to the client: its address was the other record's.
            {
                "therapist_id": "T1",
                "therapist_name": "Therapist T1",
                "gains": access(false, json!(["email_id"]), none.clone(), none.clone()),
                "loses": nothing_at_all(),
            },
            // A session ahead keeps the contact data theirs; the record is another one, with another phone.
            {
                "therapist_id": "T2",
                "therapist_name": "Therapist T2",
                "gains": access(true, json!(["phone_number"]), none.clone(), none.clone()),
                "loses": nothing_at_all(),
            },
            // A session ahead with the client shows the address that is new to it.
            {
                "therapist_id": "T3",
                "therapist_name": "Therapist T3",
                "gains": access(false, json!(["email_id"]), none.clone(), none.clone()),
                "loses": nothing_at_all(),
            },
        ])
    );
    assert_eq!(dry["dry_run"], true);
    assert_eq!(dry["effects"][0]["action"], "client_merge");
    let done = api.admin().post(&path, body).await.ok();
    assert_eq!(done["merge"], dry["merge"]);
    assert_eq!(done["email_id"], dry["email_id"]);
}

#[tokio::test]
async fn the_trail_keeps_both_ids_and_no_contact_data() {
    let api = two().await;
    merge(&api, "C1", "C2").await.ok();
    assert_eq!(api.audit_log().await, [("client_merge".to_owned(), "Merged two records of Client C1".to_owned())]);
    let trail = rows(
        &api,
        "select client_id, subject_id, detail::text as detail from internal.audit_entries order by entry_id",
    );
    let trail = trail.await;
    assert_eq!(trail.iter().map(|entry| &entry["client_id"]).collect::<Vec<_>>(), ["C1", "C2"]);
    for entry in trail {
        let detail = entry["detail"].as_str().unwrap();
        assert!(!detail.contains("real@") && !detail.contains("98765"), "{detail}");
    }
}

#[tokio::test]
async fn a_repeat_answers_the_same() {
    let api = two().await;
    let admin = api.admin().with("idempotency-key", "k1");
    let path = format!("{CLIENTS}/C1/merge");
    let body = json!({ "merge_client_id": "C2" });
    let first = admin.post(&path, body.clone()).await.ok();
    assert_eq!(admin.post(&path, body).await.ok(), first);
}

#[tokio::test]
async fn records_with_nothing_in_them_are_merged() {
    let api = practice().await;
    for id in ["N1", "N2"] {
        let mut row = client(id);
        for column in ["client_name", "phone_number", "email_id", "no_of_sessions"] {
            row = row.with(column, Value::Null);
        }
        api.given(row).await;
    }
    let merged = merge(&api, "N1", "N2").await.ok();
    assert_eq!((&merged["client_name"], &merged["no_of_sessions"]), (&Value::Null, &json!(0)));
    assert_eq!(merged["merge"]["access"], json!([]));
    let whole = merge(&api, "N1", "C1").await.ok();
    assert_eq!(whole["merge"]["filled"], json!(["client_name", "phone_number", "email_id", "therapist_id"]));
    assert_eq!((&whole["therapist_id"], &whole["assigned_therapist"]), (&json!("T1"), &json!("Therapist T1")));
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn two_thousand_bookings_follow_at_once() {
    let api = two().await;
    run(
        &api,
        "insert into bookings (booking_id, therapist_id, booking_status, booking_start_at, booking_duration)
         select 'm' || n, 'T' || n % 3 + 1, 'confirmed', timestamp '2026-02-01' - interval '1 hour' * n, 50
         from generate_series(1, 2000) as n;
         insert into appointment_table (session_id, client_id) select booking_id, 'C2' from bookings where booking_id like 'm%';
         analyze",
    )
    .await;
    rebuild(&api).await;
    let merged = merge(&api, "C1", "C2").await.ok();
    assert_eq!(merged["merge"]["moved"]["bookings"], 2002);
    assert_eq!(merged["no_of_sessions"], 2007);
    assert_in_step(drift(&api).await);
    // And they are handed over together with their client.
    let made = transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    assert_eq!(made["plan"]["missing_notes"]["booking_ids"].as_array().unwrap().len(), 20);
    assert_eq!(api.admin().get(&format!("{TRANSFERS}/{}", made["transfer_id"])).await.ok(), made);
    assert_in_step(drift(&api).await);
}
