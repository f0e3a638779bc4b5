//! The export of all data about one client as one archive.

mod notifications;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::{Cursor, Read},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::transfers::{self, CLIENTS};
use crate::{
    auth::PASSWORD,
    bookings::calendar,
    fixtures::{
        additional_note, booking, booking_request, cancellation, client, document_form, notification, payment,
        session_note,
    },
    harness::{Person, TestApi, rows, run},
};

/// An archive, unpacked.
struct Archive {
    headers: HeaderMap,
    files: BTreeMap<String, String>,
}

impl Archive {
    async fn of(api: &TestApi, client: &str) -> Self {
        Self::sent(&api.admin(), client, &with_notes("A letter")).await
    }

    /// Exports a client with this body; checks the manifest against the archive's content.
    async fn sent(person: &Person<'_>, client: &str, body: &Value) -> Self {
        let person = person.clone().with("content-type", "application/json");
        let response = person.stream(Method::POST, &format!("{CLIENTS}/{client}/export"), body.to_string()).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole answer").to_bytes();
        assert_eq!(parts.status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        let mut files = BTreeMap::new();
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).expect("a file");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("text");
            files.insert(file.name().expect("a name").into_owned(), text);
        }
        let archive = Self { headers: parts.headers, files };
        archive.check_manifest();
        archive
    }

    #[track_caller]
    fn check_manifest(&self) {
        let manifest = self.json("manifest.json");
        let mut named = BTreeSet::from(["manifest.json"]);
        for file in manifest["files"].as_array().expect("files") {
            let name = file["name"].as_str().expect("a name");
            let text = &self.files[name];
            let hash = digest(&SHA256, text.as_bytes());
            let hash = hash.as_ref().iter().fold(String::new(), |mut hash, byte| {
                write!(hash, "{byte:02x}").expect("a string");
                hash
            });
            assert_eq!(file["sha256"], hash, "{name}");
            assert_eq!(file["bytes"], text.len(), "{name}");
            if let Some(table) = name.strip_suffix(".json") {
                assert_eq!(file["rows"], self.rows(table).len(), "{name}");
                self.check_csv(table);
            }
            named.insert(name);
        }
        assert_eq!(named, self.files.keys().map(String::as_str).collect());
    }

    /// The CSV has the same values as the JSON.
    #[track_caller]
    fn check_csv(&self, table: &str) {
        let mut reader = csv::Reader::from_reader(self.files[&format!("{table}.csv")].as_bytes());
        let titles: Vec<String> = reader.headers().expect("titles").iter().map(str::to_owned).collect();
        let lines: Vec<csv::StringRecord> = reader.records().map(|line| line.expect("a line")).collect();
        let rows = self.rows(table);
        assert_eq!(lines.len(), rows.len(), "{table}");
        for (line, row) in lines.iter().zip(&rows) {
            let row = row.as_object().expect("a row");
            assert_eq!(titles, row.keys().cloned().collect::<Vec<_>>(), "{table}");
            for (cell, value) in line.iter().zip(row.values()) {
                let expected = match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    Value::Array(words) if words.iter().all(Value::is_string) => {
                        words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
                    }
                    Value::Object(_) => {
                        assert_eq!(serde_json::from_str::<Value>(cell).expect("an object"), *value, "{table}");
                        continue;
                    }
                    other => other.to_string(),
                };
                assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), expected, "{table}");
            }
        }
    }

    #[track_caller]
    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.files[name]).expect("JSON")
    }

    /// The rows of a table; none if it is not there.
    fn rows(&self, table: &str) -> Vec<Value> {
        let Some(text) = self.files.get(&format!("{table}.json")) else { return Vec::new() };
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{table}: {error}"))
    }

    /// One column of the rows of a table.
    fn column(&self, table: &str, column: &str) -> Vec<String> {
        let text = |row: &Value| row[column].as_str().map_or_else(|| row[column].to_string(), ToOwned::to_owned);
        self.rows(table).iter().map(text).collect()
    }

    fn holds(&self, words: &str) -> bool {
        self.files.values().any(|text| text.contains(words))
    }
}

/// The body of an export with notes.
fn with_notes(reason: &str) -> Value {
    json!({ "confirmation": { "password": PASSWORD }, "reason": reason })
}

/// The practice of transfers, whose admin has a password.
async fn practice() -> TestApi {
    let api = transfers::practice().await;
    api.sign_up("admin", "admin", None).await;
    api
}

