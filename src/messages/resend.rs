//! What a person does with a message of which nobody knows whether it arrived: sends it again, or says how it is.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    list::{Message, MessageState},
    refusal::MessageRefusal,
    subject::{Reason, Subject},
    tell,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::ids::{ClientId, MessageId},
    error::{Error, Result, problem::Problems},
    http::{
        etag::Versioned,
        extract::{Json, Path},
    },
};

/// What became of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "received": true }))]
pub(super) struct SettleMessage {
    /// True: the client got it, and it counts as `sent`. False: it is left as it was, and counts as `not_sent`.
    received: bool,
}

/// Send a message again
///
/// For one of which nobody knows whether it arrived, or that was not sent. Whether it still holds is asked when it is sent; it waits
/// for the morning of the client. Refused while it waits or is being sent.
#[utoipa::path(
    post,
    path = "/messages/{message_id}/resend",
    tag = "messages",
    params(("message_id" = MessageId, Path, description = "The message's id")),
    responses((status = 200, description = "The message, which waits to be sent", body = Message), Problems),
)]
pub(super) async fn resend_message(work: Work, Path(id): Path<MessageId>) -> Result<Versioned<Message>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| resend(uow, id).await).await?;
        Ok(Message::read(uow.db(), id).await?.versioned())
    })
    .await
}

async fn resend(uow: &mut UnitOfWork, id: MessageId) -> Result<()> {
    let message = lock(uow, id).await?;
    if matches!(message.state, MessageState::Waiting | MessageState::Sending) {
        return Err(MessageRefusal::UnderWay(message.state).into());
    }
    if !uow.app().messaging.sends(message.kind) {
        return Err(MessageRefusal::Off.into());
    }
    let subject = Subject::read(uow.db(), message.booking_id.as_ref(), message.request_id).await?;
    let now = uow.now();
    let due = tell::at_once(uow.app(), subject.time_zone.as_deref(), now, message.start_at.instant());
    sqlx::query!(
        "update internal.messages
         set state = 'waiting',
             reason = null,
             answer = null,
             tries = 0,
             due_at = $2,
             done_at = null
         where message_id = $1",
        id.0,
        due,
    )
    .execute(uow.db())
    .await?;
    tell::wake(uow.db()).await?;
    record(uow, &message, &subject, "message_resend", "Had a message sent again", MessageState::Waiting);
    Ok(())
}

/// Say what became of a message
///
/// For one that is `unclear`: the client got it, or it is to be left as it is. Nothing is sent.
#[utoipa::path(
    post,
    path = "/messages/{message_id}/settle",
    tag = "messages",
    params(("message_id" = MessageId, Path, description = "The message's id")),
    request_body = SettleMessage,
    responses((status = 200, description = "The message", body = Message), Problems),
)]
pub(super) async fn settle_message(
    work: Work,
    Path(id): Path<MessageId>,
    Json(request): Json<SettleMessage>,
) -> Result<Versioned<Message>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| settle(uow, id, request.received).await).await?;
        Ok(Message::read(uow.db(), id).await?.versioned())
    })
    .await
}

async fn settle(uow: &mut UnitOfWork, id: MessageId, received: bool) -> Result<()> {
    let message = lock(uow, id).await?;
    if message.state != MessageState::Unclear {
        return Err(MessageRefusal::Clear(message.state).into());
    }
    let (state, reason) =
        if received { (MessageState::Sent, Reason::Received) } else { (MessageState::NotSent, Reason::Left) };
    let now = uow.now();
    sqlx::query!(
        "update internal.messages set state = $2, reason = $3, done_at = $4 where message_id = $1",
        id.0,
        state.as_str(),
        reason.as_str(),
        now,
    )
    .execute(uow.db())
    .await?;
    let subject = Subject::read(uow.db(), message.booking_id.as_ref(), message.request_id).await?;
    record(uow, &message, &subject, "message_settle", "Said what became of a message", state);
    Ok(())
}

/// The message, locked until the transaction ends.
async fn lock(uow: &mut UnitOfWork, id: MessageId) -> Result<Message> {
    sqlx::query!("select from internal.messages where message_id = $1 for no key update", id.0)
        .fetch_optional(uow.db())
        .await?
        .ok_or(Error::NotFound("message"))?;
    Message::read(uow.db(), id).await
}

fn record(
    uow: &mut UnitOfWork,
    message: &Message,
    subject: &Subject,
    action: &'static str,
    sentence: &str,
    to: MessageState,
) {
    let entry = Entry::new(action, sentence).on("message", message.message_id).detail(json!({
        "kind": message.kind,
        "booking_id": message.booking_id,
        "from": { "state": message.state },
        "to": { "state": to },
    }));
    uow.record(match &subject.client_id {
        Some(client) => entry.client(&ClientId::from(client.as_str()), subject.name()),
        None => entry,
    });
}
