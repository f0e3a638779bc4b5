//! Transferring a client to another therapist: the rows that move and stay, the conflicts, the notifications.

use serde_json::{Value, json};

use super::{CLIENTS, TRANSFERS, assert_in_step, drift, ids, kept, nothing, practice, rebuild, rows, transfer, whose};
use crate::{
    fixtures::{booking, client, therapist},
    harness::{NOW, TestApi},
};

#[tokio::test]
async fn what_is_ahead_moves_and_what_is_past_stays() {
    let api = practice().await;
    let body = json!({ "to_therapist_id": "T2", "reason": "Evenings", "notes": "Both agree" });
    let answer = transfer(&api, "C1", body).await;
    let made = answer.clone().created();
    assert_eq!(answer.header("location"), format!("{TRANSFERS}/{}", made["transfer_id"]));
    for (field, value) in [
        ("client_id", json!("C1")),
        ("client_name", json!("Client C1")),
        ("from_therapist_id", json!("T1")),
        ("from_therapist_name", json!("Therapist T1")),
        ("to_therapist_id", json!("T2")),
        ("to_therapist_name", json!("Therapist T2")),
        ("transferred_by_admin_id", json!(api.admin().user_id().await)),
        ("transferred_by_admin_name", json!("admin")),
        ("transfer_date", json!(NOW)),
        ("reason", json!("Evenings")),
        ("notes", json!("Both agree")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(ids(&made["plan"]["moved"]), ["next", "later"]);
    assert_eq!(ids(&made["plan"]["elsewhere"]), ["other"]);
    assert_eq!(made["plan"]["left"], json!([]));
    assert_eq!(whose(&api).await, ["later T2", "next T2", "noted T1", "other T3", "past T1"]);
    assert_eq!(
        rows(&api, "select therapist_id, assigned_therapist from all_clients_table").await,
        [json!({ "therapist_id": "T2", "assigned_therapist": "Therapist T2" })]
    );
    let appointments = rows(
        &api,
        "select session_id from appointment_table where therapist_id = 'T2' and therapist_name = 'Therapist T2' order by 1",
    );
    assert_eq!(appointments.await, [json!({ "session_id": "later" }), json!({ "session_id": "next" })]);
    assert_in_step(drift(&api).await);
    // The same resource, read again.
    let read = api.admin().get(answer.header("location")).await;
    assert_eq!(read.etag(), answer.etag());
    assert_eq!(read.ok(), made);
}

#[tokio::test]
async fn a_booking_says_its_new_host_and_nothing_of_the_old_one() {
    let api = practice().await;
    let old = "update bookings set booking_host_phone = '1', booking_host_email = 'old@example.org',
                      booking_host_user_id = case booking_id when 'later' then 'p1' else booking_host_user_id end";
    sqlx::raw_sql(old).execute(&mut *api.sql().await).await.unwrap();
    transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    let host = |id: &str, user: Value| {
        json!({
            "booking_id": id,
            "booking_host_user_id": user,
            "booking_host_name": "Therapist T2",
            "booking_host_phone": "+919800000002",
            "booking_host_email": "t2@example.org",
        })
    };
    let hosts = rows(
        &api,
        "select booking_id, booking_host_user_id, booking_host_name, booking_host_phone, booking_host_email
         from bookings where therapist_id = 'T2' order by 1",
    );
    assert_eq!(hosts.await, [host("later", Value::Null), host("next", json!("T2"))]);
}

#[tokio::test]
async fn both_therapists_and_the_other_admins_are_told() {
    let api = practice().await;
    for person in
        [api.admin(), api.admin_named("second"), api.therapist("T1"), api.therapist("T2"), api.therapist("T3")]
    {
        person.user_id().await;
    }
    let made = transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    let told = rows(
        &api,
        "select u.username, n.notification_type, n.message, n.related_id
         from notifications n join users u on u.id = n.user_id order by u.username",
    )
    .await;
    let id = made["transfer_id"].to_string();
    let row = |name: &str, kind: &str, message: &str| json!({ "username": name, "notification_type": kind, "message": message, "related_id": id });
    assert_eq!(
        told,
        [
            row("T1", "client_transfer_out", "Client C1 was transferred to Therapist T2"),
            row("T2", "client_transfer_in", "Client C1 was transferred to you from Therapist T1"),
            row("second", "client_transfer", "Client C1 was transferred from Therapist T1 to Therapist T2"),
        ]
    );
}

#[tokio::test]
async fn the_trail_tells_the_transfer_and_each_session() {
    let api = practice().await;
    transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    let sentence = "Transferred Client C1 from Therapist T1 to Therapist T2".to_owned();
    assert_eq!(api.audit_log().await, [("client_transfer".to_owned(), sentence)]);
    let log =
        rows(&api, "select therapist_id, therapist_name, client_name, ip_address is null as no_ip from audit_logs");
    assert_eq!(log.await[0]["therapist_id"], Value::Null);
    let trail =
        rows(&api, "select action, subject_id, client_id from internal.audit_entries order by entry_id offset 1");
    assert_eq!(
        trail.await,
        [
            json!({ "action": "booking_transfer", "subject_id": "next", "client_id": "C1" }),
            json!({ "action": "booking_transfer", "subject_id": "later", "client_id": "C1" }),
        ]
    );
    let history = api.admin().get("/api/v1/admin/bookings/next/history").await.data();
    assert_eq!(history[0]["detail"]["to_therapist_id"], "T2");
}

#[tokio::test]
async fn a_dry_run_tells_everything_and_keeps_nothing() {
    let api = practice().await;
    let unpaid = "update bookings set invitee_status = 'waiting' where booking_id in ('past', 'next', 'other')";
    sqlx::raw_sql(unpaid).execute(&mut *api.sql().await).await.unwrap();
    let before = (whose(&api).await, rows(&api, "select * from all_clients_table").await);
    let path = format!("{CLIENTS}/C1/transfer?dry_run=true");
    let dry = api.admin().post(&path, json!({ "to_therapist_id": "T2" })).await;
    assert!(dry.header("location").is_empty() && dry.etag().is_empty());
    let dry = dry.ok();
    assert_eq!((&dry["dry_run"], &dry["from_therapist_id"]), (&json!(true), &json!("T1")));
    assert_eq!(ids(&dry["plan"]["moved"]), ["next", "later"]);
    assert_eq!(dry["plan"]["missing_notes"], json!({ "count": 1, "booking_ids": ["past"] }));
    assert_eq!(dry["plan"]["unpaid"], json!({ "count": 2, "booking_ids": ["next", "past"] }));
    assert_eq!(dry["load"], json!({ "booked": 0, "after": 2, "capacity": 0 }));
    let actions: Vec<&Value> = dry["effects"].as_array().unwrap().iter().map(|effect| &effect["action"]).collect();
    assert_eq!(actions, ["client_transfer", "booking_transfer", "booking_transfer"]);
    assert_eq!((whose(&api).await, rows(&api, "select * from all_clients_table").await), before);
    assert_eq!(kept(&api).await, nothing());
}

#[tokio::test]
async fn a_clash_is_refused_with_all_that_would_be_done_unless_it_is_left() {
    let api = practice().await;
    api.given(booking("T2", "2026-02-05T10:30:00Z").with("booking_id", "busy")).await;
    // Touches the end of the other one: no clash.
    api.given(booking("T2", "2026-02-12T10:50:00Z").with("booking_id", "after")).await;
    rebuild(&api).await;
    let body = json!({ "to_therapist_id": "T2" });
    let path = format!("{CLIENTS}/C1/transfer");
    let dry = api.admin().post(&format!("{path}?dry_run=true"), body.clone()).await;
    dry.is_problem(409, "transfer-clash");
    let real = api.admin().post(&path, body).await;
    real.is_problem(409, "transfer-clash");
    for answer in [dry, real] {
        assert_eq!(
            answer.body["clashes"],
            json!([{
                "client_id": "C1",
                "booking_id": "next",
                "booking_start_at": "2026-02-05T10:00:00Z",
                "booking_end_at": "2026-02-05T10:50:00Z",
                "clash": {
                    "booking_id": "busy",
                    "booking_start_at": "2026-02-05T10:30:00Z",
                    "booking_end_at": "2026-02-05T11:20:00Z",
                },
            }])
        );
        assert_eq!(answer.body["transfers"][0]["plan"]["missing_notes"]["count"], 1);
        assert_eq!(answer.body["load"]["after"], 4);
    }
    assert_eq!(kept(&api).await, nothing());

    let left = transfer(&api, "C1", json!({ "to_therapist_id": "T2", "leave_clashing": true })).await.created();
    assert_eq!((ids(&left["plan"]["moved"]), ids(&left["plan"]["left"])), (vec!["later"], vec!["next"]));
    assert_eq!(whose(&api).await, ["after T2", "busy T2", "later T2", "next T1", "noted T1", "other T3", "past T1"]);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn all_sessions_ahead_may_be_left() {
    let api = practice().await;
    api.given(booking("T2", "2026-02-05T10:30:00Z")).await;
    let sql = "update therapists set capacity = 1 where therapist_id = 'T2'";
    sqlx::raw_sql(sql).execute(&mut *api.sql().await).await.unwrap();
    rebuild(&api).await;
    let left = transfer(&api, "C1", json!({ "to_therapist_id": "T2", "leave_upcoming": true })).await.created();
    assert_eq!((ids(&left["plan"]["moved"]).len(), ids(&left["plan"]["left"])), (0, vec!["next", "later"]));
    assert_eq!(rows(&api, "select therapist_id from all_clients_table").await, [json!({ "therapist_id": "T2" })]);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn a_full_therapist_needs_a_reason() {
    let api = practice().await;
    let sql = "update therapists set capacity = 1 where therapist_id = 'T2'";
    sqlx::raw_sql(sql).execute(&mut *api.sql().await).await.unwrap();
    let full = transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await;
    full.is_problem(409, "therapist-full");
    assert_eq!(full.body["load"], json!({ "booked": 0, "after": 2, "capacity": 1 }));
    let body = json!({ "to_therapist_id": "T2", "allow_overlap": true });
    transfer(&api, "C1", body).await.is_invalid(&["/reason"]);
    assert_eq!(kept(&api).await, nothing());
    let body = json!({ "to_therapist_id": "T2", "allow_overlap": true, "reason": "Agreed" });
    transfer(&api, "C1", body).await.created();
    let detail = rows(
        &api,
        "select detail -> 'override' as waived from internal.audit_entries where action = 'client_transfer' and outcome = 'done'",
    );
    assert_eq!(detail.await[0]["waived"], json!({ "allow_overlap": true, "reason": "Agreed" }));
}

#[tokio::test]
async fn states_other_than_scheduled_do_not_move() {
    let api = practice().await;
    let ahead = |id: &str| booking("T1", "2026-02-10T10:00:00Z").with("booking_id", id);
    api.given(ahead("off").with("booking_status", "Canceled").of_client("C1")).await;
    api.given(ahead("missed").with("booking_status", "no show").of_client("C1")).await;
    api.given(ahead("held").with("booking_status", "completed").of_client("C1")).await;
    api.given(
        ahead("live")
            .with("booking_start_at", "2026-02-04T04:00:00")
            .with("booking_end_at", Value::Null)
            .of_client("C1"),
    )
    .await;
    api.given(ahead("never").with("booking_start_at", Value::Null).of_client("C1")).await;
    api.given(ahead("odd").with("booking_status", "held in the garden").of_client("C1")).await;
    rebuild(&api).await;
    let made = transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    assert_eq!(ids(&made["plan"]["moved"]), ["next", "odd", "later"]);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn a_client_of_nobody_is_transferred_too() {
    let api = practice().await;
    api.given(client("C2").with("client_name", Value::Null).with("phone_number", Value::Null)).await;
    api.given(
        booking("T1", "2026-02-07T10:00:00Z")
            .with("booking_id", "loose")
            .with("therapist_id", Value::Null)
            .of_client("C2"),
    )
    .await;
    rebuild(&api).await;
    let made = transfer(&api, "C2", json!({ "to_therapist_id": "T2" })).await.created();
    assert_eq!((&made["from_therapist_id"], &made["client_name"]), (&Value::Null, &json!("(no name)")));
    assert_eq!(ids(&made["plan"]["moved"]), ["loose"]);
    assert_eq!(api.audit_log().await[0].1, "Transferred (no name) to Therapist T2");
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn ids_and_names_that_the_history_cannot_hold() {
    let api = practice().await;
    let long = "a-therapist-whose-id-is-longer-than-fifty-characters-by-far";
    api.given(therapist(long)).await;
    let name = "अ😀".repeat(127);
    api.given(client("C2").with("therapist_id", long).with("client_name", name.clone())).await;
    transfer(&api, "C1", json!({ "to_therapist_id": long })).await.is_invalid(&["/to_therapist_id"]);
    let made = transfer(&api, "C2", json!({ "to_therapist_id": "T2" })).await.created();
    assert_eq!(made["client_name"], name);
    assert_eq!(made["from_therapist_id"], Value::Null);
    assert_eq!(made["from_therapist_name"], format!("Therapist {long}"));
}

#[tokio::test]
async fn what_cannot_be() {
    let api = practice().await;
    let same = transfer(&api, "C1", json!({ "to_therapist_id": "T1" })).await;
    same.is_problem(409, "already-with-therapist");
    assert_eq!(same.body["clients"][0]["therapist_id"], "T1");
    for unknown in ["T9", "", "\0", &"x".repeat(300)] {
        transfer(&api, "C1", json!({ "to_therapist_id": unknown })).await.is_invalid(&["/to_therapist_id"]);
    }
    transfer(&api, "C9", json!({ "to_therapist_id": "T2" })).await.is_problem(404, "not-found");
    transfer(&api, "%00", json!({ "to_therapist_id": "T2" })).await.is_problem(404, "not-found");
    transfer(&api, "C1", json!({})).await.is_invalid(&["/to_therapist_id"]);
    transfer(&api, "C1", json!({ "to_therapist_id": "T2", "colour": 1 })).await.is_invalid(&["/colour"]);
    assert_eq!(kept(&api).await, nothing());
}

#[tokio::test]
async fn a_retired_therapist_takes_no_clients_and_gives_theirs() {
    let api = practice().await;
    let retire = |id: &str| format!("/api/v1/admin/therapists/{id}/retire");
    api.admin().post(&retire("T2"), json!({})).await.ok();
    let body = json!({ "to_therapist_id": "T2", "allow_overlap": true, "reason": "x" });
    transfer(&api, "C1", body).await.is_problem(409, "therapist-retired");
    let many = json!({ "from_therapist_id": "T1", "to_therapist_id": "T2" });
    api.admin().post(&format!("{CLIENTS}/transfer"), many).await.is_problem(409, "therapist-retired");
    transfer(&api, "C1", json!({ "to_therapist_id": "T3" })).await.created();
    api.admin().post(&retire("T1"), json!({})).await.ok();
    api.given(client("C2").with("therapist_id", "T1")).await;
    transfer(&api, "C2", json!({ "to_therapist_id": "T3" })).await.created();
}

#[tokio::test]
async fn a_stale_version_is_told_the_present_one() {
    let api = practice().await;
    let path = format!("{CLIENTS}/C1/transfer");
    let tag = api.admin().get(&format!("{CLIENTS}/C1")).await.etag().to_owned();
    api.admin().with("if-match", &tag).post(&path, json!({ "to_therapist_id": "T2" })).await.created();
    let stale = api.admin().with("if-match", &tag).post(&path, json!({ "to_therapist_id": "T3" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["therapist_id"], "T2");
}

#[tokio::test]
async fn a_repeat_answers_the_same_and_transfers_once() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "k1");
    let path = format!("{CLIENTS}/C1/transfer");
    let first = admin.post(&path, json!({ "to_therapist_id": "T2" })).await;
    let again = admin.post(&path, json!({ "to_therapist_id": "T2" })).await;
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.created(), again.created());
    assert_eq!(kept(&api).await["transfers"], 1);
}

#[tokio::test]
async fn each_therapist_sees_what_is_theirs_after() {
    let api = practice().await;
    let own = |id: &str| format!("/api/v1/therapist/bookings/{id}");
    transfer(&api, "C1", json!({ "to_therapist_id": "T2" })).await.created();
    let (old, new) = (api.therapist("T1"), api.therapist("T2"));
    old.get(&own("next")).await.is_problem(404, "not-found");
    new.get(&own("past")).await.is_problem(404, "not-found");
    assert_eq!(new.get(&own("next")).await.ok()["contact_visible"], true);
    // Nothing is ahead with the old therapist: contact data is none of theirs any more.
    let past = old.get(&own("past")).await.ok();
    assert_eq!((&past["contact_visible"], &past["invitee_phone"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn nobody_but_admins() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let answer = api.therapist("T1").post(&format!("{CLIENTS}/C1/transfer"), json!({ "to_therapist_id": "T1" })).await;
    answer.is_problem(403, "forbidden");
}
