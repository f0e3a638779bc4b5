//! Signed notes cannot be changed, not even by SQL in the server's own role.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{draft, path_of, practice, sign};
use crate::{
    fixtures::session_note,
    harness::{Answer, TestApi},
};

async fn signed() -> (TestApi, Answer) {
    let api = practice().await;
    let note = draft(&api).await;
    let signed = sign(&api, &note).await;
    signed.is(200);
    let path = format!("{}/addenda", path_of(&note));
    api.therapist("T1").post(&path, serde_json::json!({ "text": "more" })).await.created();
    (api, signed)
}

async fn run(api: &TestApi, sql: &str) -> Result<u64, String> {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *api.sql().await).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_signed_note_its_signature_versions_and_addenda_do_not_change() {
    let (api, note) = signed().await;
    let before = api.therapist("T1").get(&path_of(&note)).await;
    for sql in [
        "update client_session_notes set concerns_discussed = 'something else'",
        "update client_session_notes set updated_at = updated_at, client_name = 'x'",
        "update client_session_notes set booking_id = 'B2'",
        "update client_session_notes set note_id = 4711",
        "delete from client_session_notes",
        "truncate client_session_notes",
        "update internal.session_notes set signed_at = null",
        "update internal.session_notes set author_id = 4711",
        "delete from internal.session_notes",
        "truncate internal.session_notes",
        "update internal.note_versions set changes = '{}'",
        "delete from internal.note_versions",
        "truncate internal.note_versions",
        "update internal.note_addenda set text = 'less'",
        "delete from internal.note_addenda",
        "truncate internal.note_addenda",
    ] {
        let refused = run(&api, sql).await.expect_err(sql);
        assert!(refused.contains("signed") || refused.contains("keeps"), "{sql}: {refused}");
    }
    let after = api.therapist("T1").get(&path_of(&note)).await;
    assert_eq!((&before.body, before.etag()), (&after.body, after.etag()));
}

#[tokio::test]
async fn drafts_and_notes_of_other_programs_are_not_disturbed() {
    let api = practice().await;
    let draft = draft(&api).await;
    let foreign = api.given(session_note("B2")).await;
    run(&api, "update client_session_notes set concerns_discussed = 'something else'").await.unwrap();
    run(&api, &format!("delete from client_session_notes where note_id = {foreign}")).await.unwrap();
    run(&api, &format!("delete from client_session_notes where note_id = {}", draft.body["note_id"])).await.unwrap();
    run(&api, "truncate client_session_notes").await.unwrap();
}

#[tokio::test]
async fn an_orphan_can_be_given_to_another_booking_and_is_not_rewritten() {
    let (api, note) = signed().await;
    run(&api, "update client_session_notes set booking_id = 'B2', gender = 'x'").await.unwrap_err();
    run(&api, "delete from notifications").await.unwrap();
    run(
        &api,
        "alter table refund_cancellation_table drop constraint refund_cancellation_table_session_id_booking_fkey",
    )
    .await
    .unwrap();
    run(&api, "delete from payments where booking_id = 'B1'").await.unwrap();
    run(&api, "delete from bookings where booking_id = 'B1'").await.unwrap();
    run(&api, "update client_session_notes set booking_id = 'B2', gender = 'x'").await.unwrap_err();
    assert_eq!(run(&api, "update client_session_notes set booking_id = 'B2'").await.unwrap(), 1);
    assert_eq!(run(&api, "update internal.session_notes set booking_id = 'B2'").await.unwrap(), 1);
    assert_eq!(api.therapist("T2").get(&path_of(&note)).await.ok()["is_own"], true);
}