/// [`practice`] with one row of everything of C1; beside them C2, who shares the phone, with one of everything
/// too.
async fn full() -> TestApi {
    let api = practice().await;
    run(&api, "update all_clients_table set client_name = 'Meera Iyer', phone_number = '+91 98000 12345'").await;
    let other = client("C2").with("client_name", "Ananya Rao").with("phone_number", "+91 98000 12345");
    api.given(other.with("email_id", "ananya@example.org")).await;
    let theirs = booking("T1", "2026-01-21T10:00:00Z").with("booking_id", "foreign").with("invitee_name", "Ananya Rao");
    api.given(theirs.of_client("C2")).await;
    for booking in ["past", "foreign"] {
        api.given(session_note(booking).with("concerns_discussed", format!("said in {booking}"))).await;
        api.given(additional_note(booking, "T1").with("note_text", format!("noted in {booking}"))).await;
        api.given(payment(booking).with("payment_reference_id", format!("pay_{booking}"))).await;
        api.given(cancellation(booking).with("cancel_reason", format!("reason of {booking}"))).await;
        api.given(document_form(booking).with("paperform_link", format!("https://forms.example.org/{booking}"))).await;
        let user = api.admin().user_id().await;
        api.given(notification(user).with("related_id", booking).with("message", format!("told of {booking}"))).await;
    }
    for (name, link) in [("meera  iyer", "mine"), ("Ananya Rao", "foreign"), ("Meera", "nobodys")] {
        let request = booking_request("Therapist T1").with("client_name", name).with("client_whatsapp", "09800012345");
        api.given(request.with("booking_link", format!("https://book.example.org/{link}"))).await;
    }
    api
}

#[tokio::test]
async fn all_that_is_stored_about_a_client_and_nothing_about_another() {
    let api = full().await;
    api.admin_named("second").user_id().await;
    crate::transfers::transfer(&api, "C1", json!({ "to_therapist_id": "T2", "reason": "Evening sessions" }))
        .await
        .is(201);
    let archive = Archive::of(&api, "C1").await;
    assert_eq!(archive.column("all_clients_table", "client_id"), ["C1"]);
    for (table, column, values) in [
        ("bookings", "booking_id", &["later", "next", "noted", "other", "past"][..]),
        ("appointment_table", "session_id", &["later", "next", "noted", "other", "past"]),
        ("client_session_notes", "booking_id", &["noted", "past"]),
        ("client_additional_notes", "note_text", &["noted in past"]),
        ("payments", "payment_reference_id", &["pay_past"]),
        ("booking_cancelled", "cancel_reason", &["reason of past"]),
        ("client_doc_form", "paperform_link", &["https://forms.example.org/past"]),
        ("booking_requests", "booking_link", &["https://book.example.org/mine"]),
        ("client_transfer_history", "reason", &["Evening sessions"]),
        ("internal.transfer_clients", "client_id", &["C1"]),
        ("audit_logs", "action_type", &["client_transfer"]),
    ] {
        let mut found = archive.column(table, column);
        found.sort_unstable();
        assert_eq!(found, values, "{table}");
    }
    assert_eq!(archive.column("notifications", "message").iter().filter(|told| *told == "told of past").count(), 1);
    assert!(archive.rows("notifications").len() > 1, "of the transfer too");
    assert!(archive.rows("internal.audit_entries").iter().all(|entry| entry["client_id"] == "C1"));
    for foreign in ["C2", "Ananya", "ananya@example.org", "foreign", "nobodys"] {
        assert!(!archive.holds(foreign), "{foreign}");
    }
    assert!(archive.holds("said in past"));
    for (path, table) in [("C1/bookings", "bookings"), ("C1/transfers", "client_transfer_history")] {
        let listed = api.admin().get(&format!("{CLIENTS}/{path}")).await.data();
        assert_eq!(listed.len(), archive.rows(table).len(), "{path}");
    }
}

