//! The list of clients: filters, orders and pages agree with each other.

use serde_json::{Value, json};

use super::{CLIENTS, OWN, all, ids, run};
use crate::{
    fixtures::{Row, booking, client, therapist},
    harness::TestApi,
};

/// Clients in every standing, as other programs left them. It is Wednesday, 4 February 2026, 10:00 in India.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let names = [
        ("ahead", "Asha"),
        ("today", "asha"),
        ("recent", "Ravi"),
        ("edge", ""),
        ("once", "Zoë"),
        ("missed", "मीरा"),
        ("twice", "Ravi"),
        ("called-off", "Dev"),
        ("unknown-start", "Esha"),
        ("never", "Farah"),
        ("dangling", "Gita"),
        ("endless", "Hari"),
        ("came-and-comes", "Ira"),
    ];
    for (id, name) in names {
        api.given(client(id).with("client_name", name).with("therapist_id", if id < "m" { "T1" } else { "T2" })).await;
    }
    let of = |id: &str, start: &str| booking("T1", start).of_client(id);
    let rows: Vec<Row> = vec![
        of("ahead", "2026-02-20T10:30:00Z"),
        of("ahead", "2025-01-20T10:30:00Z").with("booking_status", "Canceled"),
        of("today", "2026-02-04T04:30:00Z"),
        of("recent", "2026-01-20T10:30:00Z").with("booking_status", "no show"),
        of("recent", "2025-03-20T10:30:00Z"),
        of("edge", "2026-01-05T04:30:00Z"),
        of("once", "2026-01-05T04:29:59Z"),
        of("once", "2026-03-05T04:29:59Z").with("booking_status", "cancelled"),
        of("missed", "2025-06-01T10:30:00Z").with("booking_status", "No-Show"),
        of("twice", "2025-06-01T10:30:00Z"),
        of("twice", "2025-06-01T10:30:00Z").with("booking_status", Value::Null),
        of("called-off", "2026-03-01T10:30:00Z").with("booking_status", "CANCELLED "),
        of("unknown-start", "2026-02-01T10:30:00Z").with("booking_start_at", Value::Null),
        of("endless", "2026-02-01T10:30:00Z").with("booking_start_at", "infinity"),
        of("came-and-comes", "2026-02-03T10:30:00Z"),
        of("came-and-comes", "2026-02-10T10:30:00Z"),
        of("came-and-comes", "2026-02-11T10:30:00Z"),
        of("came-and-comes", "2025-06-01T10:30:00Z"),
    ];
    api.given_all(rows).await;
    // An appointment whose booking is gone is no booking.
    run(&api, "insert into appointment_table (session_id, client_id) values ('gone', 'dangling')").await;
    run(
        &api,
        "update all_clients_table c set no_of_sessions = f.sessions from internal.client_figures() f
               where f.client_id = c.client_id and c.client_id <> 'never'",
    )
    .await;
    run(
        &api,
        "insert into internal.clients (client_id, created_at) values
               ('once', '2025-12-01T00:00:00Z'), ('never', '2026-01-01T00:00:00Z'), ('ahead', '2026-01-01T00:00:00Z')",
    )
    .await;
    api
}

const STATUSES: [(&str, &str); 13] = [
    ("ahead", "active"),
    ("called-off", "inactive"),
    ("came-and-comes", "active"),
    ("dangling", "lead"),
    ("edge", "active"),
    ("endless", "drop_out"),
    ("missed", "drop_out"),
    ("never", "lead"),
    ("once", "drop_out"),
    ("recent", "active"),
    ("today", "active"),
    ("twice", "inactive"),
    ("unknown-start", "drop_out"),
];

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_client_stands_as_the_rules_say() {
    let api = practice().await;
    let mut rows = all(&api.admin(), CLIENTS, "", 200).await;
    rows.sort_by_key(|row| text(row, "client_id").to_owned());
    let found: Vec<_> = rows.iter().map(|row| (text(row, "client_id"), text(row, "status"))).collect();
    assert_eq!(found, STATUSES);
    let times = |id: &str| {
        let row = rows.iter().find(|row| row["client_id"] == id).unwrap();
        (row["last_session_at"].clone(), row["next_session_at"].clone(), row["no_of_sessions"].clone())
    };
    assert_eq!(times("came-and-comes"), (json!("2026-02-03T10:30:00Z"), json!("2026-02-10T10:30:00Z"), json!(4)));
    assert_eq!(times("today"), (json!("2026-02-04T04:30:00Z"), Value::Null, json!(1)));
    assert_eq!(times("recent"), (json!("2025-03-20T10:30:00Z"), Value::Null, json!(1)));
    assert_eq!(times("ahead"), (Value::Null, json!("2026-02-20T10:30:00Z"), json!(1)));
    assert_eq!(times("missed"), (Value::Null, Value::Null, json!(0)));
    assert_eq!(times("unknown-start"), (Value::Null, Value::Null, json!(1)));
    assert_eq!(times("never"), (Value::Null, Value::Null, json!(0)));
}

