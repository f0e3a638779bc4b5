//! Trying a service: a made-up message to a phone or address that the admin names, their own.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{content::Content, refusal::MessageRefusal, service::Attempt, subject::Address, worker::attempt};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    domain::{
        contact::{Email, Phone},
        status::{Channel, MessageKind, words},
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::extract::Json,
};

/// A message to try a service with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "channel": "email", "to": "admin@example.org" }))]
pub(super) struct TestMessage {
    /// On which channel.
    channel: Channel,
    /// Your own phone or address: accounts have none.
    to: Text<255>,
    /// The kind whose text is sent; `confirmation` unless given.
    kind: Option<MessageKind>,
    /// The campaign it goes by; needed for `whatsapp`.
    campaign_name: Option<Text<255>>,
}

words! {
    /// What became of a message that was sent to try a service.
    #[schema(as = TestOutcome)]
    enum TestOutcome {
        /// The service took it.
        Sent,
        /// The service did not take it.
        Refused,
        /// No answer came: the service may have taken it.
        Unclear,
    }
}

/// The outcome of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "outcome": "refused", "answer": "401: invalid key" }))]
pub(super) struct TestedMessage {
    /// What became of it.
    outcome: TestOutcome,
    /// The service's answer, where it did not take it.
    answer: Option<String>,
}

/// Send a message to oneself
///
/// A made-up message, to see that a service is configured as it should be: no client's data is in it, and no client gets it. It goes
/// out at once, at any hour, and leaves no row in the list.
#[utoipa::path(
    post,
    path = "/messages/test",
    tag = "messages",
    request_body = TestMessage,
    responses((status = 200, description = "What became of it", body = TestedMessage), Problems),
)]
pub(super) async fn test_message(
    work: Work,
    State(app): State<App>,
    Json(request): Json<TestMessage>,
) -> Result<Json<TestedMessage>> {
    let TestMessage { channel, to, kind, campaign_name } = request;
    let address = match channel {
        Channel::Whatsapp => {
            if campaign_name.is_none() {
                return Err(Error::body("/campaign_name", "is needed: a campaign that is live"));
            }
            Phone::parse(&to).map(Address::Whatsapp).ok_or_else(|| Error::body("/to", "is no phone"))?
        }
        Channel::Email => Email::parse(&to).map(Address::Email).ok_or_else(|| Error::body("/to", "is no address"))?,
    };
    if !app.messaging.has(channel) {
        return Err(MessageRefusal::Off.into());
    }
    let now = app.clock.now();
    work.run(async |uow| {
        let entry = Entry::new("message_test", format!("Sent a message to oneself, by {channel}"));
        uow.record(entry.detail(json!({ "channel": channel })));
        Ok(())
    })
    .await?;
    let content = Content::sample(kind.unwrap_or(MessageKind::Confirmation));
    let id = format!("safestories.test.{}", now.timestamp_micros());
    let (outcome, answer) = match attempt(&app, &id, &address, campaign_name.as_deref().unwrap_or(""), &content).await {
        Attempt::Taken(_) => (TestOutcome::Sent, None),
        Attempt::Refused(answer) => (TestOutcome::Refused, Some(answer)),
        Attempt::Unclear(answer) => (TestOutcome::Unclear, Some(answer)),
    };
    Ok(Json(TestedMessage { outcome, answer }))
}
