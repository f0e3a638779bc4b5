//! Adopted sessions whose client or therapist is missing, or named twice with different values.

use safestories::dashboards::cache;
use serde_json::{Value, json};

use super::{BOOKINGS, OWN};
use crate::{
    fixtures::{additional_note, booking, cancellation, client, document_form, payment, session_note, therapist},
    harness::{Person, TestApi, run},
};

/// Whether the therapist sees a booking's contact data: the same in the list, in the detail and in the search.
async fn is_shown(person: &Person<'_>, id: &str, phone: &str) -> bool {
    let found = |rows: Vec<Value>| rows.into_iter().find(|row| row["booking_id"] == id);
    let listed = found(person.get(OWN).await.data()).expect("a booking in the list");
    let shown = listed["contact_visible"] == true;
    let detail = person.get(&format!("{OWN}/{id}")).await.ok();
    for field in ["invitee_phone", "invitee_email", "emergency_contact_number"] {
        assert_eq!(listed[field] != Value::Null, shown, "{field}: {listed}");
        assert_eq!(listed[field], detail[field], "{field}");
    }
    let search = format!("q={phone}");
    assert_eq!(found(person.get(&format!("{OWN}?{search}")).await.data()).is_some(), shown, "{listed}");
    let total = person.get(&format!("{OWN}?{search}&include=total")).await.ok()["page"]["total"].clone();
    assert_eq!(total, i32::from(shown), "{listed}");
    assert_eq!(person.get(&format!("{OWN}/counts?{search}")).await.ok()["all"], total, "{listed}");
    shown
}

#[tokio::test]
async fn a_session_ahead_shows_whom_to_call_though_nobody_has_said_who_that_is() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let given = async |start: &str, phone: &str, status: &str| {
        let row = booking("T1", start).with("emergency_contact_number", "98000 00001").with("booking_status", status);
        api.given(row.with("invitee_phone", format!("+91{phone}"))).await
    };
    for (start, phone, status, shown) in [
        ("2026-02-05T10:30:00Z", "9700000001", "confirmed", true),
        ("2026-02-04T04:00:00Z", "9700000002", "rescheduled", true),
        ("2026-02-04T03:40:00Z", "9700000003", "confirmed", false),
        ("2026-02-05T12:30:00Z", "9700000004", "canceled", false),
        ("2026-02-05T13:30:00Z", "9700000005", "no show", false),
    ] {
        let id = given(start, phone, status).await;
        assert_eq!(is_shown(&api.therapist("T1"), &id, phone).await, shown, "{start} {status}");
        // Nor does a row without a client say who it is.
        let nobodys = format!("insert into appointment_table (session_id, therapist_id) values ('{id}', 'T1')");
        run(&api, &nobodys).await;
        assert_eq!(is_shown(&api.therapist("T1"), &id, phone).await, shown, "{start} {status}");
    }
}

#[tokio::test]
async fn a_session_without_a_time_shows_nobody_for_ever() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    for (phone, of) in [("9700000006", Some("C1")), ("9700000007", None)] {
        let row = booking("T1", "2026-02-05T10:30:00Z").with("booking_start_at", "infinity");
        let row = row.with("invitee_phone", format!("+91{phone}")).with("emergency_contact_number", "98000 00001");
        let id = api.given(match of {
            Some(client) => row.of_client(client),
            None => row,
        });
        assert!(!is_shown(&api.therapist("T1"), &id.await, phone).await, "{of:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_noted_twice_is_listed_and_counted_once() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-04T04:00:00Z").of_client("C1")).await;
    api.given_all([document_form(&id), cancellation(&id), payment(&id), additional_note(&id, "T1")]).await;
    run(
        &api,
        "alter table appointment_table drop constraint appointment_table_pkey cascade;
         insert into appointment_table (session_id, therapist_id) select session_id, therapist_id from appointment_table;
         insert into appointment_table (session_id, client_id, client_name, therapist_id)
         select session_id, 'C1', 'Meera', therapist_id from appointment_table where client_id is null",
    )
    .await;
    // A running session, first without a note, then with one.
    for noted in [false, true] {
        if noted {
            api.given(session_note(&id)).await;
        } else {
            for (person, path) in [(api.admin(), "admin"), (api.therapist("T1"), "therapist")] {
                let live = person.get(&format!("/api/v1/{path}/live")).await;
                assert!(path == "therapist" || live.data().len() == 1);
            }
        }
        for path in [
            "bookings",
            "bookings?client_id=C1",
            "bookings?q=Meera",
            "clients/C1/bookings",
            "document-forms",
            "document-forms?client_id=C1",
            "cancellations",
            "cancellations?client_id=C1",
            "payments",
            "payments?client_id=C1",
            "clients/C1/payments",
            "additional-notes",
            "additional-notes?client_id=C1",
        ] {
            once(&api.admin(), &format!("/api/v1/admin/{path}"), Some("C1")).await;
        }
        for path in [
            "bookings",
            "bookings?q=Meera",
            "clients/C1/bookings",
            "document-forms",
            "session-notes",
            "session-notes?client_id=C1",
            "additional-notes",
        ] {
            once(&api.therapist("T1"), &format!("/api/v1/therapist/{path}"), Some("C1")).await;
        }
        for (person, path) in [(api.admin(), BOOKINGS), (api.therapist("T1"), OWN)] {
            assert_eq!(person.get(&format!("{path}/counts")).await.ok()["all"], 1, "{path}");
        }
        let found = api.admin().get(&format!("/api/v1/admin/search?q={id}")).await.ok();
        assert_eq!(found["data"].as_array().expect("hits").len(), 1, "{found}");
    }
    once(&api.admin(), "/api/v1/admin/session-notes?client_id=C1", Some("C1")).await;
    api.admin().post(&format!("{BOOKINGS}/{id}/no-show"), json!({})).await.is(200);
}

