//! The log of reads of a client's record.

use serde_json::{Value, json};

use crate::{
    break_glass::{REASON, SECRET, notes_of, open, practice},
    fixtures::{booking, session_note},
    harness::{TestApi, value},
};

const LOG: &str = "/api/v1/admin/clients/C1/access-log";

/// Some members of each row of an access log.
async fn told(api: &TestApi, query: &str, members: &[&str]) -> Vec<Value> {
    let rows = api.admin().get(&format!("{LOG}?{query}")).await.data();
    rows.iter().map(|row| members.iter().map(|member| row[*member].clone()).collect()).collect()
}

/// Every write and read of a therapist on a client's record, a minute apart.
async fn work_of_a_therapist(api: &TestApi) {
    let one = api.therapist("T1");
    let base = "/api/v1/therapist";
    let note = one.post(&format!("{base}/session-notes"), json!({ "booking_id": "B3", "gender": "x" })).await;
    let path = format!("{base}/session-notes/{}", note.body["note_id"]);
    api.pass(1);
    let high = json!({ "current_risk_level": "high", "concerns_discussed": SECRET });
    let saved = one.clone().with("if-match", note.etag()).patch(&path, high).await;
    api.pass(1);
    let sign = one.clone().with("if-match", saved.etag());
    sign.send(axum::http::Method::POST, &format!("{path}/sign"), None).await.ok();
    api.pass(1);
    one.post(&format!("{path}/addenda"), json!({ "text": SECRET })).await.created();
    api.pass(1);
    let additional = json!({ "booking_id": "B3", "note_text": SECRET });
    let additional = one.post(&format!("{base}/additional-notes"), additional).await;
    let beside = additional.header("location").to_owned();
    api.pass(1);
    let edited = one.clone().with("if-match", additional.etag()).patch(&beside, json!({ "note_text": "x" })).await;
    // Every read of text, and of risk, that a therapist has.
    for read in [
        path.clone(),
        format!("{base}/bookings/B3/session-note"),
        format!("{path}/versions"),
        beside.clone(),
        format!("{base}/clients/C1/risk"),
        format!("{base}/risk?days=1"),
    ] {
        api.pass(1);
        one.get(&read).await.ok();
    }
    api.pass(1);
    one.clone().with("if-match", edited.etag()).delete(&beside).await.is_problem(409, "note-locked");
}

/// Every read of admins on it, the review of the grant, and a transfer. Returns the grant.
async fn work_of_admins(api: &TestApi) -> Value {
    api.admin().get(&notes_of("C1")).await.is_problem(403, "break-glass-required");
    api.pass(1);
    let grant = open(api, "admin", "C1").await.created()["grant_id"].clone();
    for read in ["", "/101", "/101/versions", "/201?kind=additional"] {
        api.pass(1);
        api.admin().get(&format!("{}{read}", notes_of("C1"))).await.ok();
    }
    api.pass(1);
    let review = format!("/api/v1/admin/break-glass/{grant}/review");
    api.admin_named("second").post(&review, json!({})).await.ok();
    api.pass(1);
    api.admin()
        .post("/api/v1/admin/clients/C1/transfer", json!({ "to_therapist_id": "T2", "reason": "Evenings" }))
        .await
        .created();
    grant
}

