//! Clients that do not exist for the caller: merged, of another therapist, or unknown.

use super::{CLIENTS, OWN, path, run};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const PARTS: [&str; 3] = ["", "/bookings", "/timeline"];

#[tokio::test]
async fn a_merged_id_leads_to_the_client_who_stayed() {
    let api = TestApi::new().await;
    api.given(client("C3")).await;
    run(
        &api,
        "insert into internal.clients (client_id, created_at, merged_into)
               values ('C1', now(), 'C2'), ('C2', now(), 'C3'), ('X1', now(), 'X2'), ('X2', now(), 'X1')",
    )
    .await;
    // Therapists have no route to a client's payments.
    for part in PARTS.into_iter().chain(["/payments"]) {
        for id in ["C1", "C2"] {
            let answer = api.admin().get(&path(id, part)).await;
            answer.is_problem(404, "not-found");
            assert_eq!(answer.body["merged_into"], "C3", "{id}{part}");
        }
        for id in ["X1", "C9", "%00", "a%0Ab"] {
            let answer = api.admin().get(&path(id, part)).await;
            answer.is_problem(404, "not-found");
            assert!(answer.body["merged_into"].is_null(), "{id}{part}");
        }
        api.admin().get(&path("C3", part)).await.is(200);
    }
    let patched = api.admin().patch(&path("C1", ""), serde_json::json!({ "client_name": "Asha" })).await;
    patched.is_problem(404, "not-found");
    assert_eq!(patched.body["merged_into"], "C3");
}

#[tokio::test]
async fn foreign_and_made_up_clients_are_the_same_to_a_therapist() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1").with("therapist_id", "T2"), client("C2")]).await;
    api.given(booking("T2", "2026-02-01T10:30:00Z").of_client("C1")).await;
    run(&api, "insert into internal.clients (client_id, created_at, merged_into) values ('C3', now(), 'C1')").await;
    let own = api.therapist("T1");
    for part in PARTS {
        let mut answers = Vec::new();
        for id in ["C1", "C2", "C3", "C9"] {
            let mut answer = own.get(&format!("{OWN}/{id}{part}")).await;
            answer.is_problem(404, "not-found");
            for member in ["instance", "request_id"] {
                answer.body[member].take();
            }
            answer.headers.remove("x-request-id");
            answers.push((answer.body, answer.headers));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let admin = api.admin().get(&format!("{CLIENTS}/C3")).await;
    assert_eq!(admin.body["merged_into"], "C1");
}