#[tokio::test]
async fn the_clock_moves_clients_on() {
    let api = practice().await;
    api.at("2026-04-01T00:00:00Z");
    let row = all(&api.admin(), CLIENTS, "q=ira", 50).await.remove(0);
    assert_eq!((text(&row, "status"), text(&row, "last_session_at")), ("inactive", "2026-02-11T10:30:00Z"));
    assert_eq!(ids(&all(&api.admin(), CLIENTS, "status=active", 50).await), [] as [&str; 0]);
}

#[tokio::test]
async fn every_client_is_listed_once_in_every_order_under_every_filter() {
    type Keeps = fn(&Value) -> bool;
    let api = practice().await;
    let admin = api.admin();
    let whole = all(&admin, CLIENTS, "", 200).await;
    assert_eq!(whole.len(), 13);
    let filters: &[(&str, Keeps)] = &[
        ("", |_| true),
        ("status=lead", |row| row["status"] == "lead"),
        ("status=active", |row| row["status"] == "active"),
        ("status=inactive", |row| row["status"] == "inactive"),
        ("status=drop_out", |row| row["status"] == "drop_out"),
        ("therapist_id=T2", |row| row["therapist_id"] == "T2"),
        ("therapist_id=T1&status=active", |row| row["therapist_id"] == "T1" && row["status"] == "active"),
        ("therapist_id=nobody", |_| false),
        ("last_session_from=2026-01-05", |row| text(row, "last_session_at") >= "2026-01-04T18:30:00Z"),
        ("last_session_to=2026-01-05", |row| ("1".."2026-01-05T18:30:00Z").contains(&text(row, "last_session_at"))),
        ("last_session_from=2026-01-05&last_session_to=2026-01-05&tz=UTC", |row| {
            text(row, "last_session_at").starts_with("2026-01-05")
        }),
        ("last_session_to=2026-01-31&status=active", |row| {
            row["status"] == "active" && ("1".."2026-01-31T18:30:00Z").contains(&text(row, "last_session_at"))
        }),
        ("q=ravi", |row| row["client_name"] == "Ravi"),
        ("possible_duplicate=false", |_| true),
        ("possible_duplicate=true", |_| false),
    ];
    for sort in ["client_name", "last_session_at", "no_of_sessions", "created_at"] {
        for direction in ["", "-"] {
            let order = all(&admin, CLIENTS, &format!("sort={direction}{sort}"), 200).await;
            let key = |row: &Value| match &row[sort] {
                Value::Number(number) => format!("{number:05}"),
                value => value.as_str().unwrap_or_default().to_lowercase(),
            };
            let mut keys: Vec<_> = order.iter().map(|row| (key(row), text(row, "client_id"))).collect();
            if direction == "-" {
                keys.reverse();
            }
            assert!(keys.is_sorted(), "{direction}{sort}: {keys:?}");
            for (filter, keeps) in filters {
                let expected: Vec<_> = order.iter().filter(|row| keeps(row)).cloned().collect();
                // Every page boundary where all are listed, a few where some are.
                for &limit in if filter.is_empty() { &[1, 3, 13][..] } else { &[3] } {
                    let query = format!("sort={direction}{sort}&{filter}");
                    let listed = all(&admin, CLIENTS, &query, limit).await;
                    assert_eq!(ids(&listed), ids(&expected), "{query} by {limit}");
                }
            }
        }
    }
    for (filter, keeps) in filters {
        let total = admin.get(&format!("{CLIENTS}?{filter}&include=total&limit=1")).await.ok();
        assert_eq!(total["page"]["total"], whole.iter().filter(|row| keeps(row)).count(), "{filter}");
    }
}

#[tokio::test]
async fn somebody_who_was_sent_a_link_is_a_lead() {
    let api = TestApi::new().await;
    let request = json!({
        "client_name": "Meera Iyer",
        "client_whatsapp": "98000 00001",
        "therapy_type": "Individual Therapy",
        "therapist_name": "Nobody here",
    });
    api.admin().post("/api/v1/admin/booking-requests", request).await.created();
    let rows = all(&api.admin(), CLIENTS, "status=lead", 50).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((text(&rows[0], "client_name"), text(&rows[0], "status")), ("Meera Iyer", "lead"));
}