#[tokio::test]
async fn an_orphan_can_be_given_to_a_booking_whose_draft_another_program_deleted() {
    let api = practice().await;
    let draft = draft(&api).await;
    let dead = format!("delete from client_session_notes where note_id = {}", draft.body["note_id"]);
    run(&api, &dead).await.unwrap();
    // Written here, of a booking that is gone.
    let orphan = api.given(session_note("56430")).await;
    let ours = "insert into internal.session_notes (note_id, booking_id, author_id, started_at, signed_at)
                values ({}, '56430', 7, now(), now())";
    run(&api, &ours.replace("{}", &orphan)).await.unwrap();
    let assign = serde_json::json!([{ "id": orphan.parse::<i32>().unwrap(), "to": "B1" }]);
    let relink = serde_json::json!({ "check": "note_without_booking", "assign": assign });
    api.admin().post("/api/v1/admin/integrity/repair", relink).await.ok();
    assert_eq!(api.therapist("T1").get("/api/v1/therapist/bookings/B1/session-note").await.ok()["is_signed"], true);
    let left = super::value(&api, "select jsonb_agg(note_id::text) from internal.session_notes").await;
    assert_eq!(left, serde_json::json!([orphan]));
}

#[tokio::test]
async fn an_erasure_of_the_same_transaction_that_names_the_note_yields() {
    let (api, note) = signed().await;
    let id = &note.body["note_id"];
    let mut sql = PgConnection::connect(api.database()).await.unwrap();
    let named =
        |ids: &str| format!("insert into internal.erasures (client_id, note_ids, txid) values ('C1', '{ids}', '1')");
    let destroy = [
        "update client_session_notes set concerns_discussed = null, client_name = '(erased)'".to_owned(),
        "delete from internal.note_versions".to_owned(),
        "delete from internal.note_addenda".to_owned(),
        "delete from client_session_notes".to_owned(),
        "delete from internal.session_notes".to_owned(),
    ];
    // Of another transaction, or of another note: no.
    sqlx::query(AssertSqlSafe(named(&format!("{{{id}}}")))).execute(&mut sql).await.unwrap();
    for first in [String::new(), named("{4711}")] {
        for statement in &destroy {
            let mut tx = sql.begin().await.unwrap();
            if !first.is_empty() {
                sqlx::query(AssertSqlSafe(first.clone())).execute(&mut *tx).await.unwrap();
            }
            sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut *tx).await.expect_err(statement);
        }
    }
    let mut tx = sql.begin().await.unwrap();
    sqlx::query(AssertSqlSafe(named(&format!("{{{id},4711}}")))).execute(&mut *tx).await.unwrap();
    for statement in &destroy {
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut *tx).await.expect(statement);
    }
    tx.commit().await.unwrap();
    api.therapist("T1").get(&path_of(&note)).await.is_problem(404, "not-found");
    for sql in
        ["update internal.erasures set client_id = 'C2'", "delete from internal.erasures", "truncate internal.erasures"]
    {
        run(&api, sql).await.expect_err(sql);
    }
}

#[tokio::test]
async fn a_program_that_may_not_read_internal_meets_the_same_rule() {
    let (api, note) = signed().await;
    let foreign = api.given(session_note("B2")).await;
    let mut tx = PgConnection::connect(api.database()).await.unwrap();
    let role = format!("other_program_{}", api.database().name());
    let created = sqlx::query(AssertSqlSafe(format!("create role {role}"))).execute(&mut tx).await;
    if created.is_err() {
        // The tests' role cannot create a role; then the test checks that the function runs as its owner.
        let definer: bool = sqlx::query_scalar("select prosecdef from pg_proc where proname = 'keep_signed_note'")
            .fetch_one(&mut tx)
            .await
            .unwrap();
        assert!(definer);
        return;
    }
    let update = |id: &str| format!("update client_session_notes set gender = 'x' where note_id = {id}");
    for statement in [
        format!("grant {role} to current_user"),
        format!("grant usage on schema public to {role}"),
        format!("grant all on client_session_notes to {role}"),
        format!("set role {role}"),
        update(&foreign),
    ] {
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut tx).await.expect(&statement);
    }
    let refused =
        sqlx::query(AssertSqlSafe(update(&note.body["note_id"].to_string()))).execute(&mut tx).await.unwrap_err();
    assert!(refused.to_string().contains("is signed"), "{refused}");
    for statement in ["reset role".to_owned(), format!("drop owned by {role}"), format!("drop role {role}")] {
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut tx).await.expect(&statement);
    }
}
