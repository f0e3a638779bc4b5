//! Opening a grant.

use serde_json::{Value, json};

use super::{GRANTS, REASON, entries, notes_of, open, practice, run, value};
use crate::{
    auth::{PASSWORD, totp},
    notifications::stream::events::{Events, Running},
};

const OPEN: &str = "/api/v1/admin/clients/C1/break-glass";

#[tokio::test]
async fn a_grant_says_who_may_read_whose_text_until_when_and_why() {
    let api = practice().await;
    let opened = open(&api, "admin", "C1").await;
    let grant = opened.body.clone();
    let location = opened.header("location").to_owned();
    opened.created();
    assert_eq!(location, format!("{GRANTS}/{}", grant["grant_id"]));
    assert_eq!(
        grant,
        json!({
            "grant_id": grant["grant_id"],
            "kind": "grant",
            "client_id": "C1",
            "client_name": "Client C1",
            "merged_into": null,
            "user_id": api.admin().user_id().await,
            "user_name": "Admin",
            "reason": REASON,
            "opened_at": "2026-02-04T04:30:00Z",
            "expires_at": "2026-02-04T05:30:00Z",
            "is_open": true,
            "reads": 0,
            "last_read_at": null,
            "review": "waiting",
            "reviewed_at": null,
            "reviewed_by": null,
            "reviewer_name": null,
            "review_note": null,
            "unreviewed_at": null,
        })
    );
    let mut detail = api.admin_named("second").get(&location).await.ok();
    assert_eq!(detail["entries"].take(), json!([]));
    assert_eq!(detail["more_entries"].take(), json!(false));
    for member in grant.as_object().unwrap().keys() {
        assert_eq!(detail[member], grant[member], "{member}");
    }
    let kept = json!({ "reason": REASON, "opened_at": grant["opened_at"], "expires_at": grant["expires_at"] });
    let subject = grant["grant_id"].to_string();
    assert_eq!(entries(&api).await, json!([["break_glass", "done", "C1", subject, kept]]));
    let log = api.audit_log().await;
    assert_eq!(log.last().unwrap().0, "break_glass");
    assert_eq!(log.last().unwrap().1, "Opened the clinical record of Client C1 by break-glass");
}

#[tokio::test]
async fn every_admin_is_told_at_once_the_one_who_opens_it_too() {
    let api = practice().await;
    api.therapist("T1").get("/api/v1/therapist/bookings").await.ok();
    let _running = Running::on(&api).await;
    let mut mine = Events::of(&api.admin()).await;
    let mut theirs = Events::of(&api.admin_named("second")).await;
    let id = open(&api, "admin", "C1").await.created()["grant_id"].to_string();
    for events in [&mut mine, &mut theirs] {
        let event = events.next().await.unwrap();
        assert_eq!((&event["notification_type"], &event["related_id"]), (&json!("break_glass"), &json!(id)), "{event}");
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("Admin") && message.contains("Client C1") && !message.contains(REASON), "{message}");
    }
    let told = "select jsonb_agg(distinct user_role) from notifications where notification_type = 'break_glass'";
    assert_eq!(value(&api, told).await, json!(["admin"]));
}

#[tokio::test]
async fn a_wrong_password_opens_nothing_and_is_on_record() {
    let api = practice().await;
    for body in [json!({ "reason": REASON, "password": "wrong" }), json!({ "reason": REASON, "password": "" })] {
        api.admin().post(OPEN, body).await.is_invalid(&["/password"]);
    }
    let refused = "select jsonb_agg(jsonb_build_array(outcome, client_id, status, route)) from internal.audit_entries
                   where actor_id = (select id from users where username = 'admin')";
    let attempt = json!(["refused", "C1", 422, "POST /api/v1/admin/clients/{client_id}/break-glass"]);
    assert_eq!(value(&api, refused).await, json!([attempt, attempt]));
    assert_eq!(value(&api, "select count(*) from internal.break_glass_grants").await, json!(0));
    assert_eq!(value(&api, "select count(*) from notifications").await, json!(0));
    api.admin().get(&notes_of("C1")).await.is_problem(403, "break-glass-required");
    for body in [
        json!({ "password": PASSWORD }),
        json!({ "reason": " ", "password": PASSWORD }),
        json!({ "reason": null, "password": PASSWORD }),
        json!({ "reason": "x".repeat(1001), "password": PASSWORD }),
    ] {
        api.admin().post(OPEN, body).await.is_invalid(&["/reason"]);
    }
    api.admin().post(OPEN, json!({ "reason": REASON })).await.is_invalid(&["/password"]);
}

