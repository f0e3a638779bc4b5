//! Looking through the transfers.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{CLIENTS, TRANSFERS, practice, transfer};
use crate::harness::TestApi;

/// A transfer as another program writes it: by names.
async fn adopted(api: &TestApi, date: &str, more: &str) {
    let sql = format!(
        "insert into client_transfer_history
             (client_name, client_phone, from_therapist_id, to_therapist_id, to_therapist_name, transfer_date)
         values ({more}, 'T1', 'T3', 'Therapist T3', {date})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *api.sql().await).await.expect("a transfer");
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["client_name"].as_str().expect("a name")).collect()
}

async fn some() -> TestApi {
    let api = practice().await;
    adopted(&api, "'2025-11-02'", "'Asha Rao', '98000 54321'").await;
    adopted(&api, "'2025-12-02'", "'meera iyer', '+91-98765 43210'").await;
    adopted(&api, "null", "'Zoya', null").await;
    adopted(&api, "'infinity'", "'Yash', 'na'").await;
    let asha = "update all_clients_table set client_name = 'Meera Iyer', phone_number = '9876543210'";
    sqlx::raw_sql(asha).execute(&mut *api.sql().await).await.unwrap();
    transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    api
}

#[tokio::test]
async fn every_order_and_page() {
    let api = some().await;
    let all = ["Yash", "Meera Iyer", "meera iyer", "Asha Rao", "Zoya"];
    let list = async |query: &str| api.admin().get(&format!("{TRANSFERS}{query}")).await.data();
    assert_eq!(names(&list("").await), all);
    assert_eq!(names(&list("?sort=transfer_date").await), all.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(names(&list("?sort=client_name").await), ["Asha Rao", "meera iyer", "Meera Iyer", "Yash", "Zoya"]);
    assert_eq!(names(&list("?sort=-client_name").await).first(), Some(&"Zoya"));
    for sort in ["-transfer_date", "transfer_date", "client_name", "-client_name"] {
        let whole = list(&format!("?sort={sort}")).await;
        let (mut path, mut paged) = (format!("{TRANSFERS}?sort={sort}&limit=2"), Vec::new());
        let backwards = loop {
            let page = api.admin().get(&path).await.ok();
            paged.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["page"]["next"].as_str() else { break page["page"]["prev"].clone() };
            path = format!("{TRANSFERS}?sort={sort}&limit=2&cursor={next}");
        };
        assert_eq!(paged, whole, "{sort}");
        let back = list(&format!("?sort={sort}&limit=2&cursor={}", backwards.as_str().unwrap())).await;
        assert_eq!(back, whole[2..4], "{sort}");
    }
    let total = api.admin().get(&format!("{TRANSFERS}?include=total&limit=1")).await.ok();
    assert_eq!(total["page"]["total"], 5);
}

#[tokio::test]
async fn what_is_filtered_is_counted() {
    let api = some().await;
    for (query, expected) in [
        ("therapist_id=T2", &["Meera Iyer"][..]),
        ("therapist_id=T1", &["Yash", "Meera Iyer", "meera iyer", "Asha Rao", "Zoya"]),
        ("therapist_id=T9", &[]),
        ("client_id=C1", &["Meera Iyer", "meera iyer"]),
        ("client_id=C9", &[]),
        ("from=2025-12-01&to=2026-01-01", &["meera iyer"]),
        ("to=2025-12-01", &["Asha Rao", "Zoya"]),
        ("q=RAO", &["Asha Rao"]),
        ("q=0091 98765-43210", &["Meera Iyer", "meera iyer"]),
        ("q=98765&therapist_id=T2", &["Meera Iyer"]),
    ] {
        let page = api.admin().get(&format!("{TRANSFERS}?include=total&{}", query.replace(' ', "%20"))).await.ok();
        assert_eq!(names(page["data"].as_array().unwrap()), expected, "{query}");
        assert_eq!(page["page"]["total"], expected.len(), "{query}");
    }
    api.admin().get(&format!("{TRANSFERS}?from=2026-01-02&to=2026-01-01")).await.is_invalid(&["to"]);
    api.admin().get(&format!("{TRANSFERS}?q=a")).await.is_invalid(&["q"]);
    api.admin().get(&format!("{TRANSFERS}?sort=reason")).await.is_invalid(&["sort"]);
}

#[tokio::test]
async fn a_clients_transfers_are_those_of_its_phone_and_name_too() {
    let api = some().await;
    let own = api.admin().get(&format!("{CLIENTS}/C1/transfers")).await.data();
    assert_eq!(names(&own), ["Meera Iyer", "meera iyer"]);
    assert_eq!((&own[0]["client_id"], &own[1]["client_id"]), (&json!("C1"), &Value::Null));
    for unknown in ["C9", "%00", "a%0Ab"] {
        api.admin().get(&format!("{CLIENTS}/{unknown}/transfers")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn one_of_another_program_has_no_plan() {
    let api = some().await;
    let rows = api.admin().get(&format!("{TRANSFERS}?q=Zoya")).await.data();
    let path = format!("{TRANSFERS}/{}", rows[0]["transfer_id"]);
    let one = api.admin().get(&path).await;
    api.admin().with("if-none-match", one.etag()).get(&path).await.is(304);
    let one = one.ok();
    assert_eq!((&one["plan"], &one["transfer_date"]), (&Value::Null, &Value::Null));
    for unknown in ["9999", "x", "99999999999"] {
        api.admin().get(&format!("{TRANSFERS}/{unknown}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_list_is_csv_too() {
    let api = some().await;
    let csv = api.admin().with("accept", "text/csv").get(&format!("{TRANSFERS}?q=rao")).await;
    csv.is(200);
    let mut lines = csv.text.lines();
    assert!(lines.next().unwrap().starts_with("transfer_id,client_id,client_name,"), "{}", csv.text);
    assert!(lines.next().unwrap().contains("Asha Rao,,98000 54321,T1"), "{}", csv.text);
    let csv = api.admin().with("accept", "text/csv").get(&format!("{CLIENTS}/C1/transfers")).await;
    assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);
}
