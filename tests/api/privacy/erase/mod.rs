//! Erasing a client's data: nothing that names the client remains; counts, sums and proofs stay.

mod adopted;
mod afterwards;
mod refused;
mod requests;
mod trail;
mod under_way;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::transfers::{CLIENTS, assert_in_step, rebuild};
use crate::{
    auth::{PASSWORD, hash},
    fixtures::{additional_note, audit_log, booking, booking_request, client, notification, session_note, therapist},
    harness::{Answer, TestApi, drift, rows, run, value},
};

const BOOKINGS: &str = "/api/v1/admin/bookings";
const NAME: &str = "Zubin Qureshi";
const PHONE: &str = "+919812300077";
const EMAIL: &str = "zubin.q@example.org";
/// Texts that no table may contain afterwards, in lower case: the name and the former name, phone, address, emergency
/// contact, and texts about the client.
const TRACES: [&str; 8] =
    ["zubin", "qureshi", "9812300077", "98123 00077", "9812300078", "farah", "hearsay-0815", "tr4ce"];

/// Gives the admins their password, and two of them an account.
pub async fn with_passwords(api: &TestApi) {
    api.admin().user_id().await;
    api.admin_named("other").user_id().await;
    sqlx::query("update users set password = $1 where role = 'admin'")
        .bind(hash())
        .execute(&mut *api.sql().await)
        .await
        .expect("passwords");
}

/// Requests the erasure.
async fn request(api: &TestApi, client: &str) -> Answer {
    let body = json!({ "confirmation": { "password": PASSWORD }, "reason": "zubin  qureshi asked" });
    api.admin().post(&format!("{CLIENTS}/{client}/erase"), body).await
}

/// One admin requests the erasure, another accepts it; gives the first refusal.
pub async fn erase(api: &TestApi, client: &str) -> Answer {
    let requested = request(api, client).await;
    if requested.status != 201 {
        return requested;
    }
    accept(api, &requested).await
}

/// Accepts a request.
async fn accept(api: &TestApi, requested: &Answer) -> Answer {
    api.admin_named("other").post(&format!("{}/accept", requested.header("location")), json!({})).await
}

async fn plan(api: &TestApi, client: &str) -> Answer {
    api.admin().post(&format!("{CLIENTS}/{client}/erase?dry_run=true"), json!({})).await
}

/// Every row of every table in which one of the texts stands, as `table: text`.
async fn traces(api: &TestApi, texts: &[&str]) -> Vec<String> {
    let mut sql = api.sql().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename)
         from pg_tables
         where schemaname in ('public', 'internal')
         order by 1",
    )
    .fetch_all(&mut *sql)
    .await
    .expect("tables");
    assert!(tables.len() > 40, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        for text in texts {
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
                "select lower(to_jsonb(t)::text) from {table} t where lower(to_jsonb(t)::text) like '%' || $1 || '%'"
            )))
            .bind(text)
            .fetch_all(&mut *sql)
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
            found.extend(rows.iter().map(|row| format!("{table}: {text}: {row}")));
        }
    }
    found
}

