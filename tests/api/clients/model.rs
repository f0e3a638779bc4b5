//! Matching persons: how a new booking finds its client, and where an admin must decide.

use serde_json::{Value, json};

use crate::{
    fixtures::{Row, booking, client, therapist},
    harness::{Answer, TestApi, run},
};

/// A practice that knows one client, C1, as the test wants them: Asha Rao, +919800000001, asha@example.org.
async fn practice(change: impl FnOnce(Row) -> Row) -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let asha = client("C1")
        .with("client_name", "Asha Rao")
        .with("phone_number", "+919800000001")
        .with("email_id", "asha@example.org");
    api.given(change(asha)).await;
    api
}

/// Books a session for somebody.
async fn arrive(api: &TestApi, name: &str, phone: Option<&str>, email: Option<&str>, more: Value) -> Answer {
    let start = api.now() + chrono::TimeDelta::days(1);
    api.pass(60);
    let mut body = json!({ "therapist_id": "T1", "invitee_name": name, "booking_start_at": start, "free": true });
    let fields = body.as_object_mut().unwrap();
    fields.extend(phone.map(|phone| ("invitee_phone".to_owned(), json!(phone))));
    fields.extend(email.map(|email| ("invitee_email".to_owned(), json!(email))));
    fields.extend(more.as_object().unwrap().clone());
    api.admin().post("/api/v1/admin/bookings", body).await
}

async fn duplicate_of(api: &TestApi, client_id: &Value) -> Option<String> {
    sqlx::query_scalar("select possible_duplicate_of from internal.clients where client_id = $1")
        .bind(client_id.as_str())
        .fetch_one(&mut *api.sql().await)
        .await
        .expect("a client made here")
}

async fn clients(api: &TestApi) -> i64 {
    sqlx::query_scalar("select count(*) from all_clients_table").fetch_one(&mut *api.sql().await).await.unwrap()
}

#[tokio::test]
async fn same_phone_and_name_in_any_notation_is_the_same_client() {
    let api = practice(|asha| asha.with("phone_number", "098000 00001")).await;
    for (name, phone) in [
        ("Asha Rao", "+919800000001"),
        ("asha rao", "9800000001"),
        ("ASHA  RAO", "+91 98000-00001"),
        (" AshaRao ", "0091 98000 00001"),
        ("Asha\u{a0}Rao", "(098000) 00001"),
    ] {
        let other_email = Some("other@example.org");
        let booking = arrive(&api, name, Some(phone), other_email, json!({})).await.created();
        assert_eq!(booking["client_id"], "C1", "{name} {phone}");
    }
    assert_eq!(clients(&api).await, 1);
}

#[tokio::test]
async fn same_phone_and_another_name_asks_and_the_admin_chooses() {
    let api = practice(|asha| asha).await;
    let phone = Some("98000 00001");
    let asked = arrive(&api, "Ravi Rao", phone, None, json!({})).await;
    asked.is_problem(409, "client-ambiguous");
    assert_eq!(
        asked.body["candidates"],
        json!([{
            "client_id": "C1",
            "client_name": "Asha Rao",
            "phone_number": "+919800000001",
            "email_id": "asha@example.org",
        }])
    );
    assert_eq!(clients(&api).await, 1);

    let ravi = arrive(&api, "Ravi Rao", phone, None, json!({ "new_client": true })).await.created();
    assert_ne!(ravi["client_id"], "C1");
    assert_eq!(duplicate_of(&api, &ravi["client_id"]).await.as_deref(), Some("C1"));

    // Now that both are known, each is found by name, and a third has two candidates.
    assert_eq!(arrive(&api, "ravi rao", phone, None, json!({})).await.created()["client_id"], ravi["client_id"]);
    assert_eq!(arrive(&api, "asha rao", phone, None, json!({})).await.created()["client_id"], "C1");
    let third = arrive(&api, "Asha and Ravi", phone, None, json!({})).await;
    third.is_problem(409, "client-ambiguous");
    assert_eq!(third.body["candidates"].as_array().unwrap().len(), 2);

    let chosen = arrive(&api, "Asha and Ravi", phone, None, json!({ "client_id": "C1" })).await.created();
    assert_eq!((&chosen["client_id"], &chosen["invitee_name"]), (&json!("C1"), &json!("Asha and Ravi")));
    assert_eq!(clients(&api).await, 2);
}

#[tokio::test]
async fn who_is_found_by_the_address_receives_the_phone() {
    let api = practice(|asha| asha.with("phone_number", Value::Null)).await;
    let email = Some("asha@example.org");
    assert_eq!(arrive(&api, "Asha Rao", Some("98000 00002"), email, json!({})).await.created()["client_id"], "C1");
    let client = async || api.admin().get("/api/v1/admin/clients/C1").await.ok();
    assert_eq!(client().await["phone_number"], "+919800000002");
    // By the phone alone from now on; and another phone does not take its place.
    assert_eq!(arrive(&api, "Asha Rao", Some("98000 00002"), None, json!({})).await.created()["client_id"], "C1");
    arrive(&api, "Asha Rao", Some("98000 00003"), email, json!({})).await.created();
    assert_eq!(client().await["phone_number"], "+919800000002");
}