#[tokio::test]
async fn passwords_cannot_be_guessed_here_any_more_than_at_login() {
    let api = practice().await;
    let wrong = json!({ "reason": REASON, "password": "wrong" });
    for _ in 0..4 {
        api.admin().post(OPEN, wrong.clone()).await.is_invalid(&["/password"]);
    }
    // The fifth ends the session.
    api.admin().post(OPEN, wrong).await.is_problem(401, "unauthenticated");
    open(&api, "second", "C1").await.created();
}

#[tokio::test]
async fn where_the_second_factor_is_on_a_code_is_wanted_too() {
    let api = practice().await;
    let tokens = api.log_in("admin").await;
    let (app, recovery) = totp::set_up(&api, &tokens).await;
    api.pass(1);
    let with = async |code: Value| {
        let body = json!({ "reason": REASON, "password": PASSWORD, "code": code });
        api.admin().with("idempotency-key", "k1").post(OPEN, body).await
    };
    for _ in 0..6 {
        // Asking whether a code is wanted neither counts nor forgets.
        open(&api, "admin", "C1").await.is_invalid(&["/code"]);
    }
    with(json!(" ")).await.is_invalid(&["/code"]);
    with(json!("000000")).await.is_invalid(&["/code"]);
    with(json!("not-a-code")).await.is_invalid(&["/code"]);
    assert_eq!(value(&api, "select count(*) from internal.break_glass_grants").await, json!(0));
    let code = app.code(&api, 0);
    let grant = with(json!(code)).await.created();
    // The repeat of a request is answered, though its code was used up.
    assert_eq!(with(json!(code)).await.created()["grant_id"], grant["grant_id"]);
    let again = json!({ "reason": REASON, "password": PASSWORD, "code": code });
    api.admin().post(OPEN, again).await.is_invalid(&["/code"]);
    let once = json!({ "reason": REASON, "password": PASSWORD, "code": recovery[0] });
    api.admin().post(OPEN, once.clone()).await.created();
    api.admin().post(OPEN, once).await.is_invalid(&["/code"]);
}

#[tokio::test]
async fn a_repeated_request_opens_one_grant() {
    let api = practice().await;
    let key = api.admin().with("idempotency-key", "k1");
    let body = json!({ "reason": REASON, "password": PASSWORD });
    let first = key.post(OPEN, body.clone()).await.created();
    let second = key.post(OPEN, body.clone()).await.created();
    assert_eq!(first["grant_id"], second["grant_id"]);
    assert_eq!(value(&api, "select count(*) from notifications").await, json!(2));
    // A repeat is no guess that failed.
    assert_eq!(value(&api, "select coalesce(sum(failures), 0) from internal.login_attempts").await, json!(0));
    let other = json!({ "reason": "Another one", "password": PASSWORD });
    key.post(OPEN, other).await.is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn another_grant_may_be_opened_while_one_is_open() {
    let api = practice().await;
    let first = open(&api, "admin", "C1").await.created();
    api.pass(30);
    let second = open(&api, "admin", "C1").await.created();
    assert_ne!(first["grant_id"], second["grant_id"]);
    assert_eq!(second["expires_at"], "2026-02-04T06:00:00Z");
    // Reads go under the one that lasts longest.
    let note = api.admin().get(&format!("{}/101", notes_of("C1"))).await.ok();
    assert_eq!(note["grant_id"], second["grant_id"]);
    assert_eq!(api.admin().get(GRANTS).await.data().len(), 2);
}

#[tokio::test]
async fn there_is_none_for_nobody() {
    let api = practice().await;
    run(&api, "insert into internal.clients (client_id, created_at, merged_into) values ('C0', now(), 'C1')").await;
    open(&api, "admin", "made-up").await.is_problem(404, "not-found");
    let merged = open(&api, "admin", "C0").await;
    merged.is_problem(404, "not-found");
    assert_eq!(merged.body["merged_into"], "C1");
    let therapist = api.therapist("T1").post(OPEN, json!({ "reason": REASON, "password": PASSWORD })).await;
    therapist.is_problem(403, "forbidden");
    // A client id of the path is recorded only where such a client exists.
    let named = "select jsonb_agg(client_id) from internal.audit_entries";
    assert_eq!(value(&api, named).await, json!([null, null, "C1"]));
}
