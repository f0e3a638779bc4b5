//! Confirming who holds an account: by whom, how often, and where nobody can.

use serde_json::{Value, json};

use super::{
    CHOSEN, REVIEWS, USERS, assert_opens, awaited, claim, confirm, confirmation, enter, latest, make, make_and_enter,
};
use crate::break_glass::practice;
use crate::harness::value;

#[tokio::test]
async fn it_is_confirmed_once_and_stays_in_the_list() {
    let api = practice().await;
    let asha = make_and_enter(&api, "admin", "asha", Some("T1")).await;
    let review = latest(&api).await;
    assert_eq!(
        [&review["kind"], &review["state"], &review["therapist_id"], &review["can_confirm"], &review["opens_at"]],
        [&json!("created"), &json!("awaiting"), &json!("T1"), &json!(true), &Value::Null]
    );
    let second = api.admin_named("second");
    let confirmed = confirm(&second, &review).await.ok();
    assert_eq!(
        [&confirmed["state"], &confirmed["confirmed_by"], &confirmed["confirmed_by_name"]],
        [&json!("confirmed"), &json!(second.user_id().await), &json!("Second")]
    );
    confirm(&second, &review).await.is_problem(409, "already-confirmed");
    assert_opens(&asha, true).await;
    assert_eq!(awaited(&api).await, [] as [Value; 0]);
    let all = api.admin().get(&format!("{REVIEWS}?user_id={}&include=total", review["user_id"])).await.ok();
    assert_eq!((&all["page"]["total"], &all["data"][0]["can_confirm"]), (&json!(1), &json!(false)));
    confirm(&second, &json!({ "review_id": 999 })).await.is_problem(404, "not-found");
    assert!(api.audit_log().await.iter().any(|(action, _)| action == "account_confirm"));
}

#[tokio::test]
async fn it_is_confirmed_once_its_user_has_set_a_password() {
    let api = practice().await;
    let made = make(&api, "admin", "asha", Some("T1")).await;
    let second = api.admin_named("second");
    let review = latest(&api).await;
    assert_eq!(review["can_confirm"], false);
    confirm(&second, &review).await.is_problem(409, "unclaimed");
    claim(&api, &made["claim"], CHOSEN).await.is(204);
    assert_eq!(latest(&api).await["can_confirm"], true);
    confirm(&second, &review).await.ok();
    // A reset takes the password away.
    let reset = json!({ "confirmation": confirmation() });
    let link = api.admin().post(&format!("{USERS}/{}/password", made["id"]), reset).await.ok();
    confirm(&second, &latest(&api).await).await.is_problem(409, "unclaimed");
    claim(&api, &link, CHOSEN).await.is(204);
    confirm(&second, &latest(&api).await).await.ok();
    assert_opens(&enter(&api, "asha", CHOSEN).await, true).await;
}

#[tokio::test]
async fn of_two_at_once_one_confirms_it() {
    let api = practice().await;
    api.sign_up("third", "admin", None).await;
    make_and_enter(&api, "admin", "asha", Some("T1")).await;
    let review = latest(&api).await;
    let there = api.second_instance();
    let (second, third) = (api.admin_named("second"), there.admin_named("third"));
    let (one, other) = tokio::join!(confirm(&second, &review), confirm(&third, &review));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
}