#[tokio::test]
async fn a_former_name_or_phone_finds_the_same_person() {
    let api = practice(|asha| asha.with("client_name", "Asha Roa").with("email_id", Value::Null)).await;
    let edit = async |body: Value| api.admin().patch("/api/v1/admin/clients/C1", body).await.ok();
    edit(json!({ "client_name": "Asha Rao" })).await;
    edit(json!({ "phone_number": "98000 00009" })).await;
    for (name, phone) in [
        ("Asha Rao", "98000 00009"),
        ("Asha Roa", "98000 00009"),
        ("Asha Roa", "98000 00001"),
        ("asha rao", "+91 98000-00001"),
    ] {
        let booking = arrive(&api, name, Some(phone), None, json!({})).await.created();
        assert_eq!(booking["client_id"], "C1", "{name} {phone}");
    }
    // The number may be somebody else's by now.
    let other = arrive(&api, "Ravi Menon", Some("98000 00001"), None, json!({})).await.created();
    assert_ne!(other["client_id"], "C1");
    assert_eq!(duplicate_of(&api, &other["client_id"]).await, None);
    // And what another program corrects is remembered likewise.
    run(&api, "update all_clients_table set client_name = 'Asha R Menon' where client_id = 'C1'").await;
    let booking = arrive(&api, "Asha Rao", Some("98000 00009"), None, json!({})).await.created();
    assert_eq!(booking["client_id"], "C1");
}

#[tokio::test]
async fn an_address_finds_a_client_without_another_phone() {
    let api = practice(|asha| asha.with("phone_number", "na").with("email_id", " ASHA@example.org")).await;
    let email = Some("asha@Example.org");
    let booking = arrive(&api, "Asha Rao", Some("98000 00002"), email, json!({})).await.created();
    assert_eq!(booking["client_id"], "C1");
    arrive(&api, "Ravi Rao", None, email, json!({})).await.is_problem(409, "client-ambiguous");
}

#[tokio::test]
async fn an_address_alone_finds_the_client_of_that_name() {
    let api = practice(|asha| asha).await;
    let booking = arrive(&api, "Asha Rao", None, Some("asha@example.org"), json!({})).await.created();
    assert_eq!(booking["client_id"], "C1");
}

#[tokio::test]
async fn a_client_with_another_phone_is_not_found_by_address() {
    let api = practice(|asha| asha).await;
    let booking = arrive(&api, "Asha Rao", Some("98000 00002"), Some("asha@example.org"), json!({})).await.created();
    assert_ne!(booking["client_id"], "C1");
    assert_eq!(duplicate_of(&api, &booking["client_id"]).await, None);
}

#[tokio::test]
async fn what_is_no_phone_and_no_address_matches_nobody() {
    let api = practice(|asha| asha.with("phone_number", "0000000000").with("email_id", "na")).await;
    // As other programs write them: the row is completed by an operation on it.
    let id = api
        .given(
            booking("T1", "2026-02-05T10:30:00Z")
                .with("invitee_name", "Asha Rao")
                .with("invitee_phone", "0000000000")
                .with("invitee_email", "na"),
        )
        .await;
    let path = format!("/api/v1/admin/bookings/{id}");
    let completed = api.admin().patch(&path, json!({ "booking_mode": "phone" })).await.ok();
    assert_ne!(completed["client_id"], "C1");
    assert_eq!(clients(&api).await, 2);
}

#[tokio::test]
async fn a_client_keeps_the_therapist_they_have() {
    let api = practice(|asha| asha.with("therapist_id", Value::Null)).await;
    api.given(therapist("T2")).await;
    let assigned = async || -> Option<String> {
        sqlx::query_scalar("select therapist_id || ' ' || assigned_therapist from all_clients_table")
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap()
    };
    arrive(&api, "Asha Rao", Some("9800000001"), None, json!({})).await.created();
    assert_eq!(assigned().await.as_deref(), Some("T1 Therapist T1"));
    arrive(&api, "Asha Rao", Some("9800000001"), None, json!({ "therapist_id": "T2" })).await.created();
    assert_eq!(assigned().await.as_deref(), Some("T1 Therapist T1"));
}

#[tokio::test]
async fn one_person_arriving_twice_at_the_same_moment_is_one_client() {
    let api = practice(|asha| asha).await;
    let other = api.second_instance();
    api.given_all((2..8).map(|number| therapist(&format!("T{number}")))).await;
    api.admin().authorization().await;
    let arrivals = (1..8).map(|number| {
        let body = json!({
            "therapist_id": format!("T{number}"),
            "invitee_name": "Meera Iyer",
            "invitee_phone": if number % 2 == 0 { "98000 77777" } else { "+91 9800077777" },
            "invitee_email": "meera@example.org",
            "booking_start_at": "2026-02-05T10:30:00Z",
            "free": true,
        });
        let api = if number % 2 == 0 { &api } else { &other };
        async move { api.admin().post("/api/v1/admin/bookings", body).await.created()["client_id"].clone() }
    });
    let ids = futures_util::future::join_all(arrivals).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(clients(&api).await, 2);
}

#[tokio::test]
async fn somebody_without_a_name_is_not_taken_for_somebody_with_one() {
    let api = practice(|asha| asha).await;
    let nameless = || {
        booking("T1", "2026-02-05T10:30:00Z")
            .with("invitee_name", Value::Null)
            .with("invitee_phone", "9800000001")
            .with("invitee_email", Value::Null)
    };
    let mut found = Vec::new();
    for _ in 0..2 {
        let id = api.given(nameless()).await;
        let path = format!("/api/v1/admin/bookings/{id}");
        found.push(api.admin().patch(&path, json!({ "booking_mode": "phone" })).await.ok()["client_id"].clone());
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(duplicate_of(&api, &found[0]).await.as_deref(), Some("C1"));
    let name: Option<String> = sqlx::query_scalar("select client_name from all_clients_table where client_id = $1")
        .bind(found[0].as_str())
        .fetch_one(&mut *api.sql().await)
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("(no name)"));
}
