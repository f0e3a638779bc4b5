//! Lists as CSV: the whole list, from one snapshot, safe to open in a spreadsheet.

use axum::{body::Body, http::Method};
use http_body_util::BodyExt;
use serde_json::json;

use super::{BOOKINGS, many_bookings, practice};
use crate::{fixtures::booking, harness::TestApi};

/// A CSV answer whose rows have not been read.
async fn export(api: &TestApi, query: &str) -> axum::response::Response {
    let admin = api.admin().with("accept", "text/csv");
    admin.stream(Method::GET, &format!("{BOOKINGS}{query}"), Body::empty()).await
}

fn records(text: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(text.as_bytes()).records().collect::<Result<_, _>>().expect("CSV")
}

#[tokio::test]
async fn the_whole_list_comes_under_the_names_of_the_json() {
    let api = practice().await;
    many_bookings(&api, 1_203, 0).await;
    let row = api.admin().get(&format!("{BOOKINGS}?limit=1")).await.data().remove(0);
    let answer = api.admin().with("accept", "text/csv").get(BOOKINGS).await;
    answer.is(200);
    assert!(answer.header("content-type").starts_with("text/csv"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(Into::into).collect();
    assert_eq!(names, row.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    let rows = records(&answer.text);
    let mut ids: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(ids[0], row["booking_id"]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((rows.len(), ids.len()), (1_203, 1_203));
}

#[tokio::test]
async fn filters_and_order_are_those_of_the_json() {
    let api = practice().await;
    many_bookings(&api, 30, 0).await;
    let query = "?sort=invitee_name&q=client%201";
    let shown: Vec<String> = api
        .admin()
        .get(&format!("{BOOKINGS}{query}"))
        .await
        .data()
        .iter()
        .map(|row| row["booking_id"].as_str().unwrap().to_owned())
        .collect();
    let answer = api.admin().with("accept", "text/csv").get(&format!("{BOOKINGS}{query}")).await;
    let exported: Vec<String> = records(&answer.text).iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(exported, shown);
    assert_eq!(exported.len(), 11);
}

#[tokio::test]
async fn a_spreadsheet_takes_no_cell_for_a_formula() {
    let api = practice().await;
    let evil = ["=HYPERLINK(\"http://x.example.org\")", "+1-1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"];
    for name in evil {
        api.given(booking("T1", "2026-02-10T10:00:00Z").with("invitee_name", name)).await;
    }
    let answer = api.admin().with("accept", "text/csv").get(BOOKINGS).await;
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == "invitee_name").unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        assert!(row[at].starts_with('\''), "{:?}", &row[at]);
        for cell in &row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }
}

#[tokio::test]
async fn a_third_export_at_a_time_is_asked_to_wait() {
    let api = practice().await;
    many_bookings(&api, 1_203, 0).await;
    let one = export(&api, "").await;
    let two = export(&api, "").await;
    let third = api.admin().with("accept", "text/csv").get(BOOKINGS).await;
    third.is_problem(429, "too-many-requests");
    assert!(third.header("retry-after").parse::<u32>().is_ok());
    api.admin().get(BOOKINGS).await.is(200);

    // One is read to its end, of the other the client tires.
    one.into_body().collect().await.unwrap();
    drop(two);
    for _ in 0..2 {
        let answer = api.admin().with("accept", "text/csv").get(BOOKINGS).await;
        assert_eq!(records(&answer.text).len(), 1_203);
    }
}

#[tokio::test]
async fn what_changes_meanwhile_is_not_in_it() {
    let api = practice().await;
    many_bookings(&api, 1_203, 0).await;
    let mut body = export(&api, "").await.into_body();
    let mut text = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    assert!(records(&String::from_utf8(text.clone()).unwrap()).len() < 1_203, "it is streamed");
    sqlx::query("delete from bookings where booking_id in ('old1200', 'old1201')")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    api.given(booking("T1", "2024-01-01T10:00:00Z")).await;
    text.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    let rows = records(&String::from_utf8(text).unwrap());
    assert_eq!(rows.len(), 1_203);
    assert!(rows.iter().any(|row| &row[0] == "old1200"));
}

#[tokio::test]
async fn a_failure_in_mid_stream_breaks_the_answer() {
    let api = practice().await;
    many_bookings(&api, 5_203, 0).await;
    let mut body = export(&api, "").await.into_body();
    body.frame().await.unwrap().unwrap();
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and state in ('active', 'idle in transaction') and pid <> pg_backend_pid()",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    assert!(body.collect().await.is_err(), "a part must not pass for the whole");
}

#[tokio::test]
async fn a_refusal_stays_a_problem_document() {
    let api = practice().await;
    let admin = api.admin().with("accept", "text/csv");
    admin.get(&format!("{BOOKINGS}?q=a")).await.is_invalid(&["q"]);
    admin.post(BOOKINGS, json!({})).await.is_problem(422, "invalid");
}

#[tokio::test]
async fn people_choose_columns_titles_and_an_encoding() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-10T10:00:00Z").with("invitee_name", "Zoë Iyer")).await;
    let admin = api.admin().with("accept", "text/csv");
    let file = admin.get(&format!("{BOOKINGS}?columns=invitee_name,booking_start_at")).await;
    assert_eq!(file.text, "invitee_name,booking_start_at\nZoë Iyer,2026-02-10T15:30:00+05:30\n");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"bookings-2026-02-04.csv\"");
    let query = "?columns=invitee_name&columns=booking_start_at&header=titles&charset=excel";
    let file = admin.get(&format!("{BOOKINGS}{query}")).await;
    assert_eq!(file.text.lines().next(), Some("\u{feff}Invitee name,Booking start at"));
    let refused = admin.get(&format!("{BOOKINGS}?columns=invitee_nam")).await;
    refused.is_invalid(&["columns"]);
    assert!(refused.text.contains("did you mean invitee_name?"), "{}", refused.text);
    let refused = admin.get(&format!("{BOOKINGS}?limit=2&include=total&cursor=x")).await;
    refused.is_invalid(&["cursor"]);
    admin.get(&format!("{BOOKINGS}?limit=2&include=total")).await.is_invalid(&["limit", "include"]);
    let refused = api.admin().get(&format!("{BOOKINGS}?columns=invitee_name&header=titles&charset=excel")).await;
    refused.is_invalid(&["columns", "header", "charset"]);
    // The rows of a client have their own form.
    let clients = admin.get("/api/v1/admin/clients?columns=client_name,therapists").await;
    clients.is(200);
}

#[tokio::test]
async fn the_form_that_is_wanted_most_comes() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-10T10:00:00Z")).await;
    for (accept, csv) in [
        ("text/csv", true),
        ("text/csv, application/json", true),
        ("application/json, text/csv", false),
        ("application/json;q=0.5, text/csv", true),
        ("text/csv;q=0.5, */*", false),
        ("text/csv;q=0.9, */*;q=0.1", true),
        ("text/csv;q=0", false),
        ("text/csv; q=0, text/html", false),
        ("text/*, application/json;q=0.3", true),
        ("TEXT/CSV;Q=1, application/json;q=0.999", true),
        ("*/*", false),
    ] {
        let answer = api.admin().with("accept", accept).get(BOOKINGS).await;
        assert_eq!(answer.header("content-type").starts_with("text/csv"), csv, "{accept}");
    }
}
