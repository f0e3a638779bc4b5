//! Requests to erase: a second admin accepts, and in a practice of one admin 72 hours pass.

use safestories::{cli::serve::due, privacy};
use serde_json::{Value, json};

use super::{CLIENTS, PASSWORD, practice, request, run, value};
use crate::{
    break_glass::while_disabled,
    fixtures::{booking, client, therapist},
    harness::{Answer, TestApi},
};

const REQUESTS: &str = "/api/v1/admin/erase-requests";
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// The path of a request that was made.
fn path_of(requested: &Answer) -> String {
    requested.is(201);
    requested.header("location").to_owned()
}

async fn accept(api: &TestApi, who: &str, path: &str) -> Answer {
    api.admin_named(who).post(&format!("{path}/accept"), json!({})).await
}

async fn state(api: &TestApi, path: &str) -> Value {
    api.admin().get(path).await.ok()["state"].clone()
}

/// How many clients' data was erased.
async fn erased(api: &TestApi) -> Value {
    value(api, "select count(*) from internal.erasure_certificates").await
}

/// A client C1 with a past session, and these admins.
async fn small(admins: &[&str]) -> TestApi {
    let api = TestApi::new().await;
    for admin in admins {
        api.sign_up(admin, "admin", None).await;
    }
    api.given(therapist("T1")).await;
    api.given(client("C1").with("client_name", "Zubin Qureshi")).await;
    api.given(booking("T1", "2026-01-20T10:00:00Z").with("booking_id", "past").of_client("C1")).await;
    api
}

async fn told(api: &TestApi, title: &str) -> Value {
    let sql = "select count(*) from notifications where notification_type = 'erase_request' and title = ";
    value(api, &format!("{sql}'{title}'")).await
}

#[tokio::test]
async fn another_admin_accepts_it_and_only_then_the_data_is_erased() {
    let (api, id) = practice().await;
    let requested = request(&api, &id).await;
    let path = path_of(&requested);
    let made = requested.body;
    assert_eq!(
        (&made["state"], &made["client_id"], &made["merged_client_ids"], &made["runs_at"], &made["requester_name"]),
        (&json!("waiting"), &json!(id), &json!(["C2"]), &Value::Null, &json!("admin"))
    );
    assert_eq!(made["expires_at"], "2026-03-11T12:00:00Z");
    assert_eq!(erased(&api).await, json!(0));
    assert_eq!(told(&api, "Erasure requested").await, json!(2), "every admin is notified");
    let waiting = api.admin_named("other").get(&format!("{REQUESTS}?state=waiting&include=total")).await.ok();
    assert_eq!((&waiting["page"]["total"], &waiting["data"][0]), (&json!(1), &made));

    accept(&api, "admin", &path).await.is_problem(409, "own-erase-request");
    let certificate = accept(&api, "other", &path).await;
    assert_eq!(certificate.header("location"), format!("{CLIENTS}/{id}/erasure"));
    let certificate = certificate.created();
    let (admin, other) = (api.admin().user_id().await, api.admin_named("other").user_id().await);
    assert_eq!((&certificate["erased_by"], &certificate["accepted_by"]), (&json!(admin), &json!(other)));
    let statement = certificate["statement"].as_str().expect("words");
    assert!(statement.contains(&format!("Accepted by: user {other}\n")), "{statement}");
    assert_eq!(told(&api, "Data erased").await, json!(2));

    let ended = api.admin().get(&path).await.ok();
    assert_eq!(
        [&ended["state"], &ended["reason"], &ended["client_name"], &ended["ended_by"], &ended["certificate_id"]],
        [&json!("erased"), &json!("(erased)"), &json!("(erased)"), &json!(other), &certificate["certificate_id"]]
    );
    let again = accept(&api, "other", &path).await;
    again.is_problem(409, "erase-request-closed");
    assert_eq!(again.body["state"], "erased");
    api.admin().delete(&path).await.is_problem(409, "erase-request-closed");
    assert_eq!(api.admin().get(&format!("{REQUESTS}?state=waiting")).await.data(), [] as [Value; 0]);
    let csv = api.admin().with("accept", "text/csv").get(REQUESTS).await;
    assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
}