#[tokio::test]
async fn a_later_change_waits_for_a_review_of_its_own() {
    let api = practice().await;
    make_and_enter(&api, "admin", "asha", Some("T1")).await;
    let first = latest(&api).await;
    let path = format!("{USERS}/{}/password", first["user_id"]);
    api.pass(1);
    let link = api.admin().post(&path, json!({ "confirmation": confirmation() })).await.ok();
    claim(&api, &link, CHOSEN).await.is(204);
    let asha = enter(&api, "asha", CHOSEN).await;
    let second = api.admin_named("second");
    confirm(&second, &first).await.ok();
    assert_opens(&asha, false).await;
    confirm(&second, &latest(&api).await).await.ok();
    assert_opens(&asha, true).await;
    // One confirmation covers the earlier changes by the same admin.
    let mut link = Value::Null;
    for _ in 0..2 {
        api.pass(1);
        link = api.admin().post(&path, json!({ "confirmation": confirmation() })).await.ok();
    }
    assert_eq!(awaited(&api).await.len(), 2);
    claim(&api, &link, CHOSEN).await.is(204);
    confirm(&second, &latest(&api).await).await.ok();
    assert_eq!(awaited(&api).await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_admin_who_was_disabled_confirms_nothing() {
    let api = practice().await;
    make_and_enter(&api, "admin", "asha", Some("T1")).await;
    let (review, second) = (latest(&api).await, api.admin_named("second"));
    api.admin().delete(&format!("{USERS}/{}", second.user_id().await)).await.ok();
    confirm(&second, &review).await.is(401);
}

#[tokio::test]
async fn where_there_is_one_admin_it_opens_after_72_hours() {
    let api = practice().await;
    let second = api.admin_named("second").user_id().await;
    sqlx::query("delete from users where id = $1").bind(second).execute(&mut *api.sql().await).await.unwrap();
    make_and_enter(&api, "admin", "asha", Some("T1")).await;
    api.pass(72 * 60 - 1);
    assert_opens(&enter(&api, "asha", CHOSEN).await, false).await;
    api.pass(1);
    assert_opens(&enter(&api, "asha", CHOSEN).await, true).await;
    let review = api.admin().get(REVIEWS).await.data().remove(0);
    assert_eq!((&review["state"], &review["opens_at"]), (&json!("unreviewed"), &json!("2026-02-07T04:30:00Z")));
    // An admin who comes later takes nothing back.
    make_and_enter(&api, "admin", "later", None).await;
    assert_opens(&enter(&api, "asha", CHOSEN).await, true).await;
}

#[tokio::test]
async fn nobody_becomes_the_only_admin_by_sending_the_others_away() {
    for away in [json!({ "disabled": true }), json!({ "role": "therapist", "therapist_id": "T2" })] {
        let api = practice().await;
        let second = api.admin_named("second").user_id().await;
        let mut patch = away;
        patch["confirmation"] = confirmation();
        api.admin().patch(&format!("{USERS}/{second}"), patch).await.ok();
        make_and_enter(&api, "admin", "asha", Some("T1")).await;
        let reviews = api.admin().get(&format!("{REVIEWS}?sort=-changed_at")).await.data();
        assert_eq!(reviews[0]["opens_at"], "2026-03-06T04:30:00Z");
        api.pass(72 * 60);
        assert_opens(&enter(&api, "asha", CHOSEN).await, false).await;
        api.pass(27 * 24 * 60);
        assert_opens(&enter(&api, "asha", CHOSEN).await, true).await;
    }
}

#[tokio::test]
async fn when_the_only_other_admin_leaves_it_opens_after_30_days() {
    let api = practice().await;
    make_and_enter(&api, "admin", "asha", Some("T1")).await;
    assert_eq!(latest(&api).await["opens_at"], Value::Null);
    let second = api.admin_named("second").user_id().await;
    api.admin().delete(&format!("{USERS}/{second}")).await.ok();
    let review = api.admin().get(REVIEWS).await.data().remove(0);
    assert_eq!(review["opens_at"], "2026-03-06T04:30:00Z");
}

#[tokio::test]
async fn everybody_concerned_is_told_at_once() {
    let api = practice().await;
    api.sign_up("asha", "therapist", Some("T1")).await;
    api.sign_up("ravi", "therapist", Some("T2")).await;
    let told = async || {
        value(
            &api,
            "select coalesce(jsonb_agg(distinct u.username), '[]')
             from notifications n
             join users u on u.id = n.user_id
             where notification_type = 'account_changed'",
        )
        .await
    };
    make_and_enter(&api, "admin", "asha2", Some("T1")).await;
    assert_eq!(told().await, json!(["admin", "asha", "asha2", "second"]));
    let id = latest(&api).await["user_id"].clone();
    let patch = json!({ "therapist_id": "T2", "confirmation": confirmation() });
    api.admin().patch(&format!("{USERS}/{id}"), patch).await.ok();
    assert_eq!(told().await, json!(["admin", "asha", "asha2", "ravi", "second"]));
    let text =
        value(&api, "select message from notifications where notification_type = 'account_changed' limit 1").await;
    assert_eq!(text, "Admin made an account for asha2: please confirm who holds it");
}

#[tokio::test]
async fn everything_else_works_meanwhile() {
    let api = practice().await;
    let asha = make_and_enter(&api, "admin", "asha", Some("T1")).await;
    for path in [
        "/api/v1/auth/me",
        "/api/v1/therapist/bookings",
        "/api/v1/therapist/bookings/B1",
        "/api/v1/therapist/clients/C1",
        "/api/v1/therapist/session-notes",
        "/api/v1/therapist/additional-notes",
        "/api/v1/therapist/notifications",
    ] {
        let answer = asha.get(path).await;
        answer.is(200);
        assert!(!answer.text.contains(crate::break_glass::SECRET), "{path}");
    }
    asha.post("/api/v1/therapist/bookings/B1/sos", json!({})).await;
    asha.get("/api/v1/therapist/session-notes/101").await.is_problem(403, "awaiting-confirmation");
    let refused =
        value(&api, "select count(*) from internal.audit_entries where action = 'attempt' and status = 403").await;
    assert_eq!(refused, json!(1));
}
