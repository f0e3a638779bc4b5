//! Searching clients, bookings and therapists by name, phone, e-mail or id.

use serde_json::{Value, json};

use super::{ask, found};
use crate::{
    fixtures::{booking, client, payment, therapist},
    harness::TestApi,
};

/// Meera, a client of Asha's, with two sessions; a therapist who is called alike.
async fn practice() -> (TestApi, [String; 2]) {
    let api = TestApi::new().await;
    let asha = therapist("58101").with("name", "Asha Rao").with("contact_info", "+91 97000 00001");
    api.given_all([asha, therapist("58102").with("name", "Meera Menon")]).await;
    let meera = client("CL-000017")
        .with("client_name", "Meera Iyer")
        .with("phone_number", "+91 98000-12345")
        .with("email_id", "Meera.Iyer@example.org")
        .with("therapist_id", "58101")
        .with("assigned_therapist", "Asha Rao");
    api.given_all([meera, client("CL-000018").with("client_name", "Ravi Kumar")]).await;
    let session = |id: &str, start: &str| {
        booking("58101", start)
            .with("booking_id", id)
            .with("invitee_name", "Meera Iyer")
            .with("invitee_phone", "09800012345")
            .with("invitee_payment_reference_id", format!("pay_{id}"))
            .with("booking_host_name", "Asha Rao")
            .of_client("CL-000017")
    };
    let first = api.given(session("bk_7001", "2026-02-03T10:30:00Z")).await;
    let second = api.given(session("bk_7002", "2026-02-05T10:30:00Z")).await;
    (api, [first, second])
}

#[tokio::test]
async fn a_name_finds_clients_then_their_bookings_the_latest_first() {
    let (api, _) = practice().await;
    let whole = ["client CL-000017", "booking bk_7002", "booking bk_7001"];
    for q in ["Meera Iyer", "meera iyer", "  MEERA   IYER ", "iyer meera", "iyer", "meera.iyer@example.org"] {
        assert_eq!(found(&api, q).await, whole, "{q}");
    }
    let both = ["therapist 58102", "client CL-000017", "booking bk_7002", "booking bk_7001"];
    let mut hits = found(&api, "meera").await;
    hits.sort();
    let mut both: Vec<&str> = both.into();
    both.sort_unstable();
    assert_eq!(hits, both);
    let hits = ask(&api, "Meera Iyer", "").await.data();
    assert_eq!(
        hits[1],
        json!({
            "kind": "booking",
            "id": "bk_7002",
            "title": "Meera Iyer",
            "subtitle": "Thu, 5 Feb 2026, 16:00 · Asha Rao · confirmed",
            "matched": "name",
            "score": 0.864,
            "client_id": "CL-000017",
            "therapist_id": "58101",
            "booking_start_at": "2026-02-05T10:30:00Z",
        })
    );
    assert_eq!(hits[0]["subtitle"], "+91 98000-12345 · Meera.Iyer@example.org · Asha Rao");
    assert_eq!((&hits[0]["score"], &hits[0]["booking_start_at"]), (&json!(0.96), &Value::Null));
}

#[tokio::test]
async fn phones_ids_and_references_find_what_has_them() {
    let (api, [first, _]) = practice().await;
    api.given(payment(&first).with("payment_reference_id", "order_Xy9")).await;
    let whole = ["client CL-000017", "booking bk_7002", "booking bk_7001"];
    for q in ["98000 12345", "+919800012345", "0091-9800012345", "(98000) 12345", "0001234"] {
        assert_eq!(found(&api, q).await, whole, "{q}");
    }
    for (q, hits) in [
        ("cl-000017", &whole[..]),
        ("bk_7001", &["booking bk_7001"]),
        ("BK_700", &["booking bk_7002", "booking bk_7001"]),
        ("pay_bk_7002", &["booking bk_7002"]),
        ("order_xy9", &["booking bk_7001"]),
        ("order_xy", &[]),
        ("58101", &["therapist 58101"]),
        ("97000 00001", &["therapist 58101"]),
        ("bk_9999", &[]),
    ] {
        assert_eq!(found(&api, q).await, hits, "{q}");
    }
}

