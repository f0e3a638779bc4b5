//! What takes the admin's password once more.

use serde_json::json;

use super::{USERS, confirmation};
use crate::{
    auth::{PASSWORD, totp},
    break_glass::practice,
};

#[tokio::test]
async fn making_resetting_and_changing_an_account_takes_the_password_once_more() {
    let api = practice().await;
    let id = api.sign_up("asha", "therapist", Some("T1")).await;
    api.admin().delete(&format!("{USERS}/{id}")).await.ok();
    let (user, reset) = (format!("{USERS}/{id}"), format!("{USERS}/{id}/password"));
    let new = json!({ "username": "ravi", "name": "Ravi", "role": "therapist", "therapist_id": "T2" });
    for (path, body) in [(USERS, new.clone()), (&reset, json!({}))] {
        api.admin().post(path, body.clone()).await.is_invalid(&["/confirmation"]);
        let mut wrong = body;
        wrong["confirmation"] = json!({ "password": "wrong" });
        api.admin().post(path, wrong).await.is_invalid(&["/confirmation/password"]);
    }
    for patch in [
        json!({ "disabled": false }),
        json!({ "therapist_id": "T2" }),
        json!({ "role": "admin", "therapist_id": null }),
    ] {
        api.admin().patch(&user, patch.clone()).await.is_invalid(&["/confirmation"]);
        api.pass(60);
        let mut confirmed = patch;
        confirmed["confirmation"] = json!({ "password": "wrong" });
        api.admin().patch(&user, confirmed.clone()).await.is_invalid(&["/confirmation/password"]);
        api.pass(60);
        confirmed["confirmation"] = confirmation();
        api.admin().patch(&user, confirmed).await.ok();
    }
    // Everything else needs none, and what is no change neither.
    for patch in
        [json!({ "name": "Asha R." }), json!({ "role": "admin", "disabled": false }), json!({ "disabled": true })]
    {
        api.admin().patch(&user, patch).await.ok();
    }
}

#[tokio::test]
async fn a_second_factor_asks_for_its_code_as_well() {
    let api = practice().await;
    let (app, recovery_codes) = totp::set_up(&api, &api.log_in("admin").await).await;
    let id = api.sign_up("asha", "therapist", Some("T1")).await;
    let reset = format!("{USERS}/{id}/password");
    let with = |code: &str| json!({ "confirmation": { "password": PASSWORD, "code": code } });
    api.admin().post(&reset, json!({ "confirmation": confirmation() })).await.is_invalid(&["/confirmation/code"]);
    api.admin().post(&reset, with("000000")).await.is_invalid(&["/confirmation/code"]);
    api.pass(1);
    let code = app.code(&api, 0);
    api.admin().post(&reset, with(&code)).await.ok();
    api.admin().post(&reset, with(&code)).await.is_invalid(&["/confirmation/code"]);
    api.admin().post(&reset, with(&recovery_codes[0])).await.ok();
}
