//! Reading with a grant, and refusals without one.

use serde_json::{Value, json};

use super::{GRANTS, REASON, SECRET, entries, notes_of, open, practice, run, value};
use crate::fixtures::{additional_note, booking, client, session_note};
use crate::harness::tables_with;

const SESSION_NOTE: &str = "/api/v1/admin/clients/C1/notes/101";

#[tokio::test]
async fn without_a_grant_nothing_is_read_and_the_attempt_is_on_record() {
    let api = practice().await;
    for path in [notes_of("C1"), SESSION_NOTE.to_owned(), format!("{SESSION_NOTE}/versions"), notes_of("C1") + "/4711"]
    {
        let refused = api.admin().get(&path).await;
        refused.is_problem(403, "break-glass-required");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains("POST /api/v1/admin/clients/C1/break-glass"), "{detail}");
        assert_eq!(refused.body["expired_at"], Value::Null);
    }
    assert_eq!(entries(&api).await, json!(vec![json!(["attempt", "refused", "C1", null, {}]); 4]));
    // Neither is it by those who may not have one.
    for person in [api.therapist("T1"), api.nobody()] {
        let status = person.get(SESSION_NOTE).await.status;
        assert!(status == 401 || status == 403);
    }
    for path in [notes_of("made-up"), notes_of("made-up") + "/1"] {
        api.admin().get(&path).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_note_is_read_whole_and_the_read_is_on_record_with_its_reason() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created()["grant_id"].clone();
    let note = api.admin().get(SESSION_NOTE).await;
    let tag = note.etag().to_owned();
    let note = note.ok();
    assert_eq!(
        [&note["kind"], &note["note_id"], &note["concerns_discussed"], &note["is_signed"], &note["client_id"]],
        [&json!("session"), &json!(101), &json!(SECRET), &json!(true), &json!("C1")]
    );
    assert_eq!((&note["grant_id"], &note["addenda"]), (&grant, &json!([])));
    let additional = api.admin().get(&format!("{}/201?kind=additional", notes_of("C1"))).await.ok();
    assert_eq!((&additional["kind"], &additional["note_text"]), (&json!("additional"), &json!(SECRET)));
    // The same note once more is a read once more, also where nothing has changed.
    api.admin().with("if-none-match", &tag).get(SESSION_NOTE).await.is(304);
    api.admin().get(&format!("{SESSION_NOTE}/versions")).await.ok();
    api.admin().get(&notes_of("C1")).await.ok();

    let facts = |what: &str, kind: &str, note: i32| json!({ "what": what, "kind": kind, "note_id": note, "booking_id": "B1", "reason": REASON });
    let read = |facts: Value| json!(["break_glass_read", "done", "C1", grant.to_string(), facts]);
    assert_eq!(
        entries(&api).await.as_array().unwrap()[1..],
        [
            read(facts("note", "session", 101)),
            read(facts("note", "additional", 201)),
            read(facts("note", "session", 101)),
            read(facts("versions", "session", 101)),
            read(json!({ "what": "list", "reason": REASON })),
        ]
    );
    let log = api.audit_log().await;
    assert_eq!(log[1], ("break_glass_read".into(), "Read a session note of Client C1 by break-glass".into()));
    assert!(!format!("{log:?} {}", entries(&api).await).contains(SECRET));
    let detail = api.admin().get(&format!("{GRANTS}/{grant}")).await.ok();
    assert_eq!((&detail["reads"], &detail["last_read_at"]), (&json!(5), &json!("2026-02-04T04:30:00Z")));
    assert_eq!(detail["entries"].as_array().unwrap().len(), 5);
    assert_eq!(detail["entries"][1]["kind"], "additional");
}

#[tokio::test]
async fn a_grant_lasts_sixty_minutes_by_the_servers_clock() {
    let api = practice().await;
    open(&api, "admin", "C1").await.created();
    api.at("2026-02-04T05:29:59Z");
    api.admin().get(SESSION_NOTE).await.ok();
    for late in ["2026-02-04T05:30:00Z", "2026-02-04T05:30:01Z"] {
        api.at(late);
        let refused = api.admin().get(SESSION_NOTE).await;
        refused.is_problem(403, "break-glass-required");
        assert_eq!(refused.body["expired_at"], "2026-02-04T05:30:00Z");
    }
    api.admin().get(&notes_of("C1")).await.is_problem(403, "break-glass-required");
}

