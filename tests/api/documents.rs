//! Document forms.

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, document_form, therapist},
    harness::TestApi,
};

const FORMS: &str = "/api/v1/admin/document-forms";
const OWN: &str = "/api/v1/therapist/document-forms";
const START: &str = "2026-02-05T10:30:00Z";

/// Two therapists with a booking each: B1 of T1 with the client C1, B2 of T2 with nobody known.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let of = |therapist, id: &str, name: &str| {
        booking(therapist, START).with("booking_id", id).with("invitee_name", name).with("invitee_phone", "98000 12345")
    };
    api.given_all([of("T1", "B1", "Meera Iyer").of_client("C1"), of("T2", "B2", "Ravi Menon")]).await;
    api
}

/// The path of the form of this id.
fn path(form: &Value) -> String {
    format!("{FORMS}/{}", form["link_id"])
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["link_id"].to_string()).collect()
}

#[tokio::test]
async fn a_form_belongs_to_a_booking() {
    let api = practice().await;
    let link = "https://forms.example.org/intake?x=1";
    let made = api.admin().post(FORMS, json!({ "booking_id": "B1", "paperform_link": link })).await;
    let location = made.header("location").to_owned();
    let form = made.created();
    assert_eq!(location, path(&form));
    assert_eq!(
        form,
        json!({
            "link_id": form["link_id"],
            "booking_id": "B1",
            "paperform_link": link,
            "status": "pending",
            "client_id": "C1",
            "client_name": "Meera Iyer",
            "therapist_id": "T1",
            "therapist_name": "Therapist T1",
            "booking_start_at": START,
        })
    );
    assert_eq!(api.admin().get(&location).await.ok(), form);
    assert_eq!(
        api.audit_log().await,
        [("document_form_create".to_owned(), "Added the document form of Meera Iyer".to_owned())]
    );
    let admin = api.admin().with("idempotency-key", "once");
    let body = json!({ "booking_id": "B2", "paperform_link": link, "status": "completed" });
    let first = admin.post(FORMS, body.clone()).await.created();
    assert_eq!(admin.post(FORMS, body).await.created(), first);
    assert_eq!((&first["client_id"], &first["status"]), (&Value::Null, &json!("completed")));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = practice().await;
    // The booking's id is longer than the form's column.
    let long = "x".repeat(51);
    api.given(booking("T1", "2026-02-06T10:30:00Z").with("booking_id", long.as_str())).await;
    let link = "https://forms.example.org/1";
    for (body, place) in [
        (json!({ "paperform_link": link }), "/booking_id"),
        (json!({ "booking_id": "B9", "paperform_link": link }), "/booking_id"),
        (json!({ "booking_id": "", "paperform_link": link }), "/booking_id"),
        (json!({ "booking_id": "B\u{0}1", "paperform_link": link }), "/booking_id"),
        (json!({ "booking_id": long, "paperform_link": link }), "/booking_id"),
        (json!({ "booking_id": "B1" }), "/paperform_link"),
        (json!({ "booking_id": "B1", "paperform_link": "javascript:alert(1)" }), "/paperform_link"),
        (json!({ "booking_id": "B1", "paperform_link": "forms.example.org" }), "/paperform_link"),
        (json!({ "booking_id": "B1", "paperform_link": link, "status": "Completed" }), "/status"),
        (json!({ "booking_id": "B1", "paperform_link": link, "client_id": "C1" }), "/client_id"),
    ] {
        api.admin().post(FORMS, body).await.is_invalid(&[place]);
    }
    let id = api.given(document_form("B1")).await;
    for (patch, place) in [
        (json!({ "booking_id": null }), "/booking_id"),
        (json!({ "booking_id": "B9" }), "/booking_id"),
        (json!({ "paperform_link": null }), "/paperform_link"),
        (json!({ "status": "done" }), "/status"),
        (json!({ "link_id": 5 }), "/link_id"),
    ] {
        api.admin().patch(&format!("{FORMS}/{id}"), patch).await.is_invalid(&[place]);
    }
    for id in ["0", "x", "99999999999", "%00"] {
        api.admin().get(&format!("{FORMS}/{id}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_form_is_corrected_and_deleted_in_the_version_seen() {
    let api = practice().await;
    let id = api.given(document_form("B1").with("status", Value::Null)).await;
    let place = format!("{FORMS}/{id}");
    let seen = api.admin().get(&place).await;
    let tag = seen.etag().to_owned();
    api.admin().with("if-none-match", &tag).get(&place).await.is(304);
    assert_eq!(seen.ok()["status"], "pending");
    let guarded = api.admin().with("if-match", &tag);
    let corrected = guarded.patch(&place, json!({ "status": "no_show", "booking_id": "B2" })).await.ok();
    assert_eq!(
        (&corrected["status"], &corrected["booking_id"], &corrected["therapist_id"]),
        (&json!("no_show"), &json!("B2"), &json!("T2"))
    );
    let stale = guarded.patch(&place, json!({ "status": "completed" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["status"], "no_show");
    guarded.delete(&place).await.is_problem(412, "stale");
    let cleared = api.admin().patch(&place, json!({ "status": null })).await.ok();
    assert_eq!((&cleared["status"], &cleared["paperform_link"]), (&json!("pending"), &corrected["paperform_link"]));
    api.admin().delete(&place).await.is(204);
    api.admin().get(&place).await.is_problem(404, "not-found");
    api.admin().delete(&place).await.is_problem(404, "not-found");
    let actions: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["document_form_edit", "document_form_edit", "document_form_delete"]);
}

#[tokio::test]
async fn the_form_of_a_booking_that_is_nobodys_leaves_no_name() {
    let api = practice().await;
    let row = booking("T1", "2026-01-05T10:30:00Z").with("booking_id", "B9").with("invitee_name", "Zubin Qureshi");
    api.given(row).await;
    let form = api.given(document_form("B9")).await;
    api.admin().delete(&format!("{FORMS}/{form}")).await.is(204);
    let logged = ("document_form_delete".to_owned(), "Deleted a document form".to_owned());
    assert_eq!(api.audit_log().await, [logged]);
}

#[tokio::test]
async fn every_filter_keeps_what_it_says() {
    let api = practice().await;
    let ids_given = api
        .given_all([
            document_form("B1").with("status", "Completed"),
            document_form("B1").with("status", "no show"),
            document_form("B2").with("status", Value::Null).with("paperform_link", Value::Null),
            document_form("B2").with("booking_id", Value::Null).with("status", "lost"),
        ])
        .await;
    let of = |numbers: &[usize]| numbers.iter().map(|number| ids_given[*number].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("", vec![3, 2, 1, 0]),
        ("sort=link_id", vec![0, 1, 2, 3]),
        ("status=completed", vec![0]),
        ("status=no_show", vec![1]),
        ("status=pending", vec![2]),
        ("booking_id=B1", vec![1, 0]),
        ("therapist_id=T2", vec![2]),
        ("client_id=C1", vec![1, 0]),
        ("q=MEERA%20iyer", vec![1, 0]),
        ("q=9800012345", vec![2, 1, 0]),
    ] {
        let list = api.admin().get(&format!("{FORMS}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(ids(&list.data()), of(&expected), "{query}");
    }
    let page = api.admin().get(&format!("{FORMS}?limit=3")).await.ok();
    let cursor = page["page"]["next"].as_str().unwrap();
    assert_eq!(ids(&api.admin().get(&format!("{FORMS}?limit=3&cursor={cursor}")).await.data()), of(&[0]));
    let csv = api.admin().with("accept", "text/csv").get(FORMS).await;
    assert_eq!(csv.text.lines().count(), 5);
    api.admin().get(&format!("{FORMS}?status=Completed")).await.is_invalid(&["status"]);
}

#[tokio::test]
async fn a_therapist_sees_the_forms_of_their_own_bookings() {
    let api = practice().await;
    let mine = api.given(document_form("B1")).await;
    let latest = api.given(document_form("B1")).await;
    api.given_all([document_form("B2"), document_form("B2").with("booking_id", Value::Null)]).await;
    let me = api.therapist("T1");
    let own = me.get(&format!("{OWN}?include=total")).await;
    assert_eq!(own.body["page"]["total"], 2);
    assert_eq!(ids(&own.data()), [latest.clone(), mine]);
    for query in ["client_id=C1", "booking_id=B1", "status=pending", "q=meera%20IYER"] {
        assert_eq!(me.get(&format!("{OWN}?{query}")).await.data().len(), 2, "{query}");
    }
    // Contact data may be hidden from therapists: only names are searched.
    for query in ["booking_id=B2", "q=ravi", "q=9800012345", "q=example.org"] {
        assert_eq!(me.get(&format!("{OWN}?{query}")).await.data(), [] as [Value; 0], "{query}");
    }
    me.get(&format!("{OWN}?therapist_id=T2")).await.is_invalid(&["therapist_id"]);

    let one = me.get("/api/v1/therapist/bookings/B1/document-form").await;
    let tag = one.etag().to_owned();
    assert_eq!(one.ok()["link_id"].to_string(), latest);
    me.clone().with("if-none-match", &tag).get("/api/v1/therapist/bookings/B1/document-form").await.is(304);
    let mut told = Vec::new();
    for booking in ["B2", "B9", "%00"] {
        let mut answer = me.get(&format!("/api/v1/therapist/bookings/{booking}/document-form")).await;
        answer.is_problem(404, "not-found");
        for member in ["instance", "request_id"] {
            answer.body[member] = Value::Null;
        }
        told.push(answer.body);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}
