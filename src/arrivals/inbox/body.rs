//! The text of a message, under a break-glass grant: forms are clinical.

use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::{message::Source, receive::context};
use crate::{
    app::unit_of_work::Work,
    break_glass::OpenGrant,
    db::scope::Scope,
    domain::ids::{ClientId, GrantId, InboundEndpointId, InboxMessageId},
    error::{Error, Result, problem::Problems},
    http::extract::{Json, Path},
};

/// The text of a message, and the grant it was read under.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "message_id": 17,
    "source": "paperform",
    "body": "{\"submission_id\": \"5f1e\"}",
    "grant_id": 17
}))]
pub(super) struct InboxMessageBody {
    /// The message's id.
    message_id: InboxMessageId,
    /// The service.
    source: Source,
    /// What it sent, as it came.
    body: String,
    /// The grant it was read under.
    grant_id: GrantId,
}

/// Read a service's message about a client under a grant
///
/// The whole text. Needs an open break-glass grant of the caller for the client whose booking it is about; each read is on record
/// under it, with its reason. A message that belongs to no client's booking is read by nobody.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/inbox/{message_id}",
    tag = "break-glass",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("message_id" = InboxMessageId, Path, description = "The message's id"),
    ),
    responses(
        (status = 200, description = "The message", body = InboxMessageBody),
        (status = 403, description = "No grant of yours is open for this client, or you are no admin"),
        Problems,
    ),
)]
pub(super) async fn get_client_inbox_message(
    _: Scope,
    work: Work,
    Path((client, id)): Path<(ClientId, InboxMessageId)>,
) -> Result<Json<InboxMessageBody>> {
    work.run(async |uow| {
        let grant = OpenGrant::lock(uow, &client).await?;
        let missing = || Error::NotFound("message about this client");
        let kept = sqlx::query!(
            r#"select i.endpoint_id as "endpoint_id: InboundEndpointId", i.key, i.body as "body!", i.booking_id,
                      e.source as "source: Source"
               from internal.inbox i
               join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
               where i.message_id = $1
                 and i.body is not null
                 and exists (
                     select from appointment_table a where a.session_id = i.booking_id and a.client_id = $2
                 )"#,
            id.0,
            client.as_str(),
        )
        .fetch_optional(uow.db())
        .await?
        .ok_or_else(missing)?;
        let body = uow.app().seals.inbox.open(&context(kept.endpoint_id, &kept.key), &kept.body).ok_or_else(missing)?;
        let facts =
            [("what", json!("inbox_message")), ("message_id", json!(id)), ("booking_id", json!(kept.booking_id))];
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
        uow.record(grant.seen("a message of a service", facts.collect::<Map<_, _>>()));
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Json(InboxMessageBody { message_id: id, source: kept.source, body, grant_id: grant.grant_id }))
    })
    .await
}