#[tokio::test]
async fn bookings_without_a_client_are_found_by_what_was_written_when_booking() {
    let (api, _) = practice().await;
    let row = booking("58102", "2026-02-06T10:30:00Z").with("booking_id", "56430").with("invitee_name", "Sunita Gowda");
    api.given(row.with("invitee_phone", "+44 20 7946 0018").with("invitee_email", "na")).await;
    for q in ["sunita", "unita gow", "GOWDA", "+44 20 7946", "56430"] {
        assert_eq!(found(&api, q).await, ["booking 56430"], "{q}");
    }
}

#[tokio::test]
async fn rows_that_lack_everything_are_no_obstacle() {
    let (api, _) = practice().await;
    let bare = client("CL-000019");
    let bare =
        ["client_name", "phone_number", "email_id"].iter().fold(bare, |row, column| row.with(column, Value::Null));
    api.given(bare).await;
    let columns = [
        "therapist_id",
        "invitee_name",
        "invitee_phone",
        "invitee_email",
        "booking_start_at",
        "booking_status",
        "booking_host_name",
    ];
    let empty = columns.iter().fold(booking("T1", "2026-02-04T10:30:00Z"), |row, column| row.with(column, Value::Null));
    api.given(empty.with("booking_id", "bare-1").of_client("CL-000019")).await;
    let hits = ask(&api, "CL-000019", "").await.data();
    assert_eq!((&hits[0]["title"], &hits[0]["subtitle"]), (&json!("(no name)"), &json!("")));
    assert_eq!((&hits[1]["id"], &hits[1]["title"]), (&json!("bare-1"), &json!("(no name)")));
    assert_eq!(found(&api, "bare-1").await, ["booking bare-1"]);
}

#[tokio::test]
async fn one_of_a_kind_does_not_crowd_out_another() {
    let api = TestApi::new().await;
    api.given(therapist("T1").with("name", "Meera Menon")).await;
    let row = |id: &str| client(id).with("client_name", "Meera Iyer");
    api.given_all((0..60).map(|number| row(&format!("C{number:02}")))).await;
    for day in 1..=28 {
        let row = booking("T1", &format!("2026-02-{day:02}T10:30:00Z")).with("invitee_name", "Meera Iyer");
        api.given(row.of_client("C07")).await;
    }
    for (more, clients, bookings) in [("", 10, 10), ("&limit=50", 50, 28), ("&limit=1", 1, 1)] {
        let hits = ask(&api, "meera", more).await.data();
        let count = |kind: &str| hits.iter().filter(|hit| hit["kind"] == kind).count();
        assert_eq!((count("client"), count("booking"), count("therapist")), (clients, bookings, 1), "{more}");
        let scores: Vec<f64> = hits.iter().map(|hit| hit["score"].as_f64().expect("a number")).collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
    }
}

#[tokio::test]
async fn a_record_that_was_merged_into_another_is_not_found() {
    let (api, _) = practice().await;
    api.given(client("CL-000020").with("client_name", "Meera Iyer")).await;
    sqlx::query("insert into internal.clients (client_id, created_at, merged_into) values ($1, now(), 'CL-000017')")
        .bind("CL-000020")
        .execute(&mut *api.sql().await)
        .await
        .expect("a mark");
    assert_eq!(found(&api, "Meera Iyer").await, ["client CL-000017", "booking bk_7002", "booking bk_7001"]);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused() {
    let (api, _) = practice().await;
    for q in ["", "ab", " ab ", "अ", &"x".repeat(101)] {
        ask(&api, q, "").await.is_invalid(&["q"]);
    }
    api.admin().get("/api/v1/admin/search").await.is_invalid(&["q"]);
    api.admin().get("/api/v1/admin/search?q=%00%00%00").await.is_invalid(&["q"]);
    api.admin().get("/api/v1/admin/search?q=%ff%fe%fd").await.is_invalid(&["q"]);
    for limit in ["0", "51", "-1", "all", ""] {
        ask(&api, "meera", &format!("&limit={limit}")).await.is_invalid(&["limit"]);
    }
    ask(&api, "meera", "&kind=client").await.is_invalid(&["kind"]);
    api.therapist("58101").get("/api/v1/admin/search?q=meera").await.is_problem(403, "forbidden");
}
