//! Admins reading clinical text.

mod list;
mod open;
mod read;
mod review;
mod unreviewed;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{
    auth::PASSWORD,
    fixtures::{additional_note, booking, client, session_note, therapist},
    harness::{Answer, TestApi, run, value},
};

/// Where grants are.
pub const GRANTS: &str = "/api/v1/admin/break-glass";
/// Why.
pub const REASON: &str = "The therapist is in hospital";
/// Clinical text that no list, notification, audit entry or idempotency record may contain.
pub const SECRET: &str = "clinical-text-0815";

/// Where a client's notes are read.
pub fn notes_of(client: &str) -> String {
    format!("/api/v1/admin/clients/{client}/notes")
}

/// Two admins with passwords; C1 with the past sessions B1 and B3 of T1, C2 with B2 of T2; notes of other programs to B1
/// (session and additional) and B2.
pub async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    api.sign_up("second", "admin", None).await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given_all([client("C1").with("therapist_id", "T1"), client("C2").with("therapist_id", "T2")]).await;
    for (id, therapist, client, start) in [
        ("B1", "T1", "C1", "2026-01-05T10:30:00Z"),
        ("B2", "T2", "C2", "2026-01-06T10:30:00Z"),
        ("B3", "T1", "C1", "2026-01-12T10:30:00Z"),
    ] {
        let row = booking(therapist, start).with("booking_id", id).with("invitee_name", format!("Client {client}"));
        api.given(row.of_client(client)).await;
    }
    api.given_all([
        session_note("B1").with("note_id", 101).with("concerns_discussed", SECRET),
        session_note("B2").with("note_id", 102).with("concerns_discussed", SECRET),
    ])
    .await;
    api.given(additional_note("B1", "T1").with("note_id", 201).with("note_text", SECRET)).await;
    api
}

/// Opens a grant.
pub async fn open(api: &TestApi, who: &str, client: &str) -> Answer {
    let path = format!("/api/v1/admin/clients/{client}/break-glass");
    api.admin_named(who).post(&path, json!({ "reason": REASON, "password": PASSWORD })).await
}

/// Sends a request of an admin who is disabled once it waits for that.
pub async fn while_disabled(api: &TestApi, who: &str, request: impl Future<Output = Answer>) -> Answer {
    let mut disabling = api.app.db.direct().await.unwrap();
    let disable = format!(
        "begin;
         select from users where username = '{who}' for no key update;
         insert into internal.accounts (user_id, disabled_at) select id, now() from users where username = '{who}'"
    );
    sqlx::raw_sql(AssertSqlSafe(disable)).execute(&mut disabling).await.unwrap();
    let waits = "(select count(*) = 1 from pg_stat_activity
                  where datname = current_database() and wait_event_type = 'Lock')";
    let release = async {
        api.until(waits).await;
        sqlx::raw_sql("commit").execute(&mut disabling).await.unwrap();
    };
    tokio::join!(request, release).0
}

/// The entries of the trail with these actions and attempts, as `[action, outcome, client, subject, detail]`.
async fn entries(api: &TestApi) -> Value {
    value(
        api,
        "select coalesce(jsonb_agg(
                    jsonb_build_array(action, outcome, client_id, subject_id, detail) order by entry_id
                ), '[]')
         from internal.audit_entries
         where action like 'break_glass%' or action = 'attempt'",
    )
    .await
}
