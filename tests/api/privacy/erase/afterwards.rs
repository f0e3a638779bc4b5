//! Operations on a client after erasure, and the certificate.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{BOOKINGS, CLIENTS, EMAIL, NAME, PASSWORD, PHONE, erase, practice, rows, run, traces, value};
use crate::fixtures::{booking, client, notification};

#[tokio::test]
async fn the_certificate_proves_what_was_done_and_names_nobody() {
    let (api, id) = practice().await;
    let path = format!("{CLIENTS}/{id}/erasure");
    api.admin().get(&path).await.is_problem(404, "not-found");
    let body = json!({
        "confirmation": { "password": PASSWORD }, "ground": "consent_withdrawn",
        "reason": "Letter of zubin  qureshi, 2 February"
    });
    let requested = api.admin().post(&format!("{CLIENTS}/{id}/erase"), body).await;
    requested.is(201);
    let accept = format!("{}/accept", requested.header("location"));
    let answer = api.admin_named("other").post(&accept, json!({})).await;
    assert_eq!(answer.header("location"), path);
    let made = answer.created();
    assert_eq!(made["client_id"], id);
    assert_eq!(made["merged_client_ids"], json!(["C2"]));
    assert_eq!(made["erased_at"], "2026-03-04T12:00:00Z");
    assert_eq!((&made["erased_by_name"], &made["accepted_by_name"]), (&json!("admin"), &json!("other")));
    assert_eq!(made["requested_at"], "2026-03-04T12:00:00Z");
    assert_eq!(
        (&made["ground"], &made["reason"]),
        (&json!("consent_withdrawn"), &json!("Letter of (erased), 2 February"))
    );
    assert_eq!(made["tables"]["destroyed"]["client_session_notes"], 4);
    let statement = made["statement"].as_str().expect("words");
    let hash = digest(&SHA256, statement.as_bytes());
    let hash = safestories::domain::text::hex(hash.as_ref());
    assert_eq!(made["sha256"], hash);
    assert!(
        statement.contains("Ground: consent_withdrawn\n") && statement.contains("client_session_notes 4"),
        "{statement}"
    );
    assert_eq!(api.admin().get(&path).await.ok(), made);
    let trail = "select detail ->> 'sha256' from internal.audit_entries
                 where action = 'client_erase' and subject_type = 'client' and detail ? 'sha256'";
    assert_eq!(value(&api, trail).await, hash);
    for change in [
        "update internal.erasure_certificates set reason = null",
        "delete from internal.erasure_certificates",
        "truncate internal.erasure_certificates",
    ] {
        let refused = sqlx::raw_sql(change).execute(&mut *api.sql().await).await;
        assert!(refused.is_err(), "{change}");
    }
    api.therapist("T1").get(&path).await.is_problem(403, "forbidden");
    let gone = api.admin().get(&format!("{CLIENTS}/C2/erasure")).await;
    assert_eq!((gone.status.as_u16(), &gone.body["merged_into"]), (404, &json!(id)));
}

#[tokio::test]
async fn a_repeat_with_the_same_key_answers_the_same_request_and_certificate() {
    let (api, id) = practice().await;
    let path = format!("{CLIENTS}/{id}/erase");
    let admin = || api.admin().with("idempotency-key", "once");
    let body = |password: &str| json!({ "confirmation": { "password": password }, "reason": "A letter" });
    let one = admin().post(&path, body(PASSWORD)).await.created();
    let entries = api.trail().await.len();
    assert_eq!(admin().post(&path, body(PASSWORD)).await.created(), one);
    assert_eq!(api.trail().await.len(), entries);
    admin().post(&path, body("wrong")).await.is_invalid(&["/confirmation/password"]);
    let accept = format!("/api/v1/admin/erase-requests/{}/accept", one["request_id"]);
    let other = || api.admin_named("other").with("idempotency-key", "once");
    let one = other().post(&accept, json!({})).await.created();
    let entries = api.trail().await.len();
    assert_eq!(other().post(&accept, json!({})).await.created(), one);
    assert_eq!(api.trail().await.len(), entries);
}