#[tokio::test]
async fn every_clinical_read_and_change_is_told_with_who_when_and_why() {
    let api = practice().await;
    work_of_a_therapist(&api).await;
    let grant = work_of_admins(&api).await;
    api.pass(1);
    let note = value(&api, "select note_id from client_session_notes where booking_id = 'B3'").await;
    api.therapist("T2").get(&format!("/api/v1/therapist/session-notes/{note}")).await.ok();

    let (mine, held, assigned) =
        ("As the author of the note", "As the session's therapist", "As the therapist the client is assigned to");
    assert_eq!(
        told(&api, "sort=at", &["user_name", "role", "kind", "description", "reason"]).await,
        [
            json!(["T1", "therapist", "change", "Began the session note of booking B3", held]),
            json!(["T1", "therapist", "change", "Saved the session note of booking B3", held]),
            json!(["T1", "therapist", "change", "Signed and submitted the session note of booking B3", held]),
            json!(["T1", "therapist", "change", "Added to the signed session note of booking B3", held]),
            json!(["T1", "therapist", "change", "Wrote an additional note of booking B3", mine]),
            json!(["T1", "therapist", "change", "Changed an additional note of booking B3", mine]),
            json!(["T1", "therapist", "read", "Read the session note of booking B3", held]),
            json!(["T1", "therapist", "read", "Read the session note of booking B3", held]),
            json!(["T1", "therapist", "read", "Read the versions of the session note of booking B3", held]),
            json!(["T1", "therapist", "read", "Read an additional note of booking B3", mine]),
            json!(["T1", "therapist", "read", "Read how the risk went", assigned]),
            json!(["T1", "therapist", "read", "Saw the client among those at high risk", assigned]),
            json!(["Admin", "admin", "read", "Tried to list the notes without a grant: refused", "As an admin"]),
            json!(["Admin", "admin", "permission", "Opened the record by break-glass", REASON]),
            json!(["Admin", "admin", "read", "By break-glass: listed the notes", REASON]),
            json!(["Admin", "admin", "read", "By break-glass: read the session note of booking B1", REASON]),
            json!([
                "Admin",
                "admin",
                "read",
                "By break-glass: read the versions of the session note of booking B1",
                REASON
            ]),
            json!(["Admin", "admin", "read", "By break-glass: read an additional note of booking B1", REASON]),
            json!(["Second", "admin", "permission", "Reviewed a break-glass grant", "As an admin"]),
            json!(["Admin", "admin", "permission", "Transferred the client to another therapist", "Evenings"]),
            json!(["T2", "therapist", "read", "Read the session note of booking B3", assigned]),
        ]
    );
    let read = api.admin().get(&format!("{LOG}?action=break_glass_read&limit=1")).await;
    assert!(!read.text.contains(SECRET));
    let read = read.data().remove(0);
    let entry = "select to_jsonb(e) from internal.audit_entries e where action = 'break_glass_read'
                 order by entry_id desc limit 1";
    let entry = value(&api, entry).await;
    assert_eq!(
        read,
        json!({
            "entry_id": entry["entry_id"],
            "at": "2026-02-04T04:47:00Z",
            "user_id": api.admin().user_id().await,
            "user_name": "Admin",
            "role": "admin",
            "kind": "read",
            "action": "break_glass_read",
            "description": "By break-glass: read an additional note of booking B1",
            "reason": REASON,
            "client_id": "C1",
            "note_kind": "additional",
            "note_id": 201,
            "booking_id": "B1",
            "grant_id": grant,
            "outcome": "done",
            "status": null,
            "request_id": entry["request_id"],
            "ip_address": null,
        })
    );
}

#[tokio::test]
async fn a_look_is_on_record_before_it_is_answered_and_told_from_the_next_one_on() {
    let api = practice().await;
    assert_eq!(api.admin().get(LOG).await.data(), [] as [Value; 0]);
    let csv = api.admin_named("second").with("accept", "text/csv").get(LOG).await;
    csv.is(200);
    assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
    let expected = ["Second", "Admin"].map(|who| json!([who, "Looked up who opened the record", "As an admin"]));
    assert_eq!(told(&api, "", &["user_name", "description", "reason"]).await, expected);
    let list = api.admin().get(&format!("{LOG}?include=total")).await;
    assert_eq!((list.body["page"]["total"].clone(), list.data().len()), (json!(3), 3));
    let log = api.audit_log().await;
    assert_eq!(log[0], ("access_log_read".into(), "Looked up who opened the clinical record of Client C1".into()));
    // Every read counts, even where the client repeats a request id.
    let same = api.admin().with("x-request-id", "the-same");
    for looks in 4..7 {
        assert_eq!(same.get(LOG).await.data().len(), looks);
    }
    // A read that cannot be logged is refused, in both formats.
    sqlx::query("revoke insert on internal.audit_entries from current_user")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    for accept in ["application/json", "text/csv"] {
        let refused = api.admin().with("accept", accept).get(LOG).await;
        refused.is_problem(503, "unavailable");
        assert!(!refused.text.contains("Looked"));
    }
}