#[tokio::test]
async fn the_manifest_says_what_is_in_it_for_whom_by_whom_and_when() {
    let api = full().await;
    let person = api.admin().with("accept-encoding", "gzip");
    let archive = Archive::sent(&person, "C1", &with_notes("Letter of 2 February")).await;
    let name = "attachment; filename=\"client-export-20260204T043000Z.zip\"";
    assert_eq!(archive.headers["content-disposition"], name);
    assert_eq!(archive.headers["content-type"], "application/zip");
    assert_eq!(archive.headers["cache-control"], "no-store");
    assert!(!archive.headers.contains_key("content-encoding"));
    let manifest = archive.json("manifest.json");
    assert_eq!(manifest["client_id"], "C1");
    assert_eq!(manifest["merged_client_ids"], json!([]));
    assert_eq!(manifest["created_at"], "2026-02-04T04:30:00Z");
    assert_eq!(manifest["created_by"], json!({ "user_id": api.admin().user_id().await, "name": "Admin" }));
    assert_eq!((&manifest["reason"], &manifest["clinical"]), (&json!("Letter of 2 February"), &json!(true)));
    assert!(manifest["server"].as_str().expect("a server").starts_with("safestories 0."));
    assert!(manifest["without_rows"].as_array().expect("tables").contains(&json!("refund_cancellation_table")));
    assert!(!archive.files.contains_key("refund_cancellation_table.json"));
}

