//! `WhatsApp` by `AiSensy`: one POST for a message. The service knows no key by which a repeat is recognised, so that an answer that
//! does not come leaves it open whether the message was taken.

use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{content::Content, service::Attempt};
use crate::{
    app::{messaging::Aisensy, state::App},
    domain::contact::Phone,
    outgoing::Failure,
};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(20);
/// How much of an answer is read.
const MOST: usize = 16 * 1024;
/// How much of the service's sentence is kept.
const SENTENCE: usize = 200;

/// Sends a message by a campaign.
pub(super) async fn send(app: &App, account: &Aisensy, campaign: &str, to: &Phone, content: &Content) -> Attempt {
    let body = json!({
        "apiKey": account.key,
        "campaignName": campaign,
        "destination": to.as_str(),
        "userName": content.name(),
        "source": "SafeStories",
        "templateParams": content.params(),
        "tags": [],
        "attributes": {},
    });
    let url = format!("{}/campaign/t1/api/v2", account.url.as_str().trim_end_matches('/'));
    let request =
        Request::post(url).header(header::CONTENT_TYPE, "application/json").body(body.to_string().into_bytes());
    let Ok(request) = request else { return Attempt::Refused("the address of the service is no URL".to_owned()) };
    let answer = match app.outgoing.services.send(request, WITHIN).await {
        Ok(answer) => answer,
        Err(Failure::NotSent(reason)) => return Attempt::Refused(reason.to_owned()),
        Err(Failure::Unclear(reason)) => return Attempt::Unclear(reason.to_owned()),
    };
    let status = answer.status;
    let body = answer.body(MOST).await.ok();
    read(status, body.as_deref())
}

/// What an answer says.
fn read(status: StatusCode, body: Option<&[u8]>) -> Attempt {
    let json = body.and_then(|body| serde_json::from_slice::<Value>(body).ok()).filter(Value::is_object);
    let said = json.as_ref().map(sentence).unwrap_or_default();
    let said = format!("{}{said}", status.as_u16());
    let says_no =
        json.as_ref().is_some_and(|json| matches!(&json["success"], Value::Bool(false)) || json["success"] == "false");
    if status.is_success() {
        return if says_no { Attempt::Refused(said) } else { Attempt::Taken(json.and_then(|json| id(&json))) };
    }
    let is_of_a_gateway =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    let is_the_services = !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE || json.is_some();
    if is_the_services && !is_of_a_gateway { Attempt::Refused(said) } else { Attempt::Unclear(said) }
}

/// The service's sentence, without long numbers, which may be a phone.
fn sentence(json: &Value) -> String {
    let found = ["errorMessage", "message", "error", "reason"].iter().find_map(|field| json[*field].as_str());
    let Some(found) = found else { return String::new() };
    format!(": {}", without_contacts(found))
}

/// A sentence of the service, as it is kept.
pub(super) fn without_contacts(sentence: &str) -> String {
    let text: String = sentence.chars().take(SENTENCE).collect();
    let words = text.split_whitespace().map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if digits > 6 || word.contains('@') { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn id(json: &Value) -> Option<String> {
    let id = json.get("submitted_message_id").or_else(|| json.get("messageId"))?;
    id.as_str().map(|id| id.chars().take(SENTENCE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_clear_or_it_is_not() {
        let read =
            |status: u16, body: &str| read(StatusCode::from_u16(status).expect("a status"), Some(body.as_bytes()));
        assert_eq!(
            read(200, r#"{"success":"true","submitted_message_id":"m1"}"#),
            Attempt::Taken(Some("m1".to_owned()))
        );
        assert_eq!(read(200, ""), Attempt::Taken(None));
        for (status, body) in [
            (200, r#"{"success":false,"message":"no"}"#),
            (400, ""),
            (401, "{}"),
            (429, ""),
            (500, r#"{"error":"broken"}"#),
            (503, ""),
        ] {
            assert!(matches!(read(status, body), Attempt::Refused(_)), "{status}");
        }
        for (status, body) in [(500, ""), (502, r#"{"error":"x"}"#), (504, ""), (408, ""), (500, "<html>")] {
            assert!(matches!(read(status, body), Attempt::Unclear(_)), "{status}");
        }
    }

    #[test]
    fn what_is_kept_of_an_answer_names_nobody() {
        let read =
            read(StatusCode::BAD_REQUEST, Some(br#"{"message":"Template params of +919800012345 do not match"}"#));
        assert_eq!(read, Attempt::Refused("400: Template params of … do not match".to_owned()));
    }
}