#[tokio::test]
async fn a_therapist_who_is_there_twice_doubles_nothing() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-04T04:00:00Z").of_client("C1")).await;
    api.given_all([document_form(&id), payment(&id)]).await;
    cache::follow_others(&api.app).await.expect("facts that follow");
    run(
        &api,
        "alter table therapists drop constraint therapists_therapist_id_key cascade;
         insert into therapists (id, therapist_id, name) values (1000, 'T1', 'Somebody else')",
    )
    .await;
    let admin = api.admin();
    once(&admin, "/api/v1/admin/document-forms", Some("C1")).await;
    let summary = admin.get("/api/v1/admin/payments/summary?from=2026-02-01&to=2026-02-28").await.ok();
    let detail = admin.get("/api/v1/admin/clients/C1").await.ok();
    for (therapists, name) in [(&summary["therapists"], "therapist_name"), (&detail["therapists"], "name")] {
        assert_eq!(therapists.as_array().expect("therapists").len(), 1, "{therapists}");
        assert_eq!(therapists[0][name], "Therapist T1");
    }
}

/// A list has one row, of this client, and counts one.
async fn once(person: &Person<'_>, path: &str, client: Option<&str>) {
    let more = if path.contains('?') { '&' } else { '?' };
    let answer = person.get(&format!("{path}{more}include=total")).await.ok();
    let rows = answer["data"].as_array().expect("a list");
    assert_eq!(rows.len(), 1, "{path}: {answer}");
    assert_eq!(answer["page"]["total"], 1, "{path}");
    assert_eq!(rows[0]["client_id"].as_str(), client, "{path}");
}

/// Its client may be anybody of the practice, so it is found in a transaction of the practice's own.
#[tokio::test]
async fn a_therapist_completes_a_session_that_another_program_left_without_a_client() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let row = booking("T1", "2026-02-04T03:00:00Z").with("invitee_name", "Nina Das");
    let id = api.given(row.with("invitee_phone", "+919700000009")).await;
    let complete = format!("{OWN}/{id}/complete");
    api.therapist("T2").post(&complete, json!({})).await.is(404);
    let clients = "select count(*) from all_clients_table where client_name = 'Nina Das'";
    let count: i64 = sqlx::query_scalar(clients).fetch_one(&mut *api.sql().await).await.unwrap();
    assert_eq!(count, 0, "another therapist's attempt changes nothing");

    let done = api.therapist("T1").post(&complete, json!({})).await.ok();
    assert_eq!(done["state"], "completed", "{done}");
    let count: i64 = sqlx::query_scalar(clients).fetch_one(&mut *api.sql().await).await.unwrap();
    assert_eq!(count, 1);
    let trail: Vec<String> =
        api.trail().await.into_iter().map(|(action, outcome)| format!("{action} {outcome}")).collect();
    assert!(trail.contains(&"appointment_complete done".to_owned()), "{trail:?}");

    // A refusal that follows is kept too.
    api.therapist("T1").post(&complete, json!({})).await.is(409);
    let refused = api.trail().await.into_iter().filter(|(_, outcome)| outcome == "refused").count();
    assert_eq!(refused, 2, "of another therapist, and of a session that is completed");
}
