//! `safestories doctor`, run as a program.

use std::process::{Command, Output};

use crate::{
    fixtures::{booking, client, therapist},
    harness::{Database, TestApi, database, run},
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safestories"));
    command.args(arguments).env_remove("DATABASE_URL").env_remove("SAFESTORIES_DATA_DIR");
    command
}

fn doctor(url: &str, arguments: &[&str]) -> Output {
    command(&["doctor"]).args(arguments).env("DATABASE_URL", url).output().expect("the program")
}

#[track_caller]
fn told(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_in_an_empty_practice() {
    let api = TestApi::new().await;
    let text = told(&doctor(api.database(), &[]), 0);
    assert!(text.contains("checks found nothing.") && text.contains("0 with errors, 0 with warnings"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_repaired_and_audited() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(client("C1")).await;
    api.given(booking("T1", "2026-02-05T10:30:00Z").with("booking_status", "Confirmed").of_client("C1")).await;
    api.given(booking("T1", "2026-02-06T10:30:00Z").with("booking_id", serde_json::Value::Null)).await;

    let text = told(&doctor(api.database(), &["--samples", "1"]), 1);
    for words in
        ["booking_status_spelling", "booking_status: Confirmed → confirmed", "booking_without_id", "cache_drift"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let one = told(&doctor(api.database(), &["--check", "booking_without_id", "time_shifted"]), 1);
    assert!(one.contains("booking_without_id") && !one.contains("cache_drift"), "{one}");
    told(&doctor(api.database(), &["--check", "time_shifted"]), 0);
    assert_eq!(api.trail().await, [], "looking is no change");

    // The client of the booking without an id comes to light when it has one.
    let text = told(&doctor(api.database(), &["--fix"]), 0);
    for words in ["Repaired booking_without_id: 1 rows, 0 remain.", "Repaired booking_without_client: 1 rows", "After"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    told(&doctor(api.database(), &[]), 0);
    let log = api.audit_log().await;
    assert!(log.len() >= 4 && log.iter().all(|(action, _)| action == "integrity_repair"), "{log:?}");
    let again = told(&doctor(api.database(), &["--fix"]), 0);
    assert!(!again.contains("Repaired"), "{again}");
    assert_eq!(api.audit_log().await.len(), log.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_alone_are_no_alarm() {
    let api = TestApi::new().await;
    run(&api, "insert into all_clients_table (client_id, email_id) values ('C1', 'na')").await;
    let text = told(&doctor(api.database(), &[]), 0);
    assert!(text.contains("email_unreadable") && text.contains("1 to notice"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_demo_holds_on_purpose_is_found() {
    let database = Database::migrated().await;
    let load = command(&["demo", "load", "--bookings", "400"]).env("DATABASE_URL", &*database).output().unwrap();
    told(&load, 0);
    let text = told(&doctor(&database, &[]), 1);
    for words in [
        "booking 56430 does not exist",
        "therapist 58605 does not exist",
        "booking_status_spelling",
        "mode_with_address",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Nothing else is wrong with it: once spellings are repaired, only the orphans are left.
    let text = told(&doctor(&database, &["--fix", "--samples", "0"]), 1);
    assert!(text.contains("Rows in all: 1 with errors, 2 with warnings"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_run_says_why() {
    let api = TestApi::new().await;
    assert!(told(&doctor(api.database(), &["--check", "nonsense"]), 1).contains("`nonsense` is no check"));
    let empty = database().await;
    assert!(told(&doctor(&empty, &[]), 1).contains("safestories migrate"));
    let folder = std::env::temp_dir().join(format!("safestories-doctor-{}", std::process::id()));
    let nowhere = command(&["doctor", "--data-dir"]).arg(&folder).output().unwrap();
    assert!(told(&nowhere, 1).contains("DATABASE_URL"));
    assert!(!folder.exists(), "nothing is made");
}