#[tokio::test]
async fn a_grant_is_one_admins_and_one_clients() {
    let api = practice().await;
    open(&api, "admin", "C1").await.created();
    api.admin_named("second").get(SESSION_NOTE).await.is_problem(403, "break-glass-required");
    api.admin().get(&notes_of("C2")).await.is_problem(403, "break-glass-required");
    api.admin().get(&format!("{}/102", notes_of("C2"))).await.is_problem(403, "break-glass-required");
    // Under this client's grant another's note is as good as none.
    let told = async |id: &str| {
        let mut body = api.admin().get(&format!("{}/{id}", notes_of("C1"))).await.body;
        for own in ["instance", "request_id"] {
            body.as_object_mut().unwrap().remove(own);
        }
        body
    };
    let nothing = told("4711").await;
    assert_eq!((&nothing["status"], &nothing["type"]), (&json!(404), &json!("/problems/not-found")));
    for id in ["102", "102?kind=session", "101?kind=additional", "201?kind=session", "99999999999", "x"] {
        assert_eq!(told(id).await["status"], 404, "{id}");
    }
    assert_eq!(told("102").await, nothing);
    api.admin().get(&format!("{}/102/versions", notes_of("C1"))).await.is_problem(404, "not-found");
    api.admin().get(&format!("{SESSION_NOTE}?kind=other")).await.is_invalid(&["kind"]);
    let reads = "select count(*) from internal.audit_entries where action = 'break_glass_read'";
    assert_eq!(value(&api, reads).await, json!(0));
}

#[tokio::test]
async fn the_notes_of_a_client_are_listed_without_their_text() {
    let api = practice().await;
    let draft = json!({ "booking_id": "B3", "concerns_discussed": SECRET });
    let draft = api.therapist("T1").post("/api/v1/therapist/session-notes", draft).await.created()["note_id"].clone();
    // A booking without a client, and a note without a booking.
    api.given(booking("T1", "2026-01-13T10:30:00Z").with("booking_id", "B4")).await;
    api.given_all([session_note("B4"), session_note("56430"), additional_note("B4", "T1")]).await;
    open(&api, "admin", "C1").await.created();
    let list = notes_of("C1");
    let ids = |rows: Vec<Value>| rows.iter().map(|row| json!([row["kind"], row["note_id"]])).collect::<Vec<_>>();
    let all = [json!(["session", draft]), json!(["session", 101]), json!(["additional", 201])];
    let answer = api.admin().get(&format!("{list}?include=total")).await;
    assert!(!answer.text.contains(SECRET) && !answer.text.contains("risk"));
    assert_eq!(answer.body["page"]["total"], 3);
    assert_eq!(ids(answer.data()), all);
    let mut backwards = all.to_vec();
    backwards.reverse();
    assert_eq!(ids(api.admin().get(&format!("{list}?sort=booking_start_at")).await.data()), backwards);
    for (kind, expected) in [("session", &all[..2]), ("additional", &all[2..])] {
        let answer = api.admin().get(&format!("{list}?kind={kind}&include=total")).await;
        assert_eq!(answer.body["page"]["total"], expected.len());
        assert_eq!(ids(answer.data()), expected);
    }
    for sort in ["-booking_start_at", "booking_start_at"] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = api.admin().get(&format!("{list}?limit=1&sort={sort}{next}")).await.ok();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(ids(seen), if sort.starts_with('-') { all.to_vec() } else { backwards.clone() });
    }
    api.admin().with("accept", "text/csv").get(&list).await.is_problem(406, "not-acceptable");
    let drafted = api.admin().get(&format!("{list}/{draft}")).await.ok();
    assert_eq!((&drafted["is_signed"], &drafted["concerns_discussed"]), (&json!(false), &json!(SECRET)));
    let versions = api.admin().get(&format!("{list}/{draft}/versions")).await.data();
    assert_eq!(versions[0]["changes"]["concerns_discussed"]["to"], SECRET);
}

#[tokio::test]
async fn of_two_notes_with_one_id_the_kind_tells_which() {
    let api = practice().await;
    api.given(additional_note("B1", "T1").with("note_id", 101)).await;
    open(&api, "admin", "C1").await.created();
    let kind = async |query: &str| api.admin().get(&format!("{SESSION_NOTE}{query}")).await.ok()["kind"].clone();
    assert_eq!(kind("").await, "session");
    assert_eq!(kind("?kind=session").await, "session");
    assert_eq!(kind("?kind=additional").await, "additional");
    // Where the client has one of them only, that is the one.
    assert_eq!(api.admin().get(&format!("{}/201", notes_of("C1"))).await.ok()["kind"], "additional");
}

