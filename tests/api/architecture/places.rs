//! Calls allowed in one place only: connections without a scope, and the few calls that bypass row-level security.

use super::{assert_none, sources};

/// Words that only the named files may use, and the reason.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        ".unscoped()",
        &[
            "db/",
            "audit/",
            "app/",
            "http/",
            "auth/",
            "cli/",
            "users/account.rs",
            "notifications/stream/feed.rs",
            "arrivals/worker.rs",
            "arrivals/inbox/work.rs",
            "messages/worker.rs",
            "webhooks/send.rs",
            "dashboards/cache/backfill.rs",
            "payments/refunds/send.rs",
            "payment_links/make.rs",
            "payment_links/pay_first.rs",
            "payment_links/work.rs",
        ],
        "a request's connection is opened by its scope, so that row-level security stands behind it",
    ),
    (
        ".system_transaction()",
        &[
            "db/",
            "app/",
            "http/audit/attempts.rs",
            "http/health.rs",
            "auth/guesses.rs",
            "auth/throttle.rs",
            "cli/serve/due.rs",
            "cli/serve/retention.rs",
            "dashboards/cache/",
            "arrivals/worker.rs",
            "arrivals/inbox/receive.rs",
            "arrivals/inbox/work.rs",
            "messages/reminders.rs",
            "messages/worker.rs",
            "webhooks/send.rs",
            "payments/refunds/send.rs",
            "payment_links/apply.rs",
            "payment_links/work.rs",
        ],
        "what somebody changes is a unit of work, with its audit entries",
    ),
    ("read(&Scope::", &["db/pool.rs"], "a scope is the request's, never made up"),
    (
        ".work_of_practice(",
        &["app/unit_of_work.rs", "clients/appointment.rs"],
        "only what completes an adopted booking is done for a therapist with the practice's rights",
    ),
    (".beside()", &["app/unit_of_work.rs", "auth/"], "work beside a request has the practice's rights"),
    (
        ".begin()",
        &["app/unit_of_work.rs", "cli/serve/private.rs", "db/migrate/", "dev/demo/", "integrity/adoption/"],
        "sqlx does not know of a unit of work's transaction, and its `begin` and `commit` would commit that",
    ),
    ("\"unscoped\"", &["db/scope.rs"], "the code's own scoping is left out in one place"),
    ("sonic_rs", &["http/extract/mod.rs", "http/etag.rs"], "answers are serialised in one place"),
];

#[test]
fn what_is_done_in_one_place_is_done_there_only() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let path = source.path.display().to_string();
        let code = source.code();
        for (words, places, why) in RESERVED {
            if code.contains(words) && !places.iter().any(|place| path.starts_with(place)) {
                faults.push(format!("{path} says {words}: {why}"));
            }
        }
    }
    assert_none(&faults, "something is done away from its place");
}

#[test]
fn every_operation_of_a_feature_has_tests_that_name_its_path() {
    let tests: String = sources("tests/api").into_iter().map(|source| source.text).collect();
    let mut faults = Vec::new();
    for source in sources("src") {
        for declared in source.text.split("#[utoipa::path(").skip(1) {
            let path = declared.split("path = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            // The last word of the path, or the one before its parameter.
            let word = path.split('/').rfind(|part| !part.is_empty() && !part.starts_with('{')).unwrap_or_default();
            if !tests.contains(&format!("/{word}")) && !tests.contains(&format!("{word}\"")) {
                faults.push(format!("{}: no test asks for {path}", source.path.display()));
            }
        }
    }
    assert_none(&faults, "an operation is tested by nobody");
}
