//! Notifications in an export: the kind says which table `related_id` refers to.

use super::{Archive, practice, run};
use crate::fixtures::{booking, client, notification};

#[tokio::test]
async fn what_was_told_of_a_long_id_or_of_a_look_into_the_file_is_the_clients() {
    let api = practice().await;
    let long = format!("{}-of-another-program", "5".repeat(50));
    api.given_all([
        client("C2"),
        booking("T1", "2026-01-22T10:00:00Z").with("booking_id", long.as_str()).of_client("C1"),
        booking("T1", "2026-01-23T10:00:00Z").with("booking_id", "1").of_client("C1"),
    ])
    .await;
    run(
        &api,
        "insert into internal.break_glass_grants (client_id, user_id, reason, opened_at, expires_at)
         select client_id, 1, 'A reason', now(), now() + interval '1 hour'
         from unnest(array['C2', 'C1']) as looked_into (client_id)",
    )
    .await;
    let user = api.admin().user_id().await;
    let told = |about: &str, kind: &str, message: &str| {
        notification(user).with("related_id", about).with("notification_type", kind).with("message", message)
    };
    api.given_all([
        told(&long[..50], "no_show", "long"),
        told("1", "no_show", "booking 1"),
        told("1", "break_glass", "grant 1"),
        told("2", "break_glass", "grant 2"),
    ])
    .await;
    let archive = Archive::of(&api, "C1").await;
    let mut messages = archive.column("notifications", "message");
    messages.sort_unstable();
    assert_eq!(messages, ["booking 1", "grant 2", "long"]);
}