#[tokio::test]
async fn a_merged_clients_notes_are_read_under_a_grant_for_the_one_that_stays() {
    let api = practice().await;
    open(&api, "admin", "C2").await.created();
    api.admin().post("/api/v1/admin/clients/C1/merge", json!({ "merge_client_id": "C2" })).await.ok();
    let gone = api.admin().get(&notes_of("C2")).await;
    gone.is_problem(404, "not-found");
    assert_eq!(gone.body["merged_into"], "C1");
    api.admin().get(&notes_of("C1")).await.is_problem(403, "break-glass-required");
    let grant = &api.admin().get(GRANTS).await.data()[0];
    assert_eq!((&grant["client_id"], &grant["merged_into"]), (&json!("C2"), &json!("C1")));
    assert_eq!(grant["client_name"], "Client C1");
    open(&api, "admin", "C1").await.created();
    assert_eq!(api.admin().get(&notes_of("C1")).await.data().len(), 3);
    assert_eq!(api.admin().get(&format!("{}/102", notes_of("C1"))).await.ok()["concerns_discussed"], SECRET);
}

#[tokio::test]
async fn a_booking_noted_for_two_clients_is_read_for_both_and_rows_of_nulls_do_no_harm() {
    let api = practice().await;
    api.given(client("C3").with("client_name", Value::Null)).await;
    run(&api, "alter table appointment_table drop constraint appointment_table_pkey cascade").await;
    run(&api, "insert into appointment_table (session_id, client_id) values ('B1', 'C3'), ('56430', 'C3')").await;
    api.given(session_note("56430").with("note_id", 301).with("created_at", Value::Null)).await;
    for client in ["C1", "C3"] {
        open(&api, "admin", client).await.created();
        assert_eq!(api.admin().get(&format!("{}/101", notes_of(client))).await.ok()["concerns_discussed"], SECRET);
    }
    assert_eq!(api.admin().get(&notes_of("C3")).await.data().len(), 3);
    api.admin().get(&format!("{}/301", notes_of("C3"))).await.ok();
}

#[tokio::test]
async fn where_no_entry_can_be_written_no_text_is_read() {
    for table in ["audit_logs", "internal.audit_entries", "internal.audit_unsealed"] {
        let api = practice().await;
        open(&api, "admin", "C1").await.created();
        run(&api, &format!("revoke insert on {table} from current_user")).await;
        for path in [
            notes_of("C1"),
            SESSION_NOTE.to_owned(),
            format!("{SESSION_NOTE}/versions"),
            format!("{}/201", notes_of("C1")),
        ] {
            let answer = api.admin().get(&path).await;
            answer.is_problem(503, "unavailable");
            assert!(!answer.text.contains(SECRET) && !answer.text.contains("booking"), "{table} {path}");
        }
        open(&api, "second", "C1").await.is_problem(503, "unavailable");
        run(&api, &format!("grant insert on {table} to current_user")).await;
        api.admin_named("second").get(SESSION_NOTE).await.is_problem(403, "break-glass-required");
        api.admin().get(SESSION_NOTE).await.ok();
    }
}

#[tokio::test]
async fn text_read_under_a_grant_stands_nowhere_else() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created()["grant_id"].clone();
    api.admin().get(SESSION_NOTE).await.ok();
    api.admin().get(&format!("{}/201", notes_of("C1"))).await.ok();
    let found = tables_with(&api, SECRET).await;
    assert_eq!(found, ["public.client_additional_notes", "public.client_session_notes"]);
    for list in [GRANTS.to_owned(), format!("{GRANTS}/{grant}"), "/api/v1/admin/audit-logs".to_owned()] {
        assert!(!api.admin().get(&list).await.text.contains(SECRET), "{list}");
    }
}

#[tokio::test]
async fn what_is_not_answered_was_not_read() {
    let api = practice().await;
    open(&api, "admin", "C1").await.created();
    let before = entries(&api).await;
    for list in [notes_of("C1"), format!("{SESSION_NOTE}/versions")] {
        api.admin().with("accept", "text/csv").get(&list).await.is_problem(406, "not-acceptable");
    }
    assert_eq!(entries(&api).await, before);
}
