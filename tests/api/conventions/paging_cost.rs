//! A page deep in a list costs no more than the first one, measured by PostgreSQL's own statistics.

use std::fs;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{BOOKINGS, many_bookings, practice};
use crate::harness::{TestApi, server};

/// Makes PostgreSQL log the plans of all connections opened from now on.
async fn log_plans(api: &TestApi) {
    let mut conn = PgConnection::connect(&server().superuser_url("postgres")).await.expect("a superuser");
    let name = api.database().name();
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_buffers = on",
    ] {
        let sql = format!("alter database {name} set {setting}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.expect("a setting");
    }
}

/// How many buffers the latest logged page of bookings took.
fn buffers_of_the_latest_page() -> u64 {
    let log = fs::read_to_string(server().home().join("postgres.log")).expect("the log");
    let plan = log
        .split("Query Text: ")
        .filter(|plan| plan.contains("bookings b") && plan.contains("Limit  (cost"))
        .last()
        .expect("a plan of a page");
    let hit = plan.split("Buffers: shared hit=").nth(1).expect("the buffers of the whole plan");
    let digits: String = hit.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[tokio::test]
async fn a_page_in_the_depth_costs_what_the_first_one_costs() {
    let api = practice().await;
    many_bookings(&api, 6_000, 0).await;
    sqlx::query("analyze").execute(&mut *api.sql().await).await.unwrap();
    log_plans(&api).await;
    let api = api.second_instance();

    let mut costs = Vec::new();
    for filter in ["", "therapist_id=T1&"] {
        // The page before the wanted one is found by its day: a cursor is bound to the list and its order alone.
        let near = api.admin().get(&format!("{BOOKINGS}?{filter}to=2025-06-10&limit=20")).await.ok();
        let cursor = near["page"]["next"].as_str().expect("more");
        for path in [format!("{BOOKINGS}?{filter}limit=20"), format!("{BOOKINGS}?{filter}limit=20&cursor={cursor}")] {
            // Once to warm the connection's catalogue.
            api.admin().get(&path).await.is(200);
            assert_eq!(api.admin().get(&path).await.data().len(), 20);
            costs.push(buffers_of_the_latest_page());
        }
    }
    for pair in costs.chunks(2) {
        assert!(pair[1] <= pair[0] * 3 / 2 + 10, "first page and deep page, in buffers: {costs:?}");
    }
}
