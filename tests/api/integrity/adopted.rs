//! An adopted database: every defect is found, and the repairable ones are repaired.

use std::collections::BTreeMap;

use safestories::integrity::{
    adoption::{ForeignTriggers, adopt},
    check::Repair,
    checks,
};
use serde_json::json;
use sqlx::Connection;

use super::all;
use crate::harness::{TestApi, database};

async fn adopted() -> TestApi {
    let database = database().await;
    let mut conn = sqlx::PgConnection::connect(&database).await.unwrap();
    sqlx::raw_sql(include_str!("../adoption/legacy.sql")).execute(&mut conn).await.unwrap();
    adopt(&database, Some(ForeignTriggers::Accept)).await.unwrap();
    TestApi::over(database)
}

#[tokio::test]
async fn all_that_an_adoption_told_is_found() {
    let api = adopted().await;
    let found: BTreeMap<String, i64> = all(&api).await.into_iter().collect();
    for (check, count) in [
        ("duplicate_key", 1),
        ("booking_without_id", 1),
        ("booking_status_spelling", 2),
        ("refund_status_spelling", 2),
        ("form_status_spelling", 1),
        ("booking_mode_spelling", 1),
        ("mode_with_address", 1),
        ("note_without_booking", 1),
        ("resource_without_therapist", 1),
        ("plain_text_password", 2),
        ("user_role_unknown", 1),
        ("duplicate_user_name", 1),
    ] {
        assert_eq!(found.get(check), Some(&count), "{check}: {found:#?}");
    }
    // The lost booking of a payment, the lost client of an appointment; triggers, rules, row security, two keys.
    assert_eq!(found.get("broken_reference"), Some(&2), "{found:#?}");
    assert_eq!(found.get("foreign_trigger"), Some(&5), "{found:#?}");
    for check in ["missing_rule", "unreadable_value", "cache_drift", "booking_without_client"] {
        assert!(found.contains_key(check), "{check}: {found:#?}");
    }
}

#[tokio::test]
async fn what_a_machine_can_repair_is_repaired_all_at_once() {
    let api = adopted().await;
    let codes: Vec<&str> =
        checks::all().filter(|check| check.repair() == Repair::Automatic).map(|check| check.code).collect();
    let done = api.admin().post("/api/v1/admin/integrity/repair", json!({ "check": codes })).await.ok();
    let remaining: BTreeMap<&str, i64> = done["repairs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|repair| repair["remaining"] != 0)
        .map(|repair| (repair["check"].as_str().unwrap(), repair["remaining"].as_i64().unwrap()))
        .collect();
    // A therapist without a name, two users of one name, a payment of a lost booking: for people.
    assert_eq!(remaining, BTreeMap::from([("missing_rule", 3)]), "{done:#}");
    let found = all(&api).await;
    assert!(
        codes.iter().all(|code| *code == "missing_rule" || found.iter().all(|(found, _)| found != code)),
        "{found:?}"
    );
}