#[tokio::test]
async fn the_sessions_are_a_calendar_without_clinical_text() {
    let api = full().await;
    run(&api, "update bookings set booking_status = 'Cancelled' where booking_id = 'next'").await;
    run(&api, "update bookings set booking_start_at = 'infinity' where booking_id = 'later'").await;
    let archive = Archive::of(&api, "C1").await;
    let sessions = calendar::read(&archive.files["sessions.ics"]);
    let told: Vec<(&str, &str)> = sessions.iter().map(|(id, event)| (id.as_str(), event["STATUS"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("next@safestories", "CANCELLED"),
            ("noted@safestories", "CONFIRMED"),
            ("other@safestories", "CONFIRMED"),
            ("past@safestories", "CONFIRMED")
        ]
    );
    assert_eq!(sessions["past@safestories"]["SUMMARY"], "Individual Therapy Session with Therapist T1");
    assert_eq!(sessions["next@safestories"]["SEQUENCE"], "1");
    assert!(!archive.files["sessions.ics"].contains("said in"));
}

#[tokio::test]
async fn an_export_is_on_record_each_time() {
    let api = full().await;
    let person = api.admin().with("idempotency-key", "k1");
    Archive::sent(&person, "C1", &with_notes("A letter")).await;
    let archive = Archive::sent(&person, "C1", &with_notes("A letter")).await;
    assert_eq!(archive.column("audit_logs", "action_description"), ["Exported the data of Meera Iyer"]);
    let query =
        "select l.action_type, l.client_name, e.subject_id, e.client_id, e.detail -> 'rows' -> 'bookings' as bookings,
                        length(e.detail ->> 'sha256') as digits
                 from audit_logs l
                 join internal.audit_entries e using (log_id)
                 order by log_id";
    let entry = json!({
        "action_type": "client_export", "client_name": "Meera Iyer", "subject_id": "C1", "client_id": "C1", "bookings": 5,
        "digits": 64,
    });
    assert_eq!(rows(&api, query).await, [entry.clone(), entry]);
}

#[tokio::test]
async fn what_the_contact_data_was_before_is_in_it() {
    let api = full().await;
    let contact = json!({ "email_id": "meera.new@example.org" });
    api.admin().patch(&format!("{CLIENTS}/C1"), contact).await.is(200);
    Archive::of(&api, "C1").await;
    let archive = Archive::of(&api, "C1").await;
    let entries = archive.rows("internal.audit_entries");
    let actions = archive.column("internal.audit_entries", "action");
    assert_eq!(actions, ["client_contact_edit", "client_export"]);
    assert_eq!(entries[0]["detail"]["new"], json!({ "email_id": "meera.new@example.org" }));
    assert!(entries[0]["detail"]["old"]["email_id"].as_str().expect("an address").starts_with("client"));
    assert_eq!(entries[1]["detail"], Value::Null);
    assert!(entries.iter().all(|entry| entry.get("ip_address").is_none()));
}

#[tokio::test]
async fn what_cannot_be_audited_is_not_exported() {
    for table in ["audit_logs", "internal.audit_entries", "internal.audit_unsealed"] {
        let api = full().await;
        run(&api, &format!("revoke insert on {table} from current_user")).await;
        let answer = api.admin().post(&format!("{CLIENTS}/C1/export"), json!({ "clinical": false })).await;
        answer.is_problem(503, "unavailable");
        let answer = api.admin().post(&format!("{CLIENTS}/C1/export"), with_notes("A letter")).await;
        answer.is_problem(503, "unavailable");
        assert!(!answer.text.contains("said in past") && !answer.text.starts_with("PK"), "{table}");
    }
}

#[tokio::test]
async fn only_admins_export_and_only_clients_there_are() {
    let api = full().await;
    let path = format!("{CLIENTS}/C1/export");
    api.therapist("T1").post(&path, json!({})).await.is_problem(403, "forbidden");
    api.nobody().post(&path, json!({})).await.is_problem(401, "unauthenticated");
    for missing in ["C3", "%00", &"x".repeat(300)] {
        api.admin().post(&format!("{CLIENTS}/{missing}/export"), json!({})).await.is_problem(404, "not-found");
    }
    api.admin().post(&path, json!({ "reasons": "x" })).await.is_invalid(&["/reasons"]);
    api.admin().post(&path, json!({ "reason": " " })).await.is_invalid(&["/reason"]);
    api.admin().post(&format!("{path}?all=1"), json!({})).await.is_invalid(&["all"]);
    assert!(api.trail().await.iter().all(|(_, outcome)| outcome == "refused"));
}

#[tokio::test]
async fn a_merged_record_is_exported_with_the_one_that_stayed() {
    let api = full().await;
    let merged = api.admin().post(&format!("{CLIENTS}/C1/merge"), json!({ "merge_client_id": "C2" })).await;
    merged.is(200);
    let gone = api.admin().post(&format!("{CLIENTS}/C2/export"), with_notes("A letter")).await;
    gone.is_problem(404, "not-found");
    assert_eq!(gone.body["merged_into"], "C1");
    let archive = Archive::of(&api, "C1").await;
    assert_eq!(archive.json("manifest.json")["merged_client_ids"], json!(["C2"]));
    assert_eq!(archive.column("internal.clients", "client_id"), ["C2"]);
    assert!(archive.holds("said in foreign") && archive.holds("https://book.example.org/foreign"));
    assert!(archive.column("internal.audit_entries", "client_id").contains(&"C2".to_owned()));
}

#[tokio::test]
async fn rows_of_other_programs_are_kept_as_they_are() {
    let api = practice().await;
    run(&api, "update all_clients_table set client_name = 'Meera Iyer', phone_number = '9800012345'").await;
    for (id, name, phone) in [
        ("unlinked", "MEERA IYER", "+91 98000-12345"),
        ("namesake", "Meera Iyer", "+919800099999"),
        ("family", "Ananya Iyer", "+919800012345"),
    ] {
        let row = booking("T1", "2026-01-21T10:00:00Z").with("booking_id", id).with("invitee_name", name);
        api.given(row.with("invitee_phone", phone).with("invitee_token", "token-of-theirs")).await;
    }
    run(
        &api,
        "update bookings
         set booking_start_at = 'infinity', invitee_payment_amount = 'NaN', recheduled_from = '2026-01-01 10:00',
             invitee_question = '=cmd|x', booking_end_at = '0044-03-15 00:00 BC', refund_amount = -0.50
         where booking_id = 'unlinked'",
    )
    .await;
    run(&api, "insert into appointment_table (session_id, client_id) values ('orphan', 'C1')").await;
    api.given(session_note("orphan").with("somatic_cues", json!(["=a", "b"]))).await;
    let archive = Archive::of(&api, "C1").await;
    assert!(archive.column("bookings", "booking_id").contains(&"unlinked".to_owned()));
    assert!(!archive.holds("namesake") && !archive.holds("Ananya") && !archive.holds("token-of-theirs"));
    let rows = archive.rows("bookings");
    let row = rows.iter().find(|row| row["booking_id"] == "unlinked").expect("the booking");
    for (column, value) in [
        ("booking_start_at", "infinity"),
        ("invitee_payment_amount", "NaN"),
        ("rescheduled_from", "2026-01-01T10:00:00Z"),
        ("booking_end_at", "0044-03-15T00:00:00 BC"),
        ("refund_amount", "-0.50"),
        ("invitee_question", "=cmd|x"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    assert!(archive.files["bookings.csv"].contains(",'=cmd|x,"));
    assert!(archive.files["client_session_notes.csv"].contains("'=a; b"));
    assert!(archive.column("client_session_notes", "booking_id").contains(&"orphan".to_owned()));
}

#[tokio::test]
async fn an_export_waits_for_who_changes_the_client_and_then_has_the_whole_change() {
    let api = full().await;
    let mut other = api.sql().await;
    let mut change = other.begin().await.expect("a transaction");
    for statement in [
        "update all_clients_table set client_name = 'Meera Nair' where client_id = 'C1'",
        "update bookings set invitee_name = 'Meera Nair' where booking_id = 'past'",
    ] {
        sqlx::query(statement).execute(&mut *change).await.expect(statement);
    }
    let waiting =
        "exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    let release = async {
        api.until(waiting).await;
        change.commit().await.expect("a commit");
    };
    let (archive, ()) = tokio::join!(Archive::of(&api, "C1"), release);
    assert_eq!(archive.column("all_clients_table", "client_name"), ["Meera Nair"]);
    assert!(archive.column("bookings", "invitee_name").contains(&"Meera Nair".to_owned()));
}

#[tokio::test]
async fn an_export_with_notes_takes_the_password_and_a_reason_and_another_admin_reviews_it() {
    let api = full().await;
    api.sign_up("second", "admin", None).await;
    let path = format!("{CLIENTS}/C1/export");
    let admin = api.admin();
    for nothing in [json!({}), json!({ "clinical": true })] {
        admin.post(&path, nothing).await.is_invalid(&["/confirmation", "/reason"]);
    }
    admin.post(&path, json!({ "reason": "A letter" })).await.is_invalid(&["/confirmation"]);
    let wrong = json!({ "confirmation": { "password": "wrong" }, "reason": "A letter" });
    admin.post(&path, wrong).await.is_invalid(&["/confirmation/password"]);
    let grants = "/api/v1/admin/break-glass";
    assert_eq!(admin.get(grants).await.data(), [] as [Value; 0]);

    admin.post(&path, with_notes("A letter")).await.is(200);
    let listed = admin.get(&format!("{grants}?review=waiting&kind=export")).await.data();
    let [export] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(
        [&export["client_id"], &export["reason"], &export["is_open"], &export["reads"]],
        [&json!("C1"), &json!("A letter"), &json!(false), &json!(0)]
    );
    let told = "select user_id, related_id from notifications where notification_type = 'export_review' order by 1";
    let told = rows(&api, told).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["related_id"], export["grant_id"].to_string());
    // Nothing is read under it.
    admin.get(&format!("{CLIENTS}/C1/notes")).await.is_problem(403, "break-glass-required");
    let review = format!("{grants}/{}/review", export["grant_id"]);
    admin.post(&review, json!({})).await.is_problem(409, "own-grant");
    let reviewed = api.admin_named("second").post(&review, json!({ "note": "Seen the letter" })).await.ok();
    assert_eq!((&reviewed["review"], &reviewed["kind"]), (&json!("reviewed"), &json!("export")));
    let entry = "select count(*) as n from internal.audit_entries where action = 'client_export_review'";
    assert_eq!(rows(&api, entry).await, [json!({ "n": 1 })]);
}

#[tokio::test]
async fn an_export_without_notes_needs_neither_and_holds_none() {
    let api = full().await;
    let archive = Archive::sent(&api.admin(), "C1", &json!({ "clinical": false })).await;
    for table in ["client_session_notes", "client_additional_notes", "internal.note_versions", "internal.note_addenda"]
    {
        assert!(!archive.files.contains_key(&format!("{table}.json")), "{table}");
        let left_out = json!({ "table": table, "columns": ["*"], "why": "the export was made without notes" });
        assert!(archive.json("manifest.json")["left_out"].as_array().expect("tables").contains(&left_out), "{table}");
    }
    assert!(!archive.holds("said in past") && !archive.holds("noted in past"));
    assert!(archive.holds("told of past"));
    assert_eq!(archive.json("manifest.json")["clinical"], false);
    assert_eq!(api.admin().get("/api/v1/admin/break-glass").await.data(), [] as [Value; 0]);
    let said = api.audit_log().await;
    assert_eq!(said.last().expect("a row").1, "Exported the data of Meera Iyer without the notes");
    let wrong = json!({ "clinical": false, "confirmation": { "password": "wrong" } });
    api.admin().post(&format!("{CLIENTS}/C1/export"), wrong).await.is_invalid(&["/confirmation/password"]);
}