#[tokio::test]
async fn it_is_read_page_by_page_and_filtered() {
    let api = practice().await;
    open(&api, "admin", "C1").await.created();
    api.pass(24 * 60);
    open(&api, "second", "C1").await.created();
    api.admin_named("second").get(&notes_of("C1")).await.ok();
    api.admin().get(&notes_of("C1")).await.is_problem(403, "break-glass-required");
    // Of another client: not here.
    open(&api, "second", "C2").await.created();
    let (admin, second) = (api.admin().user_id().await, api.admin_named("second").user_id().await);
    let looks = "access_log_read";
    for (query, expected) in [
        ("kind=permission".to_owned(), vec!["break_glass", "break_glass"]),
        (format!("kind=read&user_id={second}"), vec!["break_glass_read"]),
        ("action=attempt".to_owned(), vec!["attempt"]),
        ("action=break_glass&kind=read".to_owned(), vec![]),
        ("kind=change".to_owned(), vec![]),
        (format!("user_id={admin}&to=2026-02-04"), vec!["break_glass"]),
        ("from=2026-02-05&sort=at&kind=permission".to_owned(), vec!["break_glass"]),
        ("from=2026-02-06".to_owned(), vec![]),
        (format!("user_id={second}"), vec!["break_glass_read", "break_glass"]),
        ("sort=at&action=access_log_read".to_owned(), vec![looks; 9]),
    ] {
        let list = api.admin().get(&format!("{LOG}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        let found: Vec<Value> = list.data().iter().map(|row| row["action"].clone()).collect();
        assert_eq!(found, expected, "{query}");
    }
    for sort in ["-at", "at"] {
        let whole = told(&api, &format!("sort={sort}&user_id={second}"), &["entry_id"]).await;
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = api.admin().get(&format!("{LOG}?sort={sort}&user_id={second}&limit=1{next}")).await.ok();
            seen.extend(page["data"].as_array().unwrap().iter().map(|row| json!([row["entry_id"]])));
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen, whole);
    }
    for (query, place) in
        [("kind=x", "kind"), ("action=login", "action"), ("q=x", "q"), ("from=2026-02-02&to=2026-02-01", "to")]
    {
        api.admin().get(&format!("{LOG}?{query}")).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn a_merged_records_entries_count_and_so_do_those_from_before_its_client_was_known() {
    let api = practice().await;
    open(&api, "admin", "C2").await.created();
    // A note of another program, read before anybody knew whose booking it is of.
    api.given(booking("T1", "2026-01-14T10:30:00Z").with("booking_id", "B9")).await;
    let id = api.given(session_note("B9").with("note_id", 901)).await;
    api.therapist("T1").get(&format!("/api/v1/therapist/session-notes/{id}")).await.ok();
    assert_eq!(told(&api, "", &["action"]).await, [] as [Value; 0]);
    api.admin().post("/api/v1/admin/clients/C1/merge", json!({ "merge_client_id": "C2" })).await.ok();
    sqlx::query("insert into appointment_table (session_id, client_id) values ('B9', 'C1')")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    assert_eq!(
        told(&api, "sort=at&kind=permission", &["action", "client_id"]).await,
        [json!(["break_glass", "C2"]), json!(["client_merge", "C1"]), json!(["client_merge", "C2"])]
    );
    assert_eq!(
        told(&api, "action=session_notes_read", &["client_id", "note_id", "booking_id"]).await,
        [json!([null, 901, "B9"])]
    );
    let gone = api.admin().get("/api/v1/admin/clients/C2/access-log").await;
    gone.is_problem(404, "not-found");
    assert_eq!(gone.body["merged_into"], "C1");
    api.admin().get("/api/v1/admin/clients/made-up/access-log").await.is_problem(404, "not-found");
    api.therapist("T1").get(LOG).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn what_is_hidden_in_the_practices_log_is_told_here() {
    let api = practice().await;
    open(&api, "admin", "C1").await.created();
    sqlx::query("update audit_logs set is_visible = false").execute(&mut *api.sql().await).await.unwrap();
    assert_eq!(told(&api, "", &["action"]).await, [json!(["break_glass"])]);
}