#[tokio::test]
async fn rows_of_other_programs_are_listed_as_they_are() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    run(&api, "insert into all_clients_table (client_id, no_of_sessions) values ('empty', null)").await;
    let devanagari = "मी".repeat(127);
    let emoji = "👩‍👧".chars().cycle().take(255).collect::<String>();
    for (id, name, phone, email) in [
        ("long", devanagari.as_str(), "98000 00001 / 98000 00002", "na"),
        ("emoji", emoji.as_str(), "ask the mother", "none"),
        ("odd", "\u{202a}Asha\u{202c}\t=1+1", "+91-(0)-98000-00003 x 5", "ASHA@EXAMPLE.ORG "),
    ] {
        api.given(client(id).with("client_name", name).with("phone_number", phone).with("email_id", email)).await;
        api.given(booking("T1", "2026-01-20T10:30:00Z").of_client(id)).await;
    }
    for sort in ["client_name", "-client_name", "-last_session_at", "no_of_sessions", "-created_at"] {
        for limit in [1, 200] {
            let rows = all(&api.admin(), CLIENTS, &format!("sort={sort}"), limit).await;
            let mut listed = ids(&rows);
            listed.sort_unstable();
            assert_eq!(listed, ["emoji", "empty", "long", "odd"], "{sort}");
            let empty = rows.iter().find(|row| row["client_id"] == "empty").unwrap();
            assert_eq!(empty["client_name"], Value::Null);
            assert_eq!((&empty["no_of_sessions"], text(empty, "status")), (&json!(0), "lead"));
        }
    }
    assert_eq!(all(&api.therapist("T1"), OWN, "", 1).await.len(), 3);
    let csv = api.admin().with("accept", "text/csv").get(CLIENTS).await;
    csv.is(200);
    assert!(csv.text.starts_with("client_id,client_name,phone_number,email_id,no_of_sessions,"), "{}", csv.text);
    assert!(csv.text.contains(&emoji));
}

#[tokio::test]
async fn possible_duplicates_are_those_marked_and_those_with_one_phone() {
    let api = TestApi::new().await;
    for (id, phone) in [
        ("C1", "+91 98000 00001"),
        ("C2", "098000-00001"),
        ("C3", "+971 (0)50 123 4567"),
        ("C4", "+971501234567"),
        ("C5", "+91 98000 00005"),
        ("C6", "0000000000"),
        ("C7", "0000000000"),
        ("C8", "na"),
        ("C9", "na"),
    ] {
        api.given(client(id).with("phone_number", phone)).await;
    }
    run(
        &api,
        "update all_clients_table set phone_number = null where client_id in ('C8', 'C9');
               insert into internal.clients (client_id, created_at, possible_duplicate_of)
               values ('C5', now(), 'C4'), ('C6', now(), 'merged-away'), ('C2', now(), 'C9')",
    )
    .await;
    let rows = all(&api.admin(), CLIENTS, "possible_duplicate=true", 2).await;
    let found: Vec<_> = rows.iter().map(|row| (text(row, "client_id"), text(row, "possible_duplicate_of"))).collect();
    assert_eq!(found, [("C1", "C2"), ("C2", "C9"), ("C3", "C4"), ("C4", "C3"), ("C5", "C4")]);
    let others = all(&api.admin(), CLIENTS, "possible_duplicate=false", 2).await;
    assert_eq!(ids(&others), ["C6", "C7", "C8", "C9"]);
    assert!(others.iter().all(|row| row["possible_duplicate_of"].is_null()));
}

#[tokio::test]
async fn a_therapist_lists_their_own_clients_and_sees_what_is_theirs() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    for (id, therapist) in [("assigned", "T1"), ("former", "T2"), ("ahead", "T2"), ("foreign", "T2")] {
        api.given(client(id).with("therapist_id", therapist).with("client_name", format!("Name {id}"))).await;
    }
    let rows = [
        booking("T1", "2025-06-01T10:30:00Z").of_client("former"),
        booking("T2", "2026-02-01T10:30:00Z").of_client("former"),
        booking("T2", "2026-02-08T10:30:00Z").of_client("former"),
        booking("T1", "2026-02-08T10:30:00Z").of_client("ahead"),
        booking("T1", "2026-02-09T10:30:00Z").of_client("former").with("booking_status", "cancelled"),
        booking("T2", "2026-02-08T10:30:00Z").of_client("foreign"),
        booking("T2", "2026-01-08T10:30:00Z").of_client("assigned"),
    ];
    api.given_all(rows).await;
    run(&api, "update all_clients_table set phone_number = '+919811100000', email_id = client_id || '@example.org'")
        .await;
    let own = api.therapist("T1");
    for sort in ["client_name", "-client_name", "last_session_at", "-last_session_at"] {
        let mut rows = all(&own, OWN, &format!("sort={sort}"), 1).await;
        rows.sort_by_key(|row| text(row, "client_id").to_owned());
        let seen: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    text(row, "client_id"),
                    text(row, "status"),
                    row["no_of_sessions"].as_i64().unwrap(),
                    text(row, "last_session_at"),
                    text(row, "next_session_at"),
                    row["contact_visible"] == true,
                    text(row, "phone_number"),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("ahead", "active", 1, "", "2026-02-08T10:30:00Z", true, "+919811100000"),
                ("assigned", "lead", 0, "", "", true, "+919811100000"),
                ("former", "drop_out", 1, "2025-06-01T10:30:00Z", "", false, ""),
            ]
        );
        assert!(rows.iter().all(|row| row["possible_duplicate_of"].is_null()));
        assert_eq!(rows[2]["email_id"], Value::Null);
    }
    for (q, found) in [
        ("name", &["ahead", "assigned", "former"][..]),
        ("former", &["former"]),
        ("former@", &[]),
        ("9811100000", &["ahead", "assigned"]),
        ("98111 00000", &["ahead", "assigned"]),
        ("example.org", &["ahead", "assigned"]),
        ("foreign", &[]),
    ] {
        let list = own.get(&format!("{OWN}?q={}&include=total", q.replace(' ', "%20"))).await.ok();
        assert_eq!(ids(list["data"].as_array().unwrap()), found, "{q}");
        assert_eq!(list["page"]["total"], found.len(), "{q}");
    }
    own.get(&format!("{OWN}?sort=no_of_sessions")).await.is_invalid(&["sort"]);
    own.get(&format!("{OWN}?status=active")).await.is_invalid(&["status"]);
}