#[tokio::test]
async fn what_was_sent_before_is_not_taken_for_a_repeat() {
    let (api, _) = practice().await;
    let request = json!({ "client_name": "Zubin Again", "phone_number": "+919812300079" });
    let admin = || api.admin().with("idempotency-key", "made");
    let made = admin().post(CLIENTS, request.clone()).await.created();
    let id = made["client_id"].as_str().expect("an id");
    erase(&api, id).await.is(201);
    admin().post(CLIENTS, request).await.is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn the_record_stays_as_an_empty_one() {
    let (api, id) = practice().await;
    erase(&api, &id).await.is(201);
    let record = api.admin().get(&format!("{CLIENTS}/{id}")).await.ok();
    for (field, left) in [
        ("client_name", json!("(erased)")),
        ("phone_number", Value::Null),
        ("email_id", Value::Null),
        ("therapist_id", Value::Null),
        ("erased_at", json!("2026-03-04T12:00:00Z")),
        ("emergency_contact", Value::Null),
        ("no_of_sessions", json!(5)),
    ] {
        assert_eq!(record[field], left, "{field}");
    }
    assert_eq!(record["totals"]["bookings"], 6);
    let bookings = api.admin().get(&format!("{CLIENTS}/{id}/bookings")).await.data();
    assert_eq!(bookings.len(), 6);
    assert!(bookings.iter().all(|row| row["invitee_name"] == "(erased)" && row["client_id"] == *id));
    for part in ["payments", "transfers", "timeline"] {
        api.admin().get(&format!("{CLIENTS}/{id}/{part}")).await.is(200);
    }
    let own = api.therapist("T1").get("/api/v1/therapist/session-notes?status=pending").await.data();
    assert_eq!(own, [] as [Value; 0]);
    assert_eq!(api.admin().get(&format!("{CLIENTS}/C2")).await.body["merged_into"], id);
}

#[tokio::test]
async fn a_transfer_still_tells_what_it_did() {
    let (api, id) = practice().await;
    let transfer = value(&api, "select min(transfer_id) from client_transfer_history").await;
    let path = format!("/api/v1/admin/transfers/{transfer}");
    let before = api.admin().get(&path).await.ok();
    assert_eq!(before["plan"]["moved"].as_array().map(Vec::len), Some(1), "{before}");
    erase(&api, &id).await.is(201);
    let after = api.admin().get(&path).await.ok();
    assert_eq!(after["plan"]["moved"][0]["booking_id"], before["plan"]["moved"][0]["booking_id"], "{after}");
    assert_eq!(after["client_name"], "(erased)");
}

#[tokio::test]
async fn nothing_more_is_written_about_the_client() {
    let (api, id) = practice().await;
    api.given(client("C3")).await;
    erase(&api, &id).await.is(201);
    let path = format!("{CLIENTS}/{id}");
    let one = value(&api, "select min(session_id) from appointment_table").await;
    let one = one.as_str().expect("an id");
    let booking = json!({
        "therapist_id": "T1", "client_id": id, "invitee_name": NAME, "invitee_phone": PHONE,
        "booking_start_at": "2026-03-09T10:00:00Z", "free": true
    });
    let form = value(&api, "select link_id from client_doc_form").await;
    let request = value(&api, "select min(request_id) from booking_requests").await;
    let admin = api.admin();
    let orphan = api.given(crate::fixtures::session_note("56430")).await.parse::<i32>().expect("an id");
    let relink = json!({ "check": "note_without_booking", "assign": [{ "id": orphan, "to": "90001" }] });
    for answer in [
        admin.patch(&path, json!({ "client_name": NAME })).await,
        admin.post("/api/v1/admin/integrity/repair", relink).await,
        admin.post(&format!("{path}/export"), json!({ "clinical": false })).await,
        admin
            .post(&format!("{path}/break-glass"), json!({ "password": PASSWORD, "reason": "Zubin asks what we hold" }))
            .await,
        admin.post(&format!("{path}/transfer"), json!({ "to_therapist_id": "T1" })).await,
        admin.post(&format!("{path}/merge"), json!({ "merge_client_id": "C3" })).await,
        admin.post(&format!("{CLIENTS}/C3/merge"), json!({ "merge_client_id": id })).await,
        admin.post(&format!("{CLIENTS}/transfer"), json!({ "client_ids": [id], "to_therapist_id": "T1" })).await,
        admin.post(BOOKINGS, booking).await,
        admin.patch(&format!("{BOOKINGS}/{one}"), json!({ "invitee_name": NAME })).await,
        admin.post(&format!("{BOOKINGS}/90001/no-show"), json!({})).await,
        admin
            .post("/api/v1/admin/document-forms", json!({ "booking_id": one, "paperform_link": "https://x.example" }))
            .await,
        admin.patch(&format!("/api/v1/admin/document-forms/{form}"), json!({ "status": "completed" })).await,
        admin.patch(&format!("/api/v1/admin/booking-requests/{request}"), json!({ "client_name": NAME })).await,
        admin.post(&format!("/api/v1/admin/booking-requests/{request}/resend"), Value::Null).await,
        api.therapist("T2").post("/api/v1/therapist/session-notes", json!({ "booking_id": "90001" })).await,
        api.therapist("T2")
            .post("/api/v1/therapist/additional-notes", json!({ "booking_id": "90001", "note_text": "x" }))
            .await,
    ] {
        answer.is_problem(409, "client-erased");
        assert_eq!(answer.body["certificate_id"], 1);
    }
    assert_eq!(traces(&api, &super::TRACES).await, [] as [&str; 0]);
    // Money can still be corrected.
    let payment = value(&api, "select min(payment_id) from payments").await;
    let paid = json!({ "payment_gateway_name": "cash" });
    admin.patch(&format!("/api/v1/admin/payments/{payment}"), paid).await.ok();
}

#[tokio::test]
async fn who_comes_back_is_somebody_new() {
    let (api, id) = practice().await;
    run(
        &api,
        &format!(
            "insert into internal.clients (client_id, created_at, possible_duplicate_of)
                        values ('C5', now(), '{id}')"
        ),
    )
    .await;
    erase(&api, &id).await.is(201);
    let booking = json!({
        "therapist_id": "T1", "invitee_name": NAME, "invitee_phone": PHONE, "invitee_email": EMAIL,
        "booking_start_at": "2026-03-09T10:00:00Z", "free": true
    });
    let made = api.admin().post(BOOKINGS, booking).await.created();
    assert_ne!(made["client_id"], id);
    let clients = rows(
        &api,
        "select c.client_id, i.possible_duplicate_of as of from all_clients_table c
                              left join internal.clients i using (client_id) where c.client_name <> '(erased)'",
    )
    .await;
    assert_eq!(clients, [json!({ "client_id": made["client_id"], "of": null })]);
    assert_eq!(
        value(&api, "select count(*) from internal.clients where possible_duplicate_of is not null").await,
        json!(0)
    );
}

#[tokio::test]
async fn what_was_told_of_a_long_id_says_no_more_either() {
    let (api, id) = practice().await;
    let long = format!("{}-of-another-program", "5".repeat(50));
    let session = booking("T2", "2026-01-20T10:00:00Z").with("booking_id", long.as_str());
    api.given(session.with("invitee_name", NAME).of_client(&id)).await;
    let told = notification(api.admin().user_id().await).with("related_id", &long[..50]).with("title", NAME);
    let told = api.given(told.with("message", "Zubin did not come")).await;
    super::rebuild(&api).await;
    erase(&api, &id).await.is(201);
    let query = format!("select title || ': ' || message from notifications where notification_id = {told}");
    assert_eq!(
        value(&api, &query).await,
        "(erased): The subject of this notification was erased with the client's data."
    );
}