/// A practice in which everything that can happen has happened to one client; gives the client's id. It is the evening of
/// 4 March 2026 then, and nothing is ahead.
async fn practice() -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    with_passwords(&api).await;
    // Of the time before this server.
    let logged = audit_log("add_note", "Tue, Jan 20, 2026, 11:05 AM IST").with("client_name", " zubin qureshi");
    api.given(logged.with("action_description", "Added a note about Zubin Qureshi")).await;
    // By this server.
    let request = json!({
        "client_name": "Zubin Q.", "client_whatsapp": PHONE, "client_email": EMAIL, "therapy_type": "Individual Therapy",
        "therapist_name": "Therapist T1", "booking_link": "https://book.example.org/zubin"
    });
    api.admin().post("/api/v1/admin/booking-requests", request).await.created();
    let id = value(&api, "select client_id from all_clients_table").await.as_str().expect("an id").to_owned();
    let path = format!("{CLIENTS}/{id}");
    api.admin().patch(&path, json!({ "client_name": NAME, "phone_number": "+91 98123 00078" })).await.ok();
    api.admin().patch(&path, json!({ "phone_number": PHONE, "email_id": "farah.q@example.org" })).await.ok();
    api.admin().patch(&path, json!({ "email_id": EMAIL })).await.ok();
    let consent = json!([{ "channel": "email", "given": true, "source": "Zubin said so" }]);
    api.admin().patch(&path, json!({ "message_consents": consent })).await.ok();
    let mut ids = Vec::new();
    for day in ["06", "09", "12", "16"] {
        let wanted = json!({
            "therapist_id": "T1", "client_id": id, "invitee_name": NAME, "invitee_phone": PHONE, "invitee_email": EMAIL,
            "booking_start_at": format!("2026-02-{day}T10:00:00Z"), "invitee_payment_amount": "1700.00",
            "invitee_payment_name": "Z QURESHI", "booking_subject": "Zubin and T1", "invitee_city": "Tr4ceabad",
            "booking_joining_link": "https://meet.example.org/zubin", "invitee_question": "I am Zubin",
            "emergency_contact_name": "Farah Qureshi", "emergency_contact_relation": "Sister",
            "emergency_contact_number": "+919812300078"
        });
        let made = api.admin().post(BOOKINGS, wanted).await.created();
        ids.push(made["booking_id"].as_str().expect("an id").to_owned());
    }
    let [signed, drafted, cancelled, transferred] = &ids[..] else { panic!("four sessions") };
    let cancel = json!({ "reason": "Zubin is travelling", "refund": true });
    let gone = api.admin().post(&format!("{BOOKINGS}/{cancelled}/cancel"), cancel).await;
    gone.is(200);
    let refund = value(&api, "select min(id) from refund_cancellation_table").await;
    for status in ["processing", "completed"] {
        let moved = json!({ "refund_status": status, "reason": "Zubin asked" });
        api.admin().post(&format!("/api/v1/admin/refunds/{refund}/status"), moved).await.ok();
    }
    let form = json!({ "booking_id": signed, "paperform_link": "https://forms.example.org/zubin" });
    api.admin().post("/api/v1/admin/document-forms", form).await.created();
    api.at("2026-02-06T11:00:00Z");
    for (booking, sign) in [(signed, true), (drafted, false)] {
        if !sign {
            api.at("2026-02-09T11:00:00Z");
        }
        let note = api.therapist("T1").post("/api/v1/therapist/session-notes", json!({ "booking_id": booking })).await;
        let path = format!("/api/v1/therapist/session-notes/{}", note.clone().created()["note_id"]);
        let text = json!({ "concerns_discussed": "hearsay-0815 of Zubin", "current_risk_level": "high" });
        let saved = api.therapist("T1").with("if-match", note.etag()).patch(&path, text).await;
        if sign {
            let path = format!("{path}/sign");
            api.therapist("T1").with("if-match", saved.etag()).post(&path, Value::Null).await.ok();
            api.therapist("T1").post(&path.replace("/sign", "/addenda"), json!({ "text": "hearsay-0815" })).await;
        }
        let beside = json!({ "booking_id": booking, "note_text": "hearsay-0815: Zubin called" });
        api.therapist("T1").post("/api/v1/therapist/additional-notes", beside).await.created();
        let sos = json!({ "message": "Call Farah" });
        api.therapist("T1").post(&format!("/api/v1/therapist/bookings/{booking}/sos"), sos).await.ok();
    }
    let transfer = json!({ "to_therapist_id": "T2", "reason": "Zubin wants evenings", "notes": "tr4ce" });
    api.admin().post(&format!("{path}/transfer"), transfer).await.created();
    api.at("2026-02-16T11:00:00Z");
    api.therapist("T2").post(&format!("/api/v1/therapist/bookings/{transferred}/complete"), json!({})).await.ok();
    api.at("2026-03-04T12:00:00Z");
    by_other_programs(&api).await;
    // Somebody looked into the file.
    let reason = json!({ "password": PASSWORD, "reason": "Zubin is missing, tr4ce" });
    let grant = api.admin().post(&format!("{path}/break-glass"), reason).await.created();
    api.admin().get(&format!("{path}/notes")).await.ok();
    let review = format!("/api/v1/admin/break-glass/{}/review", grant["grant_id"]);
    api.admin_named("other").post(&review, json!({ "note": "Zubin was found" })).await.is(200);
    let merged = api.admin().post(&format!("{path}/merge"), json!({ "merge_client_id": "C2" })).await;
    merged.ok();
    rebuild(&api).await;
    // And into the caches, which no rebuild has corrected yet.
    run(
        &api,
        "insert into therapist_clients_summary (therapist_id, client_name, client_phone, client_email)
         values ('T1', 'zubin  Qureshi', '098123 00077', null), ('T2', 'Zubin Qureshi', null, 'Zubin.Q@example.org');
         insert into therapist_appointments_cache (therapist_id, client_name, contact_info)
         values ('T1', 'Zubin Qureshi', '98123 00077'), ('T1', 'Zubin Qureshi', 'zubin.q@example.org'),
                ('T1', 'Zubin Qureshi', null)",
    )
    .await;
    (api, id)
}