#[tokio::test]
async fn a_password_that_is_given_has_to_be_right() {
    let (api, id) = practice().await;
    let path = format!("{}/accept", path_of(&request(&api, &id).await));
    let other = api.admin_named("other");
    let body = |password: &str| json!({ "confirmation": { "password": password } });
    other.post(&path, body("wrong")).await.is_invalid(&["/confirmation/password"]);
    assert_eq!(erased(&api).await, json!(0));
    other.post(&path, body(PASSWORD)).await.created();
    api.therapist("T1").post(&path, json!({})).await.is_problem(403, "forbidden");
    other.post(&format!("{REQUESTS}/4711/accept"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn an_open_review_of_a_grant_or_an_export_stands_in_the_way() {
    let api = small(&["admin", "other"]).await;
    let open = json!({ "password": PASSWORD, "reason": "A call" });
    let grant = api.admin().post(&format!("{CLIENTS}/C1/break-glass"), open.clone()).await.created();
    let review = async |id: &Value| {
        let path = format!("/api/v1/admin/break-glass/{id}/review");
        api.admin_named("other").post(&path, json!({})).await.ok()
    };
    for refused in [request(&api, "C1").await, super::plan(&api, "C1").await] {
        refused.is_problem(409, "review-open");
        assert_eq!(refused.body["reviews"], json!([grant["grant_id"]]));
    }
    review(&grant["grant_id"]).await;
    let path = path_of(&request(&api, "C1").await);
    // Exported meanwhile.
    let body = json!({ "confirmation": { "password": PASSWORD }, "reason": "A letter" });
    api.admin().post(&format!("{CLIENTS}/C1/export"), body).await.is(200);
    let refused = accept(&api, "other", &path).await;
    refused.is_problem(409, "review-open");
    assert_eq!(state(&api, &path).await, "waiting");
    review(&refused.body["reviews"][0]).await;
    accept(&api, "other", &path).await.is(201);
}

#[tokio::test]
async fn who_accepts_was_not_made_by_who_requests() {
    let api = small(&["admin", "other"]).await;
    let path = path_of(&request(&api, "C1").await);
    run(
        &api,
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, needs_review)
         select o.id, 'enabled', a.id, '2026-02-01', false
         from users o, users a where o.username = 'other' and a.username = 'admin'",
    )
    .await;
    accept(&api, "other", &path).await.is_problem(409, "not-independent");
    api.sign_up("third", "admin", None).await;
    accept(&api, "third", &path).await.is(201);
}

#[tokio::test]
async fn who_requests_was_not_made_by_who_accepts() {
    let api = small(&["admin", "other", "third", "fourth"]).await;
    run(
        &api,
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, needs_review)
         select a.id, 'password_reset', o.id, '2026-02-01', false
         from users o, users a where o.username = 'other' and a.username in ('admin', 'third')",
    )
    .await;
    let path = path_of(&request(&api, "C1").await);
    for linked in ["other", "third"] {
        accept(&api, linked, &path).await.is_problem(409, "not-independent");
    }
    accept(&api, "fourth", &path).await.is(201);
}

#[tokio::test]
async fn who_accepts_is_still_an_enabled_admin() {
    let api = small(&["admin", "other"]).await;
    let path = path_of(&request(&api, "C1").await);
    let refused = while_disabled(&api, "other", Box::pin(accept(&api, "other", &path))).await;
    refused.is_problem(403, "forbidden");
    assert_eq!(erased(&api).await, json!(0));
}

#[tokio::test]
async fn records_merged_meanwhile_are_not_erased_unseen() {
    let api = small(&["admin", "other"]).await;
    api.given_all([client("C2"), client("C3")]).await;
    let path = path_of(&request(&api, "C1").await);
    api.admin().post(&format!("{CLIENTS}/C1/merge"), json!({ "merge_client_id": "C2" })).await.ok();
    let refused = accept(&api, "other", &path).await;
    refused.is_problem(409, "client-changed");
    assert_eq!(refused.body["merged_client_ids"], json!(["C2"]));
    assert_eq!(erased(&api).await, json!(0));
    api.admin().delete(&path).await.ok();
    let path = path_of(&request(&api, "C1").await);
    // Merged away itself.
    api.admin().post(&format!("{CLIENTS}/C3/merge"), json!({ "merge_client_id": "C1" })).await.ok();
    let gone = accept(&api, "other", &path).await;
    gone.is_problem(404, "not-found");
    assert_eq!(gone.body["merged_into"], "C3");
    assert_eq!(api.admin().get(&path).await.ok()["merged_into"], "C3");
}

#[tokio::test]
async fn no_more_is_erased_than_the_request_shows() {
    let api = small(&["admin", "other"]).await;
    let requested = request(&api, "C1").await;
    let path = path_of(&requested);
    assert_eq!(requested.body["tables"], json!({ "bookings": 1 }));
    api.given(crate::fixtures::session_note("past")).await;
    let refused = accept(&api, "other", &path).await;
    refused.is_problem(409, "rows-added");
    assert_eq!(refused.body["tables"], json!({ "bookings": 1, "client_session_notes": 1 }));
    assert_eq!((erased(&api).await, state(&api, &path).await), (json!(0), json!("waiting")));
    api.admin().delete(&path).await.ok();
    let requested = request(&api, "C1").await;
    assert_eq!(requested.body["tables"], json!({ "bookings": 1, "client_session_notes": 1 }));
    // One that is gone meanwhile stands in nobody's way.
    run(&api, "delete from client_session_notes").await;
    let path = path_of(&requested);
    accept(&api, "other", &path).await.is(201);
}

#[tokio::test]
async fn a_client_has_one_request_and_any_admin_withdraws_it() {
    let api = small(&["admin", "other"]).await;
    let first = request(&api, "C1").await;
    let path = path_of(&first);
    let second = request(&api, "C1").await;
    second.is_problem(409, "erasure-requested");
    assert_eq!(second.body["erase_request_id"], first.body["request_id"]);
    let stale = api.admin_named("other").with("if-match", "\"0\"").delete(&path).await;
    stale.is_problem(412, "stale");
    let withdrawn = api.admin_named("other").delete(&path).await.ok();
    let other = api.admin_named("other").user_id().await;
    assert_eq!((&withdrawn["state"], &withdrawn["ended_by"]), (&json!("withdrawn"), &json!(other)));
    assert_eq!(told(&api, "Erasure withdrawn").await, json!(2));
    accept(&api, "other", &path).await.is_problem(409, "erase-request-closed");
    // Its requester withdraws the next one.
    let path = path_of(&request(&api, "C1").await);
    assert_eq!(api.admin().delete(&path).await.ok()["state"], "withdrawn");
    assert_eq!(erased(&api).await, json!(0));
}

#[tokio::test]
async fn it_expires_after_seven_days() {
    let api = small(&["admin", "other"]).await;
    let first = path_of(&request(&api, "C1").await);
    api.pass(7 * DAY - 1);
    due::due(&api.app).await.expect("done");
    assert_eq!(state(&api, &first).await, "waiting");
    api.pass(1);
    assert_eq!(state(&api, &first).await, "expired");
    accept(&api, "other", &first).await.is_problem(409, "erase-request-closed");
    due::due(&api.app).await.expect("done");
    due::due(&api.app).await.expect("done");
    assert_eq!(told(&api, "Erasure expired").await, json!(2), "once");
    // Also where no task has ended it yet.
    let second = path_of(&request(&api, "C1").await);
    api.pass(7 * DAY);
    let third = path_of(&request(&api, "C1").await);
    assert_eq!((state(&api, &second).await, state(&api, &third).await), (json!("expired"), json!("waiting")));
}

#[tokio::test]
async fn it_ends_with_the_rights_of_its_requester() {
    let api = small(&["admin", "other", "third"]).await;
    let path = path_of(&request(&api, "C1").await);
    let admin = api.admin().user_id().await;
    run(&api, &format!("insert into internal.accounts (user_id, disabled_at) values ({admin}, now())")).await;
    accept(&api, "other", &path).await.is_problem(409, "requester-gone");
    assert_eq!(erased(&api).await, json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_accept_at_once_one_erases() {
    let (api, id) = practice().await;
    api.sign_up("third", "admin", None).await;
    let path = path_of(&request(&api, &id).await);
    let other = api.second_instance();
    let (one, two) = tokio::join!(accept(&api, "other", &path), accept(&other, "third", &path));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text, two.text);
    assert_eq!(erased(&api).await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_admins_request_is_carried_out_after_72_hours_once() {
    let api = small(&["admin"]).await;
    let requested = request(&api, "C1").await;
    let path = path_of(&requested);
    assert_eq!(requested.body["runs_at"], "2026-02-07T04:30:00Z");
    accept(&api, "admin", &path).await.is_problem(409, "own-erase-request");
    api.pass(72 * HOUR - 1);
    due::due(&api.app).await.expect("done");
    assert_eq!(erased(&api).await, json!(0));
    api.pass(1);
    let other = api.second_instance();
    let (one, two) = tokio::join!(privacy::carry_out_due(&api.app), privacy::carry_out_due(&other.app));
    one.and(two).expect("done");
    due::due(&api.app).await.expect("done");
    assert_eq!(erased(&api).await, json!(1));
    assert_eq!(told(&api, "Data erased").await, json!(1));
    let certificate = api.admin().get(&format!("{CLIENTS}/C1/erasure")).await.ok();
    let admin = api.admin().user_id().await;
    assert_eq!((&certificate["erased_by"], &certificate["accepted_by"]), (&json!(admin), &Value::Null));
    assert_eq!(state(&api, &path).await, "erased");
}

#[tokio::test]
async fn it_is_not_carried_out_where_it_was_withdrawn_or_another_admin_came() {
    let api = small(&["admin"]).await;
    let path = path_of(&request(&api, "C1").await);
    api.admin().delete(&path).await.ok();
    api.pass(80 * HOUR);
    due::due(&api.app).await.expect("done");
    assert_eq!(erased(&api).await, json!(0));
    let path = path_of(&request(&api, "C1").await);
    api.sign_up("other", "admin", None).await;
    api.pass(80 * HOUR);
    due::due(&api.app).await.expect("done");
    assert_eq!((erased(&api).await, state(&api, &path).await), (json!(0), json!("waiting")));
    accept(&api, "other", &path).await.is(201);
}

#[tokio::test]
async fn nobody_comes_to_be_the_only_admin_by_sending_the_other_away() {
    let api = small(&["admin", "other"]).await;
    let other = api.admin_named("other").user_id().await;
    api.admin().delete(&format!("/api/v1/admin/users/{other}")).await.ok();
    let requested = request(&api, "C1").await;
    assert_eq!(requested.body["runs_at"], Value::Null, "{}", requested.text);
    api.admin().delete(&path_of(&requested)).await.ok();
    api.pass(31 * DAY);
    assert!(request(&api, "C1").await.body["runs_at"].is_string());
}

#[tokio::test]
async fn a_rule_against_it_when_it_is_due_is_shown_and_it_is_tried_again() {
    let api = small(&["admin"]).await;
    let path = path_of(&request(&api, "C1").await);
    api.pass(73 * HOUR);
    let (start, ahead) = ("2026-01-20T10:00:00Z", (api.now() + chrono::TimeDelta::days(1)).to_rfc3339());
    run(&api, &format!("update bookings set booking_start_at = '{ahead}', booking_end_at = null")).await;
    for _ in 0..2 {
        due::due(&api.app).await.expect("done");
    }
    let waiting = api.admin().get(&path).await.ok();
    assert_eq!((&waiting["state"], &waiting["refused_as"]), (&json!("waiting"), &json!("sessions-ahead")));
    let noted = "select count(*) from internal.audit_entries where action = 'client_erase_refused'";
    assert_eq!(value(&api, noted).await, json!(1));
    run(&api, &format!("update bookings set booking_start_at = '{start}', booking_end_at = null")).await;
    due::due(&api.app).await.expect("done");
    assert_eq!((erased(&api).await, state(&api, &path).await), (json!(1), json!("erased")));
}

#[tokio::test]
async fn one_that_fails_does_not_keep_the_others_waiting() {
    let api = small(&["admin"]).await;
    api.given(client("C2")).await;
    let (first, second) = (path_of(&request(&api, "C1").await), path_of(&request(&api, "C2").await));
    run(
        &api,
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
         create trigger refuse before update on all_clients_table
             for each row when (new.client_id = 'C1') execute function refuse()",
    )
    .await;
    api.pass(73 * HOUR);
    due::due(&api.app).await.expect_err("the first fails");
    assert_eq!((state(&api, &first).await, state(&api, &second).await), (json!("waiting"), json!("erased")));
}
