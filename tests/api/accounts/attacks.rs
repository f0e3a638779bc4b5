//! Ways by which one admin alone came to clinical text.

use serde_json::{Value, json};

use super::{CHOSEN, USERS, assert_opens, claim, confirm, confirmation, enter, latest, make_and_enter};
use crate::{auth::PASSWORD, break_glass::practice};

#[tokio::test]
async fn a_second_account_for_a_therapist_who_has_one() {
    let api = practice().await;
    api.sign_up("asha", "therapist", Some("T1")).await;
    let there = enter(&api, "asha", PASSWORD).await;
    let another = make_and_enter(&api, "admin", "asha2", Some("T1")).await;
    assert_opens(&another, false).await;
    assert_opens(&there, true).await;
    confirm(&api.admin_named("second"), &latest(&api).await).await.ok();
    assert_opens(&another, true).await;
}

#[tokio::test]
async fn a_reset_of_a_therapists_password() {
    let api = practice().await;
    let id = api.sign_up("asha", "therapist", Some("T1")).await;
    let before = enter(&api, "asha", PASSWORD).await;
    let reset = json!({ "confirmation": confirmation() });
    let link = api.admin().post(&format!("{USERS}/{id}/password"), reset).await.ok();
    before.get("/api/v1/auth/me").await.is(401);
    claim(&api, &link, CHOSEN).await.is(204);
    let after = enter(&api, "asha", CHOSEN).await;
    assert_opens(&after, false).await;
    confirm(&api.admin_named("second"), &latest(&api).await).await.ok();
    assert_opens(&after, true).await;
}

#[tokio::test]
async fn an_account_that_is_given_another_therapist() {
    let api = practice().await;
    let id = api.sign_up("ravi", "therapist", Some("T2")).await;
    let patch = json!({ "therapist_id": "T1", "confirmation": confirmation() });
    api.admin().patch(&format!("{USERS}/{id}"), patch).await.ok();
    assert_opens(&enter(&api, "ravi", PASSWORD).await, false).await;
}

#[tokio::test]
async fn an_account_that_is_shut_out_and_let_in_again() {
    let api = practice().await;
    let id = api.sign_up("asha", "therapist", Some("T1")).await;
    api.admin().delete(&format!("{USERS}/{id}")).await.ok();
    let patch = json!({ "disabled": false, "confirmation": confirmation() });
    api.admin().patch(&format!("{USERS}/{id}"), patch).await.ok();
    assert_opens(&enter(&api, "asha", PASSWORD).await, false).await;
}

#[tokio::test]
async fn a_role_or_therapist_of_ones_own() {
    let api = practice().await;
    let own = format!("{USERS}/{}", api.admin().user_id().await);
    for patch in [
        json!({ "role": "therapist", "therapist_id": "T1" }),
        json!({ "therapist_id": "T1" }),
        json!({ "role": "therapist", "therapist_id": "T1", "confirmation": confirmation() }),
    ] {
        api.admin().patch(&own, patch).await.is_problem(409, "own-rights");
    }
    api.admin().patch(&own, json!({ "role": "admin", "name": "Meera" })).await.ok();
}

#[tokio::test]
async fn a_new_therapist_an_account_and_a_transfer() {
    let api = practice().await;
    api.admin().post("/api/v1/admin/therapists", json!({ "therapist_id": "T9", "name": "Nobody" })).await.created();
    let nobody = make_and_enter(&api, "admin", "nobody", Some("T9")).await;
    let transfer = json!({ "to_therapist_id": "T9", "reason": "moved" });
    api.admin().post("/api/v1/admin/clients/C1/transfer", transfer).await.created();
    assert_opens(&nobody, false).await;
    // Who wrote when is no clinical text.
    let notes: Vec<Value> = nobody.get("/api/v1/therapist/clients/C1/session-notes").await.data();
    assert_eq!(notes.len(), 1);
}

#[tokio::test]
async fn an_accomplice_of_the_admins_making_changes_the_account_and_the_admin_confirms_it() {
    let api = practice().await;
    let by_puppet = json!({ "password": CHOSEN });
    let one = make_and_enter(&api, "admin", "one", None).await;
    let two = make_and_enter(&api, "admin", "two", None).await;
    let body = json!({
        "username": "asha", "name": "Asha", "role": "therapist", "therapist_id": "T1", "confirmation": by_puppet,
    });
    let made = one.post(USERS, body).await.created();
    claim(&api, &made["claim"], CHOSEN).await.is(204);
    let asha = enter(&api, "asha", CHOSEN).await;
    let review = latest(&api).await;
    // Who made the accomplice, and another whom they made.
    for reviewer in [&api.admin(), &two] {
        confirm(reviewer, &review).await.is_problem(409, "not-independent");
    }
    assert_opens(&asha, false).await;
    confirm(&api.admin_named("second"), &review).await.ok();
    assert_opens(&asha, true).await;
}

#[tokio::test]
async fn an_accomplice_that_the_admin_made() {
    let api = practice().await;
    let puppet = make_and_enter(&api, "admin", "puppet", None).await;
    let made = json!({ "username": "two", "name": "two", "role": "admin", "confirmation": { "password": CHOSEN } });
    let link = puppet.post(USERS, made).await.created()["claim"].clone();
    claim(&api, &link, CHOSEN).await.is(204);
    let two = enter(&api, "two", CHOSEN).await;
    let asha = make_and_enter(&api, "admin", "asha", Some("T1")).await;
    let review = latest(&api).await;
    confirm(&api.admin(), &review).await.is_problem(409, "own-change");
    confirm(&puppet, &review).await.is_problem(409, "not-independent");
    confirm(&two, &review).await.is_problem(409, "not-independent");
    assert_opens(&asha, false).await;
    // Nor one whose password the admin reset afterwards.
    let second = api.admin_named("second").user_id().await;
    let reset = json!({ "confirmation": confirmation() });
    let link = api.admin().post(&format!("{USERS}/{second}/password"), reset).await.ok();
    claim(&api, &link, CHOSEN).await.is(204);
    let second = enter(&api, "second", CHOSEN).await;
    confirm(&second, &review).await.is_problem(409, "not-independent");
    assert_opens(&asha, false).await;
}