/// Another record of the same person, still to be merged; and rows that no key links.
async fn by_other_programs(api: &TestApi) {
    api.given(client("C2").with("client_name", "zubin qureshi").with("phone_number", "098123 00077")).await;
    let past = |id: &str| booking("T2", "2026-01-20T10:00:00Z").with("booking_id", id).with("invitee_name", NAME);
    let second = past("90001").with("booking_start_at", "2026-01-21T10:00:00").with("invitee_phone", "98123 00077");
    api.given(second.with("booking_cancelled_by", "Zubin Qureshi").of_client("C2")).await;
    let unclaimed = past("90002").with("invitee_phone", "0091 98123 00077").with("invitee_email", "na");
    api.given(unclaimed.with("invitee_token", "tr4ce").with("emergency_contact_number", "9812300078")).await;
    let number = api.admin().user_id().await;
    let told = notification(number).with("related_id", "90001").with("title", "Zubin Qureshi cancelled");
    api.given_all([
        session_note("90001").with("client_name", NAME).with("concerns_discussed", "hearsay-0815"),
        session_note("90001").with("client_name", NAME).with("self_harm_details", "hearsay-0815"),
        additional_note("90002", "T2").with("note_text", "hearsay-0815"),
        booking_request("T1")
            .with("client_name", NAME)
            .with("client_whatsapp", "9812300077")
            .with("client_email", EMAIL),
        told.with("message", "ZUBIN  qureshi, 98123 00077, is ill"),
    ])
    .await;
    run(
        api,
        "insert into client_transfer_history
             (client_name, client_phone, client_email, to_therapist_id, to_therapist_name, reason)
         values ('Zubin  Qureshi', '98123-00077', 'zubin.q@example.org', 'T1', 'Therapist T1', 'tr4ce')",
    )
    .await;
}

#[tokio::test]
async fn what_other_programs_wrote_over_or_deleted_of_notes_goes_too() {
    let (api, id) = practice().await;
    let lost = api.given(session_note("90002").with("concerns_discussed", "hearsay-0815")).await;
    // Somebody else's, which once was of this client's session.
    api.given(client("C9")).await;
    api.given(booking("T2", "2026-01-22T10:00:00Z").with("booking_id", "90003").of_client("C9")).await;
    let moved = api.given(session_note("90002").with("concerns_discussed", "hearsay-0815")).await;
    run(
        &api,
        &format!(
            "update client_session_notes set self_harm_details = null, client_name = 'x' where booking_id = '90001';
             delete from client_session_notes
             where note_id = {lost}
                or note_id in (select note_id from internal.session_notes where signed_at is null);
             update client_session_notes
             set booking_id = '90003', concerns_discussed = 'of another', client_name = null
             where note_id = {moved}"
        ),
    )
    .await;
    let kept = "select count(*) from internal.note_versions where author_id is null";
    assert_eq!(value(&api, kept).await, json!(5));
    erase(&api, &id).await.is(201);
    assert_eq!(traces(&api, &TRACES).await, [] as [&str; 0]);
    assert_eq!(value(&api, "select jsonb_agg(note_id::text) from client_session_notes").await, json!([moved]));
}

