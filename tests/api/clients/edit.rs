//! Correcting a client's name and contact data.

use serde_json::{Value, json};

use super::{OWN, path};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let asha = client("C1").with("client_name", "Asha Rao").with("phone_number", "+919800000001");
    api.given(asha.with("email_id", "asha@example.org")).await;
    let ravi = client("C2").with("client_name", "Ravi").with("phone_number", "098000-00002").with("email_id", "na");
    api.given(ravi).await;
    api.given(client("C3").with("phone_number", Value::Null).with("email_id", "three@example.org")).await;
    api
}

#[tokio::test]
async fn a_phone_or_an_address_stays() {
    let api = practice().await;
    let edit = async |body: Value| api.admin().patch(&path("C1", ""), body).await;
    edit(json!({ "phone_number": null, "email_id": null })).await.is_invalid(&["/phone_number"]);
    edit(json!({ "email_id": null })).await.ok();
    edit(json!({ "phone_number": null })).await.is_invalid(&["/phone_number"]);
    edit(json!({ "phone_number": null, "email_id": "a@example.org" })).await.ok();
    // Of who has neither, another program's, the name can be corrected.
    api.given(client("C9").with("phone_number", Value::Null).with("email_id", Value::Null)).await;
    api.admin().patch(&path("C9", ""), json!({ "client_name": "Noor" })).await.ok();
}

#[tokio::test]
async fn contact_data_changes_and_the_trail_keeps_what_was() {
    let api = practice().await;
    let tag = api.admin().get(&path("C1", "")).await.etag().to_owned();
    let patch = json!({ "phone_number": "+919800000009", "email_id": null });
    let changed = api.admin().with("if-match", &tag).patch(&path("C1", ""), patch).await;
    assert_ne!(changed.etag(), tag);
    let changed = changed.ok();
    assert_eq!(
        (&changed["client_name"], &changed["phone_number"], &changed["email_id"]),
        (&json!("Asha Rao"), &json!("+919800000009"), &Value::Null)
    );
    assert_eq!(
        api.audit_log().await,
        [("client_contact_edit".to_owned(), "Changed the contact data of Asha Rao".to_owned())]
    );
    let detail: Value = sqlx::query_scalar(
        "select detail from internal.audit_entries where action = 'client_contact_edit' and client_id = 'C1'",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .unwrap();
    assert_eq!(
        detail,
        json!({
            "old": { "phone_number": "+919800000001", "email_id": "asha@example.org" },
            "new": { "phone_number": "+919800000009", "email_id": null },
        })
    );

    let stale = api.admin().with("if-match", &tag).patch(&path("C1", ""), json!({ "client_name": "A" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["phone_number"], "+919800000009");
}

#[tokio::test]
async fn what_is_derived_follows_and_bookings_keep_what_was_said() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-05T10:30:00Z").of_client("C1")).await;
    let before = api.admin().get(&format!("/api/v1/admin/bookings/{id}")).await.ok();
    let patch = json!({ "client_name": "Asha Iyer", "phone_number": "+919800000009" });
    api.admin().patch(&path("C1", ""), patch).await.ok();
    let summary: (String, String) =
        sqlx::query_as("select client_name, client_phone from therapist_clients_summary where therapist_id = 'T1'")
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!(summary, ("Asha Iyer".to_owned(), "+919800000009".to_owned()));
    let after = api.admin().get(&format!("/api/v1/admin/bookings/{id}")).await.ok();
    assert_eq!(after["invitee_phone"], before["invitee_phone"]);
}

#[tokio::test]
async fn a_phone_or_address_of_somebody_else_asks() {
    let api = practice().await;
    for (patch, id) in [
        (json!({ "phone_number": "+91 98000 00002" }), "C2"),
        (json!({ "phone_number": null, "email_id": "THREE@example.org" }), "C3"),
        (json!({ "email_id": "three@example.org" }), "C3"),
    ] {
        let asked = api.admin().patch(&path("C1", ""), patch.clone()).await;
        asked.is_problem(409, "client-ambiguous");
        assert_eq!(asked.body["candidates"][0]["client_id"], id, "{patch}");
        assert_eq!(asked.body["candidates"].as_array().unwrap().len(), 1, "{patch}");
    }
    assert!(api.audit_log().await.is_empty());
    let insisting = json!({ "phone_number": "+91 98000 00002", "new_client": true });
    let shared = api.admin().patch(&path("C1", ""), insisting).await.ok();
    assert_eq!(shared["possible_duplicate_of"], "C2");
    // An edit that only changes the notation of a phone already shared, or the name, needs no confirmation.
    api.admin().patch(&path("C1", ""), json!({ "phone_number": "0091 9800000002" })).await.ok();
    api.admin().patch(&path("C1", ""), json!({ "client_name": "Asha R" })).await.ok();
    api.admin().patch(&path("C1", ""), json!({ "email_id": "new@example.org" })).await.ok();
}

#[tokio::test]
async fn what_cannot_be_patched_is_named_with_advice() {
    let api = practice().await;
    for (field, value, advice) in [
        ("therapist_id", json!("T2"), "use transfer"),
        ("therapist_id", Value::Null, "use transfer"),
        ("assigned_therapist", json!("Therapist T2"), "use transfer"),
        ("client_name", Value::Null, "cannot be cleared"),
        ("client_name", json!(""), "must not be empty"),
        ("phone_number", json!("na"), "not a phone number"),
        ("email_id", json!("none"), "not an e-mail address"),
        ("no_of_sessions", json!(1), "is not known here"),
        ("client_id", json!("C9"), "is not known here"),
    ] {
        let answer = api.admin().patch(&path("C1", ""), json!({ field: value })).await;
        answer.is_invalid(&[&format!("/{field}")]);
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(advice), "{field}: {detail}");
    }
    let own = api.therapist("T1").patch(&format!("{OWN}/C1"), json!({ "client_name": "A" })).await;
    own.is_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn of_two_clients_given_one_phone_at_the_same_moment_one_is_asked() {
    let api = practice().await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let patch = || json!({ "phone_number": "98000 77777" });
    let (one, two) = (api.admin(), other.admin());
    let (first, second) = (path("C1", ""), path("C2", ""));
    let (one, two) = tokio::join!(one.patch(&first, patch()), two.patch(&second, patch()));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn of_two_admins_with_the_same_version_one_is_told_to_look_again() {
    let api = practice().await;
    let other = api.second_instance();
    let tag = api.admin().get(&path("C1", "")).await.etag().to_owned();
    let (one, two) = (api.admin().with("if-match", &tag), other.admin().with("if-match", &tag));
    let path = path("C1", "");
    let (one, two) = tokio::join!(
        one.patch(&path, json!({ "client_name": "One" })),
        two.patch(&path, json!({ "client_name": "Two" })),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn what_changes_nothing_leaves_the_record_and_the_log_as_they_are() {
    let api = practice().await;
    let tag = api.admin().get(&path("C1", "")).await.etag().to_owned();
    for same in [json!({}), json!({ "client_name": "Asha Rao", "email_id": "asha@example.org" })] {
        let answer = api.admin().with("if-match", &tag).patch(&path("C1", ""), same).await;
        assert_eq!(answer.etag(), tag);
        answer.ok();
    }
    assert_eq!(api.audit_log().await, []);
    assert_eq!(api.trail().await, vec![("client_contact_edit".to_owned(), "done".to_owned()); 2]);
}