#[tokio::test]
async fn rows_carry_their_therapists_and_are_found_and_sorted_by_the_one_they_are_assigned_to() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1").with("name", "Zoya Khan"), therapist("T2").with("name", "Asha Rao")]).await;
    let assigned = |id: &str, name: &str, to: &str, called: &str| {
        client(id).with("client_name", name).with("therapist_id", to).with("assigned_therapist", called)
    };
    api.given_all([assigned("C1", "Meera Iyer", "T1", "Zoya Khan"), assigned("C2", "Ravi Mehta", "T2", "Asha Rao")])
        .await;
    api.given_all([
        booking("T1", "2026-01-05T10:00:00Z").of_client("C1"),
        booking("T1", "2026-02-05T10:00:00Z").of_client("C1"),
        booking("T2", "2026-01-06T10:00:00Z").of_client("C1"),
        booking("T2", "2026-01-07T10:00:00Z").of_client("C1").with("booking_status", "cancelled"),
    ])
    .await;
    let of = |rows: &[Value]| rows.iter().map(|row| row["client_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let rows = api.admin().get(CLIENTS).await.data();
    assert_eq!(
        rows[0]["therapists"],
        json!([
            { "therapist_id": "T1", "name": "Zoya Khan", "sessions": 2 },
            { "therapist_id": "T2", "name": "Asha Rao", "sessions": 1 },
        ])
    );
    assert_eq!(rows[1]["therapists"], json!([]));
    let own = api.therapist("T2").get(OWN).await.data();
    assert_eq!(own[0]["therapists"], json!([{ "therapist_id": "T2", "name": "Asha Rao", "sessions": 1 }]));
    for (query, expected) in [
        ("q=zoya%20k", vec!["C1"]),
        ("q=asha", vec!["C2"]),
        // Two letters are those that a word begins with.
        ("q=me", vec!["C1", "C2"]),
        ("q=ra", vec!["C2"]),
        ("q=er", vec![]),
        ("q=zo", vec!["C1"]),
        ("sort=assigned_therapist", vec!["C2", "C1"]),
        ("sort=-assigned_therapist", vec!["C1", "C2"]),
        ("status=active,lead", vec!["C1", "C2"]),
        ("status=active&status=lead", vec!["C1", "C2"]),
        ("status=inactive,lead", vec!["C2"]),
    ] {
        assert_eq!(of(&api.admin().get(&format!("{CLIENTS}?{query}")).await.data()), expected, "{query}");
    }
    api.admin().get(&format!("{CLIENTS}?q=m")).await.is_invalid(&["q"]);
    api.admin().get(&format!("{CLIENTS}?status=active,gone")).await.is_invalid(&["status"]);

    // A therapist who is called otherwise is found so.
    let etag = api.admin().get("/api/v1/admin/therapists/T2").await.etag().to_owned();
    let admin = api.admin().with("if-match", &etag);
    admin.patch("/api/v1/admin/therapists/T2", json!({ "name": "Esha Rao" })).await.is(200);
    assert_eq!(of(&api.admin().get(&format!("{CLIENTS}?q=esha")).await.data()), ["C2"]);
    assert_eq!(of(&api.admin().get("/api/v1/admin/therapists/T2/clients?q=esha").await.data()), Vec::<String>::new());
}