#[tokio::test]
async fn nothing_names_the_client_any_more() {
    let (api, id) = practice().await;
    let before = traces(&api, &TRACES).await;
    let in_tables = |found: &[String]| {
        let mut tables: Vec<String> = found.iter().filter_map(|row| Some(row.split_once(':')?.0.to_owned())).collect();
        tables.dedup();
        tables
    };
    // The test is worth something: the client stands everywhere.
    assert!(in_tables(&before).len() >= 17, "{:?}", in_tables(&before));
    erase(&api, &id).await.is(201);
    assert_eq!(traces(&api, &TRACES).await, [] as [&str; 0]);
    for q in ["zubin", "9812300077", EMAIL] {
        for list in ["search", "clients", "bookings", "payments", "booking-requests", "transfers", "appointments"] {
            let found = api.admin().get(&format!("/api/v1/admin/{list}?q={q}")).await;
            assert!(!found.text.to_lowercase().contains("zubin"), "{list}: {}", found.text);
            assert!(found.clone().ok()["data"].as_array().is_none_or(Vec::is_empty), "{list}: {}", found.text);
        }
    }
}

#[tokio::test]
async fn figures_stay_and_caches_are_in_step() {
    let (api, id) = practice().await;
    let paths = [
        "/api/v1/admin/dashboard?from=2026-01-01&to=2026-03-31".to_owned(),
        "/api/v1/admin/dashboard/therapists?from=2026-01-01&to=2026-03-31".to_owned(),
        "/api/v1/admin/payments/summary?from=2026-01-01&to=2026-03-31".to_owned(),
        "/api/v1/admin/refunds/reconciliation?fresh=true".to_owned(),
    ];
    let mut before = Vec::new();
    for path in &paths {
        before.push(api.admin().get(path).await.ok());
    }
    let doctor = api.admin().get("/api/v1/admin/integrity?fresh=true").await.ok();
    let money =
        "select jsonb_agg(to_jsonb(p) - 'invitee_name' - 'invitee_email' order by p.payment_id) from payments p";
    let paid = value(&api, money).await;
    erase(&api, &id).await.is(201);
    assert_in_step(drift(&api).await);
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(api.admin().get(path).await.ok(), before, "{path}");
    }
    assert_eq!(value(&api, money).await, paid);
    let counts = |report: &Value| -> Vec<(String, i64)> {
        let checks = report["checks"].as_array().or(report["data"].as_array()).expect("checks").iter();
        checks
            .map(|check| {
                (check["check"].to_string() + &check["title"].to_string(), check["count"].as_i64().unwrap_or(0))
            })
            .collect()
    };
    let (before, after) = (counts(&doctor), counts(&api.admin().get("/api/v1/admin/integrity?fresh=true").await.ok()));
    assert!(!before.is_empty());
    for (check, count) in after {
        let known = before.iter().find(|(name, _)| *name == check).map_or(0, |(_, count)| *count);
        assert!(count <= known, "{check}: {count} after, {known} before");
    }
    // Work goes on, and a rebuild finds nothing to do.
    rebuild(&api).await;
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn the_plan_names_what_goes_and_what_stays_and_keeps_nothing() {
    let (api, id) = practice().await;
    let everything = "select jsonb_object_agg(relname, n) from (
        select 'notes' as relname, count(*) as n from client_session_notes
        union all select 'entries', count(*) from internal.audit_entries
        union all select 'erasures', count(*) from internal.erasures
        union all select 'named', count(*) from bookings where invitee_name = 'Zubin Qureshi') t";
    let before = value(&api, everything).await;
    let path = format!("{CLIENTS}/{id}/erase?dry_run=true");
    let planned = api.admin().send(axum::http::Method::POST, &path, None).await.ok();
    assert_eq!(value(&api, everything).await, before);
    assert_eq!((&planned["dry_run"], &planned["merged_client_ids"]), (&json!(true), &json!(["C2"])));
    let part = |fate: &str, table: &str| {
        let parts = planned[fate].as_array().expect("a list");
        parts.iter().find(|part| part["table"] == table).cloned().unwrap_or_else(|| panic!("no {table} {fate}"))
    };
    assert_eq!(part("destroyed", "client_session_notes")["rows"], 4);
    assert_eq!(part("destroyed", "client_additional_notes")["rows"], 3);
    assert_eq!(part("destroyed", "client_session_notes")["ground"], Value::Null);
    let bookings = part("anonymised", "bookings");
    assert_eq!(bookings["rows"], 6);
    assert!(bookings["ids"].as_array().expect("ids").contains(&json!("90002")));
    let payments = part("anonymised", "payments");
    assert!(payments["ground"].as_str().expect("a ground").contains("tax law"));
    assert_eq!(part("anonymised", "client_transfer_history")["rows"], 2);
    assert!(part("kept", "internal.audit_entries")["rows"].as_i64().expect("a count") > 0);
    let effects = planned["effects"].as_array().expect("effects");
    assert_eq!((&effects[0]["action"], &effects[0]["subject_id"]), (&json!("client_erase"), &json!(id)));
    assert!(effects.iter().any(|effect| effect["subject_type"] == "session_note"));
    // The erasure does what its dry run announced.
    let done = erase(&api, &id).await.created();
    for fate in ["destroyed", "anonymised", "kept"] {
        for part in planned[fate].as_array().expect("a list") {
            let table = part["table"].as_str().expect("a table");
            assert!(done["tables"][fate][table].as_u64() >= part["rows"].as_u64(), "{fate} {table}: {done}");
        }
    }
}

