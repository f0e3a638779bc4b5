//! What admins see and do: the list, the preview, the test to oneself; erasure and export.

use serde_json::{Value, json};

use super::{
    MESSAGES, all, book, consent, practice, practice_with, send,
    stand_ins::{Campaigns, Mail},
};
use crate::harness::value;
use safestories::app::messaging::Messaging;

#[tokio::test]
async fn messages_are_listed_by_how_they_stand() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let id = book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    consent(&api, "C1", false).await;
    book(&api, "2026-02-11T10:30:00Z").await;
    send(&api).await;
    let count = async |query: &str| api.admin().get(&format!("{MESSAGES}?{query}")).await.data().len();
    for (query, rows) in [
        ("state=sent", 1),
        ("state=not_sent", 1),
        ("state=unclear", 0),
        ("kind=confirmation", 2),
        ("kind=reminder", 0),
        ("channel=whatsapp", 1),
        ("channel=email", 0),
        (&format!("booking_id={id}"), 1),
        ("request_id=1", 0),
    ] {
        assert_eq!(count(query).await, rows, "{query}");
    }
    let row = all(&api).await.remove(0);
    let one = api.admin().get(&format!("{MESSAGES}/{}", row["message_id"])).await.ok();
    assert_eq!(one, row);
    api.admin().get(&format!("{MESSAGES}/4711")).await.is(404);
}

#[tokio::test]
async fn a_preview_says_what_would_go_and_sends_nothing() {
    let (service, mail) = (Campaigns::start().await, Mail::start().await);
    let api = practice(Some(service.account()), Some(mail.server())).await;
    let id = book(&api, "2026-02-10T10:30:00Z").await;
    let preview = async |body: Value| api.admin().post(&format!("{MESSAGES}/preview"), body).await;
    let shown = preview(json!({ "kind": "reminder", "booking_id": id })).await.ok();
    assert_eq!(shown["template_params"][1], "Tuesday, Feb 10, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)");
    assert_eq!(
        (&shown["goes"], &shown["channel"], &shown["to"], &shown["campaign_name"]),
        (&json!(true), &json!("whatsapp"), &json!("+919800012345"), &json!("practice_messages"))
    );
    assert!(shown["mail_text"].as_str().unwrap().starts_with("Dear Meera Iyer,"));
    consent(&api, "C1", false).await;
    let shown = preview(json!({ "kind": "moved", "booking_id": id })).await.ok();
    assert_eq!((&shown["goes"], &shown["reason"]), (&json!(false), &json!("no_consent")));
    preview(json!({ "kind": "moved" })).await.is_invalid(&["/booking_id"]);
    preview(json!({ "kind": "booking_link", "booking_id": id })).await.is_invalid(&["/request_id"]);
    preview(json!({ "kind": "moved", "booking_id": "nothing" })).await.is(404);
    assert_eq!((service.calls(), mail.taken().len()), (0, 0));
}

#[tokio::test]
async fn a_test_goes_to_oneself_and_says_what_the_service_said() {
    let (service, mail) = (Campaigns::with(|_| None, [("two", 2)]).await, Mail::start().await);
    let api = practice(Some(service.account()), Some(mail.server())).await;
    let test = async |body: Value| api.admin().post(&format!("{MESSAGES}/test"), body).await;
    let sent = test(json!({ "channel": "email", "to": "admin@example.org" })).await.ok();
    assert_eq!(sent["outcome"], "sent");
    assert!(mail.taken()[0].contains("To: admin@example.org"));
    test(json!({ "channel": "whatsapp", "to": "9800054321" })).await.is_invalid(&["/campaign_name"]);
    let refused = test(json!({ "channel": "whatsapp", "to": "9800054321", "campaign_name": "two" })).await.ok();
    assert_eq!(refused, json!({ "outcome": "refused", "answer": "400: Template params does not match the campaign" }));
    let sent = test(json!({ "channel": "whatsapp", "to": "9800054321", "campaign_name": "other" })).await.ok();
    assert_eq!(sent["outcome"], "sent");
    assert_eq!(service.taken()[0]["destination"], "+919800054321");
    test(json!({ "channel": "email", "to": "nobody" })).await.is_invalid(&["/to"]);
    assert_eq!(value(&api, "select count(*) from internal.messages").await, json!(0));
    let off = practice_with(Messaging::default()).await;
    let body = json!({ "channel": "email", "to": "admin@example.org" });
    off.admin().post(&format!("{MESSAGES}/test"), body).await.is_problem(409, "messages-off");
}

#[tokio::test]
async fn what_the_configuration_does_not_send_any_more_is_not_sent_again() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let path = format!("{MESSAGES}/{}/resend", all(&api).await[0]["message_id"]);
    let off = api.second_instance();
    off.admin().post(&path, json!({})).await.is_problem(409, "messages-off");
    api.admin().post(&format!("{MESSAGES}/4711/resend"), json!({})).await.is(404);
}

#[tokio::test]
async fn an_old_message_is_forgotten_once_its_session_is_over() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    let purge = async || safestories::cli::serve::retention::purge(&api.app).await.unwrap();
    api.at("2026-05-05T10:30:00Z");
    purge().await;
    assert_eq!(value(&api, "select count(*) from internal.messages").await, json!(1));
    api.at("2026-05-12T10:30:00Z");
    purge().await;
    assert_eq!(value(&api, "select count(*) from internal.messages").await, json!(0));
}
