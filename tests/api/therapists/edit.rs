//! Changing a therapist.

use serde_json::json;

use super::{THERAPISTS, value};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn what_is_named_is_set_null_clears_and_the_rest_stays() {
    let api = TestApi::new().await;
    api.given(therapist("T1").with("capacity", 5)).await;
    let path = format!("{THERAPISTS}/T1");
    let before = api.admin().get(&path).await.ok();
    let wanted = json!({ "specialization": "EMDR, emdr", "contact_info": null });
    let after = api.admin().patch(&path, wanted).await.ok();
    assert_eq!((&after["therapies"], &after["contact_info"]), (&json!(["EMDR"]), &json!(null)));
    assert_eq!((&after["name"], &after["capacity"]), (&before["name"], &json!(5)));
    assert_eq!(api.admin().patch(&path, json!({ "capacity": null })).await.ok()["capacity"], 0);
    for (field, place) in
        [("name", "/name"), ("therapist_id", "/therapist_id"), ("sessions_booked", "/sessions_booked")]
    {
        api.admin().patch(&path, json!({ field: null })).await.is_invalid(&[place]);
    }
    api.admin().patch(&format!("{THERAPISTS}/T9"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_new_name_follows_where_it_tells_of_the_present() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given_all([
        client("C1").with("therapist_id", "T1").with("assigned_therapist", "Therapist T1"),
        client("C2").with("therapist_id", "T2").with("assigned_therapist", "Therapist T2"),
    ])
    .await;
    let past = api.given(booking("T1", "2026-01-20T10:30:00Z").of_client("C1")).await;
    let ahead = api.given(booking("T1", "2026-02-20T10:30:00Z").of_client("C1")).await;
    let others = api.given(booking("T2", "2026-02-20T10:30:00Z").of_client("C2")).await;
    sqlx::query(
        "insert into therapist_resources (resource_id, resource_name, therapist_id, therapist_name)
         values (1, 'Session', 'T1', 'Therapist T1')",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    let name = "क्ष🙂".repeat(63);
    api.admin().patch(&format!("{THERAPISTS}/T1"), json!({ "name": name })).await.ok();
    assert_eq!(
        value(&api, "select assigned_therapist from all_clients_table where client_id = 'C1'").await,
        json!(name)
    );
    assert_eq!(value(&api, "select therapist_name from therapist_resources").await, json!(name));
    for (id, told) in [(past, "Therapist T1"), (ahead, name.as_str()), (others, "Therapist T2")] {
        let query = format!("select therapist_name from appointment_table where session_id = '{id}'");
        assert_eq!(value(&api, &query).await, told, "{id}");
    }
}

#[tokio::test]
async fn a_version_goes_stale_by_people_and_not_by_bookings() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let path = format!("{THERAPISTS}/T1");
    let tag = api.admin().get(&path).await.etag().to_owned();
    let booking = json!({
        "therapist_id": "T1", "invitee_name": "Meera", "invitee_phone": "98000 12345",
        "booking_start_at": "2026-02-05T10:30:00Z", "free": true,
    });
    api.admin().post("/api/v1/admin/bookings", booking).await.created();
    let admin = api.admin().with("if-match", &tag);
    admin.patch(&path, json!({ "capacity": 4 })).await.ok();
    let stale = admin.patch(&path, json!({ "capacity": 5 })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["capacity"], 4);
}