#[tokio::test]
async fn another_person_with_the_same_phone_is_not_touched() {
    let (api, id) = practice().await;
    let partner =
        client("C9").with("client_name", "Nadia Mistry").with("phone_number", PHONE).with("email_id", "n@example.org");
    api.given(partner.with("therapist_id", "T1")).await;
    let held = booking("T1", "2026-01-25T10:00:00Z").with("booking_id", "n1").with("invitee_name", "Nadia Mistry");
    let held = held.with("invitee_phone", PHONE).with("invitee_question", "Zubin is my husband");
    api.given(held.of_client("C9")).await;
    let lone = booking("T1", "2026-01-26T10:00:00Z").with("booking_id", "n2").with("invitee_name", "Nadia Mistry");
    api.given(lone.with("invitee_phone", PHONE)).await;
    api.given_all([
        session_note("n1").with("concerns_discussed", "About Zubin"),
        audit_log("x", "Tue, Jan 20, 2026, 11:05 AM IST").with("client_name", "Nadia Mistry"),
    ])
    .await;
    // Another person of the same name: log rows of other programs cannot be assigned to either.
    api.given(client("C8").with("client_name", NAME)).await;
    let theirs = "select jsonb_build_array(
        (select jsonb_agg(c order by client_id) from all_clients_table c where client_id in ('C8', 'C9')),
        (select jsonb_agg(b order by booking_id) from bookings b where booking_id in ('n1', 'n2')),
        (select jsonb_agg(n) from client_session_notes n where booking_id = 'n1'),
        (select jsonb_agg(l order by log_id) from audit_logs l where action_type in ('x', 'add_note')))";
    rebuild(&api).await;
    let before = value(&api, theirs).await;
    erase(&api, &id).await.is(201);
    assert_eq!(value(&api, theirs).await, before);
    assert_in_step(drift(&api).await);
}

#[tokio::test]
async fn a_client_with_nothing_can_be_erased_too() {
    let api = TestApi::new().await;
    with_passwords(&api).await;
    api.given(client("C1").with("client_name", Value::Null).with("phone_number", Value::Null).with("email_id", "na"))
        .await;
    plan(&api, "C1").await.is(200);
    let done = erase(&api, "C1").await.created();
    assert_eq!(done["tables"]["destroyed"], json!({}));
    assert_eq!(value(&api, "select client_name from all_clients_table").await, "(erased)");
}
