//! The link to a therapist's calendar.

use serde_json::{Value, json};

use crate::{
    accounts::confirmation,
    fixtures::{booking, therapist},
    harness::{Answer, Person, TestApi},
};

const LINK: &str = "/api/v1/auth/me/calendar-link";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(booking("T1", "2026-02-04T10:30:00Z")).await;
    api
}

/// Makes a link; gives its path.
async fn make(person: &Person<'_>) -> String {
    person.post(LINK, json!({})).await.created()["path"].as_str().expect("a path").to_owned()
}

async fn open(api: &TestApi, path: &str) -> Answer {
    api.nobody().get(path).await
}

#[tokio::test]
async fn a_link_is_shown_once_and_stored_hashed() {
    let api = practice().await;
    let me = api.therapist("T1").with("host", "api.example.org");
    me.get(LINK).await.is_problem(404, "not-found");
    let answer = me.post(LINK, Value::Null).await;
    assert_eq!(answer.header("location"), LINK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let link = answer.created();
    let path = link["path"].as_str().expect("a path");
    assert_eq!(link["url"], format!("https://api.example.org{path}"));
    assert_eq!(link["created_at"], "2026-02-04T04:30:00Z");
    open(&api, path).await.is(200);

    assert_eq!(me.get(LINK).await.ok(), json!({ "created_at": "2026-02-04T04:30:00Z" }));
    let token = path.trim_start_matches("/calendar/").trim_end_matches(".ics");
    assert_eq!(token.len(), 43);
    for table in ["internal.calendar_links", "internal.audit_entries", "audit_logs", "internal.idempotency_keys"] {
        let sql = format!("select count(*) from {table} t where strpos(to_jsonb(t)::text, $1) > 0");
        let kept: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(token)
            .fetch_one(&mut *api.sql().await)
            .await
            .expect("a count");
        assert_eq!(kept, 0, "{table}");
    }
}

#[tokio::test]
async fn another_link_revokes_the_one_before() {
    let api = practice().await;
    let me = api.therapist("T1");
    let first = make(&me).await;
    let second = make(&me.clone().with("idempotency-key", "a")).await;
    let third = make(&me.clone().with("idempotency-key", "a")).await;
    assert_ne!(second, third);
    open(&api, &first).await.is_problem(404, "not-found");
    open(&api, &second).await.is_problem(404, "not-found");
    open(&api, &third).await.is(200);
}

#[tokio::test]
async fn a_revoked_link_opens_nothing_and_looks_like_one_never_made() {
    let api = practice().await;
    let me = api.therapist("T1");
    let path = make(&me).await;
    me.delete(LINK).await.is(204);
    me.delete(LINK).await.is_problem(404, "not-found");
    let made_up = format!("/calendar/{}.ics", "A".repeat(43));
    let answers = [open(&api, &path).await, open(&api, &made_up).await];
    let told = answers.map(|mut answer| {
        answer.is_problem(404, "not-found");
        answer.body["request_id"].take();
        answer.body
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["instance"], "/calendar/{token}.ics");
    let log = api.audit_log().await;
    let log: Vec<&str> = log.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(log, ["calendar_link_create", "calendar_link_revoke"]);
}

#[tokio::test]
async fn who_stands_for_no_therapist_has_no_calendar() {
    let api = practice().await;
    api.admin().post(LINK, json!({})).await.is_problem(409, "no-calendar");
    api.admin().get(LINK).await.is_problem(404, "not-found");
    api.admin().delete(LINK).await.is_problem(404, "not-found");
    api.nobody().post(LINK, json!({})).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_link_dies_with_the_rights_of_its_account() {
    let api = practice().await;
    api.given(therapist("T2")).await;
    let me = api.therapist("T1");
    let user = format!("/api/v1/admin/users/{}", me.user_id().await);
    api.sign_up("admin", "admin", None).await;
    for (change, back) in [
        (json!({ "disabled": true }), json!({ "disabled": false })),
        (json!({ "therapist_id": "T2" }), json!({ "therapist_id": "T1" })),
        (json!({ "role": "admin", "therapist_id": null }), json!({ "role": "therapist", "therapist_id": "T1" })),
    ] {
        api.forget_logins().await;
        let path = make(&me).await;
        open(&api, &path).await.is(200);
        for mut patch in [change, back] {
            patch["confirmation"] = confirmation();
            api.admin().patch(&user, patch).await.is(200);
            open(&api, &path).await.is_problem(404, "not-found");
        }
    }
    api.forget_logins().await;
    let path = make(&me).await;
    let reset = json!({ "confirmation": confirmation() });
    api.admin().post(&format!("{user}/password"), reset).await.is(200);
    open(&api, &path).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_link_dies_with_all_sessions_of_its_account() {
    let api = practice().await;
    let me = api.therapist("T1");
    let user = me.user_id().await;
    for (who, path) in [
        (me.clone(), "/api/v1/auth/logout-all".to_owned()),
        (api.admin(), format!("/api/v1/admin/users/{user}/logout-all")),
    ] {
        api.forget_logins().await;
        let link = make(&me).await;
        who.post(&path, Value::Null).await.is(204);
        open(&api, &link).await.is_problem(404, "not-found");
    }
    api.forget_logins().await;
    let link = make(&me).await;
    sqlx::query("update users set password = '!' where id = $1")
        .bind(user)
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    open(&api, &link).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_other_programs_make_of_an_account_counts_at_once() {
    let api = practice().await;
    api.given(therapist("T2")).await;
    let mut path = make(&api.therapist("T1")).await;
    for change in ["role = 'admin'", "therapist_id = 'T2'", "role = null", "therapist_id = null"] {
        let sql = format!("update users set {change} where therapist_id = 'T1'");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *api.sql().await).await.expect("an update");
        open(&api, &path).await.is_problem(404, "not-found");
        sqlx::query("update users set role = 'Therapist', therapist_id = 'T1' where username <> 'admin'")
            .execute(&mut *api.sql().await)
            .await
            .expect("an update");
        open(&api, &path).await.is_problem(404, "not-found");
        api.forget_logins().await;
        path = make(&api.therapist("T1")).await;
        open(&api, &path).await.is(200);
    }
    sqlx::query("delete from users").execute(&mut *api.sql().await).await.expect("deleted");
    open(&api, &path).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_is_no_token_is_a_404() {
    let api = practice().await;
    let path = make(&api.therapist("T1")).await;
    let token = path.trim_start_matches("/calendar/").trim_end_matches(".ics").to_owned();
    let swapped: String = token
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    for file in [
        token.clone(),
        format!("{token}.ICS"),
        format!("{token}.ics.ics"),
        format!("{swapped}.ics"),
        format!("{token}A.ics"),
        format!("{}.ics", &token[1..]),
        format!("%00{}.ics", &token[1..]),
        format!("%FF{}.ics", &token[1..]),
        format!("{}.ics", "é".repeat(22)),
        format!("{}.ics", "A".repeat(10_000)),
        ".ics".to_owned(),
        "%2Fcalendar.ics".to_owned(),
        String::new(),
        format!("{token}.ics/"),
    ] {
        let answer = open(&api, &format!("/calendar/{}", file.replace('é', "%C3%A9"))).await;
        answer.is_problem(404, "not-found");
        assert_eq!(answer.body["instance"], "/calendar/{token}.ics", "{file}");
    }
    api.nobody().post(&path, json!({})).await.is_problem(405, "method-not-allowed");
    api.nobody().get(&format!("{path}?x=1")).await.is(200);
}
