//! A client ends messages by a link, without a login.

use axum::http::Method;
use serde_json::{Value, json};

use safestories::app::messaging::Messaging;

use super::{
    ALL, act, all, book, consent, practice, practice_over, send,
    stand_ins::{Campaigns, Mail},
    standing, stands,
};
use crate::{
    fixtures::client,
    harness::{Answer, TestApi, value},
    privacy::erase::{erase, with_passwords},
};

/// A practice that sends mail, and the path of the link in a mail to C1.
async fn mailed() -> (TestApi, Mail, String) {
    mailed_over(TestApi::new().await).await
}

async fn mailed_over(plain: TestApi) -> (TestApi, Mail, String) {
    let mail = Mail::start().await;
    let messaging = Messaging { kinds: ALL.to_vec(), mail: Some(mail.server()), ..Messaging::default() };
    let api = practice_over(plain, messaging).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let link = link(&mail.taken()[0]);
    (api, mail, link)
}

/// The path of the link in the headers of a mail.
fn link(mail: &str) -> String {
    let unfolded = mail.replace("\n ", " ");
    let header = unfolded.lines().find_map(|line| line.strip_prefix("List-Unsubscribe: ")).expect("the header");
    let link = header.trim().trim_start_matches('<').trim_end_matches('>');
    link.strip_prefix("https://book.example.org").expect("the server's own address").to_owned()
}

async fn click(api: &TestApi, path: &str) -> Answer {
    let form = api.nobody().with("content-type", "application/x-www-form-urlencoded");
    form.send_raw(Method::POST, path, "List-Unsubscribe=One-Click").await
}

/// What C1 last said of mail.
async fn said(api: &TestApi) -> Value {
    let client = api.admin().get("/api/v1/admin/clients/C1").await.ok();
    let all = client["message_consents"].as_array().expect("consents").clone();
    all.into_iter().find(|one| one["channel"] == "email").expect("one of mail")
}

#[tokio::test]
async fn a_mail_has_the_link_in_its_headers_and_its_text() {
    let (_, mail, path) = mailed().await;
    let text = mail.taken()[0].replace("=\n", "").replace("\n ", " ");
    assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{text}");
    assert!(text.contains(&format!("To get no more mail from us: https://book.example.org{path}")), "{text}");
    assert!(path.starts_with("/unsubscribe/") && !path.contains("C1"), "{path}");
}

#[tokio::test]
async fn one_click_withdraws_the_consent_and_what_waits_is_not_sent() {
    let (api, mail, path) = mailed().await;
    book(&api, "2026-02-11T10:30:00Z").await;
    api.pass(10);
    let done = click(&api, &path).await;
    done.is(200);
    assert!(done.text.contains("You get no more e-mail"), "{}", done.text);
    assert_eq!(
        said(&api).await,
        json!({ "channel": "email", "given": false, "source": "unsubscribe link", "said_at": "2026-02-04T04:40:00Z" })
    );
    send(&api).await;
    assert_eq!(
        standing(&api).await,
        [stands("confirmation", "sent", ""), stands("confirmation", "not_sent", "no_consent")]
    );
    assert_eq!(mail.taken().len(), 1);
    let entry = "select jsonb_build_object('action', action, 'client', client_id, 'said', detail, 'by', actor_id)
                 from internal.audit_entries order by entry_id desc limit 1";
    assert_eq!(
        value(&api, entry).await,
        json!({ "action": "client_consent", "client": "C1", "said": { "email": "withdrawn" }, "by": null })
    );
    // A repeat changes nothing; to agree again is the client's.
    click(&api, &path).await.is(200);
    assert_eq!(value(&api, "select count(*) from internal.consents where channel = 'email'").await, json!(2));
    consent(&api, "C1", true).await;
    assert_eq!(said(&api).await["given"], true);
}

#[tokio::test]
async fn opening_the_page_changes_nothing_and_its_button_does() {
    let (api, _, path) = mailed().await;
    let rows = "select (select count(*) from internal.audit_entries) + (select count(*) from internal.consents)";
    let before = value(&api, rows).await;
    for method in [Method::GET, Method::HEAD] {
        api.nobody().send(method, &path, None).await.is(200);
    }
    let page = api.nobody().get(&path).await;
    assert_eq!(value(&api, rows).await, before);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-robots-tag"), "noindex");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for word in ["<script", "http://", "https://", "Meera", "example.org", "C1"] {
        assert!(!page.text.contains(word), "{word} stands in the page: {}", page.text);
    }
    assert!(page.text.contains("<form method=\"post\">"), "{}", page.text);
    click(&api, &path).await.is(200);
    assert_eq!(said(&api).await["given"], false);
}

#[tokio::test]
async fn a_link_is_nobody_elses() {
    let (api, _, path) = mailed().await;
    let mut letters: Vec<char> = path.chars().collect();
    let last = letters.len() - 3;
    letters[last] = if letters[last] == 'A' { 'B' } else { 'A' };
    let forged: String = letters.into_iter().collect();
    for path in [forged.as_str(), "/unsubscribe/x", "/unsubscribe/%00", &path[..path.len() - 4]] {
        for answer in [api.nobody().get(path).await, click(&api, path).await] {
            answer.is(404);
            assert!(!answer.text.contains(path), "{}", answer.text);
        }
    }
    assert_eq!(said(&api).await["given"], true);
}

#[tokio::test]
async fn the_link_follows_a_client_whose_record_was_merged() {
    let (api, _, path) = mailed().await;
    api.given(client("C2").with("client_name", "Meera I.").with("phone_number", "+919800012345")).await;
    api.admin().post("/api/v1/admin/clients/C2/merge", json!({ "merge_client_id": "C1" })).await.ok();
    click(&api, &path).await.is(200);
    let given = "select to_jsonb(given) from internal.consents where client_id = 'C2' and channel = 'email'
                 order by consent_id desc limit 1";
    assert_eq!(value(&api, given).await, json!(false));
}

#[tokio::test]
async fn of_an_erased_client_the_link_is_not_valid() {
    let plain = TestApi::new().await;
    with_passwords(&plain).await;
    let (api, _, path) = mailed_over(plain).await;
    let booking = all(&api).await[0]["booking_id"].as_str().expect("an id").to_owned();
    act(&api, &booking, "cancel", json!({ "reason": "x" })).await.ok();
    erase(&api, "C1").await.created();
    let answer = click(&api, &path).await;
    answer.is(404);
    assert_eq!(value(&api, "select count(*) from internal.consents").await, json!(0));
}

#[tokio::test]
async fn a_client_without_mail_may_still_get_whatsapp() {
    let (service, mail) = (Campaigns::start().await, Mail::start().await);
    let api = practice(Some(service.account()), Some(mail.server())).await;
    let only = json!({ "message_consents": [{ "channel": "whatsapp", "given": false }] });
    api.admin().patch("/api/v1/admin/clients/C1", only).await.ok();
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let path = link(&mail.taken()[0]);
    let again = json!({ "message_consents": [{ "channel": "whatsapp", "given": true }] });
    api.admin().patch("/api/v1/admin/clients/C1", again).await.ok();
    click(&api, &path).await.is(200);
    book(&api, "2026-02-11T10:30:00Z").await;
    send(&api).await;
    assert_eq!((mail.taken().len(), service.calls()), (1, 1));
    assert_eq!(all(&api).await[1]["channel"], "whatsapp");
}
