//! Adopted columns with NULLs where our own tables have `not null`: adoption leaves that constraint out, and all rows
//! are read.

use std::time::Duration;

use safestories::integrity::adoption::ForeignTriggers::Accept;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{LEGACY, adopted};
use crate::{
    harness::{TestApi, database},
    notifications::stream::events::{Events, Running},
};

/// How long an event is waited for that comes within a second.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Every such column of the tables that other programs fill, and a row without it.
const NULLS: &str = "
    alter table users alter username drop not null, alter password drop not null, alter name drop not null;
    alter table therapists alter therapist_id drop not null;
    alter table booking_requests alter client_name drop not null, alter client_whatsapp drop not null,
        alter therapy_type drop not null, alter therapist_name drop not null;
    alter table client_additional_notes alter booking_id drop not null, alter note_text drop not null;
    alter table client_transfer_history alter client_name drop not null, alter to_therapist_id drop not null,
        alter to_therapist_name drop not null;
    alter table therapist_resources alter resource_id drop not null, alter resource_name drop not null,
        alter therapist_id drop not null;
    alter table notifications alter user_role drop not null, alter notification_type drop not null,
        alter title drop not null, alter message drop not null;
    create table audit_logs (
        log_id serial primary key, therapist_id varchar(255), therapist_name varchar(255), action_type varchar(100),
        action_description text, client_name varchar(255), ip_address varchar(45), is_visible boolean default true,
        timestamp text
    );
    insert into users (full_name, role) values ('Nobody', 'admin');
    insert into therapists (id, contact_info) values (31, 'unnamed@example.org');
    update therapists set contact_info = 'second@example.org' where therapist_id = 't2';
    insert into booking_requests (client_email) values ('leela@example.org');
    insert into client_additional_notes (therapist_id) values ('t1');
    insert into client_transfer_history (from_therapist_id) values ('t1');
    insert into therapist_resources (therapist_id) values ('t1'), (null);
    insert into notifications (user_id) values (1);
    insert into audit_logs (therapist_id) values ('t1')";

async fn given() -> TestApi {
    let url = database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(LEGACY).execute(&mut conn).await.expect("the legacy database");
    sqlx::raw_sql(NULLS).execute(&mut conn).await.expect(NULLS);
    let report = adopted(&url, Some(Accept)).await;
    let left = report.left_out.iter().filter(|line| line.starts_with("NOT NULL of")).count();
    assert_eq!(left, 23, "{:#?}", report.left_out);
    TestApi::over(url)
}

#[tokio::test]
async fn every_list_and_row_is_read() {
    let api = given().await;
    for (path, fields) in [
        ("dashboard/therapists", &[("name", "(no name)")][..]),
        ("therapists", &[("name", "(no name)")]),
        ("search?q=second", &[]),
        ("search?q=unnamed", &[]),
        ("users", &[("name", "(no name)"), ("username", "")]),
        (
            "booking-requests",
            &[
                ("client_name", "(no name)"),
                ("client_whatsapp", ""),
                ("therapy_type", ""),
                ("therapist_name", "(no name)"),
            ],
        ),
        ("booking-requests/1", &[]),
        ("transfers", &[("client_name", "(no name)"), ("to_therapist_id", ""), ("to_therapist_name", "(no name)")]),
        ("transfers/1", &[]),
        ("additional-notes", &[("booking_id", "")]),
        ("therapists/t1/resources", &[("resource_name", "(no name)")]),
        ("therapists/t2", &[]),
        ("audit-logs", &[("action_type", ""), ("action_description", "")]),
        ("audit-logs/1", &[]),
        ("integrity", &[]),
        ("live", &[]),
        ("campaigns", &[]),
    ] {
        let answer = api.admin().get(&format!("/api/v1/admin/{path}")).await.ok();
        for (field, value) in fields {
            let rows = answer["data"].as_array().expect("a list");
            assert!(rows.iter().any(|row| row[field] == *value), "{path}: {field}: {answer}");
        }
    }
    let own = api.therapist("t1");
    for path in ["additional-notes", "additional-notes/1", "resources", "profile", "audit-logs", "notifications"] {
        own.get(&format!("/api/v1/therapist/{path}")).await.ok();
    }
}

#[tokio::test]
async fn a_notification_of_which_nothing_is_said_stops_no_stream() {
    let api = given().await;
    let _running = Running::on(&api).await;
    let mut events = Events::of(&api.admin()).await;
    let user = api.admin().user_id().await;
    for title in [None, Some("two")] {
        sqlx::query("insert into notifications (user_id, title) values ($1, $2)")
            .bind(user)
            .bind(title)
            .execute(&mut *api.sql().await)
            .await
            .expect("a notification");
        let told = tokio::time::timeout(TRIAL_TIMEOUT, events.title()).await.expect("an event");
        assert_eq!(told, title.unwrap_or_default());
    }
    let listed = api.admin().get("/api/v1/admin/notifications").await.data();
    let nothing = listed.iter().find(|row| row["title"] == "").expect("the first of them");
    for field in ["user_role", "notification_type", "message"] {
        assert_eq!(nothing[field], "", "{field}");
    }
    assert_eq!(nothing["related_id"], Value::Null);
    let path = format!("/api/v1/admin/notifications/{}", nothing["notification_id"]);
    api.admin().post(&format!("{path}/read"), json!({})).await.is(200);
    api.admin().delete(&path).await.is(204);
}
