//! Listing the messages, without their bodies; and working one again.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    message::{Mode, Source},
    receive::{Standing, context},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, repair::RepairedRows, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, InboundEndpointId, InboxMessageId},
        status::words,
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which messages can be listed.
    InboxOrder: NewestFirst = "-message_id", OldestFirst = "message_id"
}

words! {
    /// How a message stands.
    #[schema(as = InboxState)]
    pub(super) enum InboxState {
        /// It is to be worked.
        Waiting,
        /// It was carried out.
        Applied,
        /// The tables say the same.
        Same,
        /// The tables say something else.
        Different,
        /// It changes nothing.
        Ignored,
        /// It could not be read.
        NotUnderstood,
        /// It could not be carried out, and is not tried any more.
        GivenUp,
        /// Its body is gone, with the data of its client.
        Erased,
    }
}

/// Which messages are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InboxFilter {
    /// Only those that stand so.
    #[param(inline)]
    state: Option<InboxState>,
    /// Only those of this service.
    #[param(inline)]
    source: Option<Source>,
    /// Only those of this endpoint.
    #[param(example = 1)]
    endpoint_id: Option<InboundEndpointId>,
    /// Only those about this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
}

/// A message of a service, without its body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "message_id": 17,
    "endpoint_id": 1,
    "endpoint_name": "Payments",
    "source": "razorpay",
    "mode": "shadow",
    "event": "refund.processed",
    "subject": "order order_X",
    "booking_id": "100001",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "state": "different",
    "reason": null,
    "differences": [{ "table": "payments", "column": "refund_status", "received": "completed", "stored": "processing" }],
    "tries": 12,
    "said_at": "2026-02-04T04:30:00Z",
    "received_at": "2026-02-04T04:30:01Z",
    "next_try_at": null,
    "done_at": "2026-02-04T04:47:00Z",
    "has_body": true
}))]
pub(super) struct InboxMessage {
    /// Its id.
    message_id: InboxMessageId,
    /// The endpoint it came to.
    endpoint_id: InboundEndpointId,
    /// What that is called.
    endpoint_name: String,
    /// The service.
    source: Source,
    /// Whether it is carried out, or compared.
    mode: Mode,
    /// What happened, in the service's word.
    event: Option<String>,
    /// What it is worked in order with: a booking, or an order of the payment gateway.
    subject: Option<String>,
    /// The booking it is about, once it is known.
    booking_id: Option<BookingId>,
    /// Whose booking that is.
    client_id: Option<ClientId>,
    /// How it stands.
    state: InboxState,
    /// Why.
    reason: Option<String>,
    /// What it changed; of a `shadow` endpoint, what is different in the tables. Values that may be somebody's are null; a row that
    /// was not there has no column.
    #[schema(value_type = Option<Vec<Object>>)]
    differences: Option<Value>,
    /// How often it was tried in vain.
    tries: i32,
    /// Since when it is so, by the service's clock.
    said_at: Timestamp,
    /// When it came.
    #[schema(value_type = KnownTimestamp)]
    received_at: Timestamp,
    /// When it is tried next; null: no more.
    next_try_at: Timestamp,
    /// When it was done with.
    done_at: Timestamp,
    /// Whether its body is still there. It is read under a break-glass grant for the client.
    has_body: bool,
    #[serde(skip)]
    version: String,
}

/// List the messages of services
///
/// Newest first, for 30 days: what they are about and what became of them, never their text. `Accept: text/csv` streams the whole
/// list.
#[utoipa::path(
    get,
    path = "/inbox",
    tag = "webhooks",
    params(InboxFilter, ("sort" = inline(Option<InboxOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of messages", content(
            (Page<InboxMessage> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_inbox(
    _: Scope,
    Listing { filter, request }: Listing<InboxFilter, InboxOrder>,
) -> Result<Response> {
    request.answer(Inbox { message_id: None, filter }).await
}

struct Inbox {
    message_id: Option<InboxMessageId>,
    filter: InboxFilter,
}

impl List for Inbox {
    type Row = InboxMessage;
    type Order = InboxOrder;

    async fn rows(&self, db: &mut PgConnection, order: InboxOrder, position: &Position) -> Result<Vec<InboxMessage>> {
        let messages = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(InboxMessage),
            [r#"
                select i.message_id as "message_id: InboxMessageId",
                       i.endpoint_id as "endpoint_id: InboundEndpointId",
                       e.name as endpoint_name,
                       e.source as "source: Source",
                       e.mode as "mode: Mode",
                       i.event,
                       i.subject,
                       i.booking_id as "booking_id: BookingId",
                       a.client_id as "client_id?: ClientId",
                       i.state as "state: InboxState",
                       i.reason,
                       i.differences,
                       i.tries,
                       i.said_at as "said_at!: Timestamp",
                       i.received_at as "received_at!: Timestamp",
                       i.due_at as "next_try_at!: Timestamp",
                       i.done_at as "done_at!: Timestamp",
                       i.body is not null as "has_body!",
                       i.xmin::text as "version!"
                from ( -- counted
                    select i.message_id
                    from internal.inbox i
                    where true
                      and i.message_id = $1
                      and i.state = $2
                      and i.endpoint_id in (select e.endpoint_id from internal.inbound_endpoints e where e.source = $3)
                      and i.endpoint_id = $4
                      and i.booking_id = $5
                      and i.message_id < $6::text::integer -- by any
                    order by
                        i.message_id desc -- by any
                    limit $7
                ) u
                join internal.inbox i on i.message_id = u.message_id
                join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
                left join lateral internal.appointment_of(i.booking_id) a on true
                order by
                    i.message_id desc -- by any
            "#],
            self.message_id.map(|id| id.0),
            self.filter.state.map(InboxState::as_str),
            self.filter.source.map(Source::as_str),
            self.filter.endpoint_id.map(|id| id.0),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            position.sort(),
            position.limit,
        )?;
        Ok(messages)
    }

    fn key(message: &InboxMessage) -> Key {
        Key { sort: message.message_id.to_string(), id: String::new() }
    }
}

impl InboxMessage {
    async fn read(db: &mut PgConnection, id: InboxMessageId) -> Result<Self> {
        let one = Inbox { message_id: Some(id), filter: InboxFilter::default() };
        one.first(db).await?.ok_or(Error::NotFound("message"))
    }
}

/// Get a message of a service
///
/// Without its text.
#[utoipa::path(
    get,
    path = "/inbox/{message_id}",
    tag = "webhooks",
    params(("message_id" = InboxMessageId, Path, description = "The message's id")),
    responses(
        (status = 200, description = "The message", body = InboxMessage),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_inbox_message(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<InboxMessageId>,
    unless: Preconditions,
) -> Result<Versioned<InboxMessage>> {
    let mut db = app.db.read(&scope).await?;
    let message = InboxMessage::read(&mut db, id).await?;
    Ok(Versioned::new(message.version.clone(), message).unless(unless))
}

/// Work a message again
///
/// It is read anew and worked with all others about the same booking or order; what it has done already is not done twice. For
/// one that was given up, or was not understood by an earlier version.
#[utoipa::path(
    post,
    path = "/inbox/{message_id}/replay",
    tag = "webhooks",
    params(("message_id" = InboxMessageId, Path, description = "The message's id")),
    responses(
        (status = 200, description = "The message, which waits to be worked", body = InboxMessage),
        (status = 404, description = "There is no such message, or its body is gone"),
        Problems,
    ),
)]
pub(super) async fn replay_inbox_message(work: Work, Path(id): Path<InboxMessageId>) -> Result<Json<InboxMessage>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| replay(uow, id).await).await?;
        Ok(Json(InboxMessage::read(uow.db(), id).await?))
    })
    .await
}

async fn replay(uow: &mut UnitOfWork, id: InboxMessageId) -> Result<()> {
    let kept = sqlx::query!(
        r#"select i.endpoint_id as "endpoint_id: InboundEndpointId", i.key, i.body as "body!", i.state, e.source as "source: Source"
           from internal.inbox i
           join internal.inbound_endpoints e on e.endpoint_id = i.endpoint_id
           where i.message_id = $1
             and i.body is not null
           for no key update of i"#,
        id.0,
    )
    .fetch_optional(uow.db())
    .await?
    .ok_or(Error::NotFound("message with a body"))?;
    let body = uow.app().seals.inbox.open(&context(kept.endpoint_id, &kept.key), &kept.body);
    let standing = Standing::of(kept.source, &body.ok_or(Error::NotFound("message with a body"))?);
    let now = uow.now();
    sqlx::query!(
        "update internal.inbox
         set event = $2,
             subject = $3,
             booking_id = coalesce($4, booking_id),
             said_at = $5,
             state = $6,
             reason = $7,
             tries = 0,
             due_at = case when $6 = 'waiting' then now() end,
             done_at = case when $6 <> 'waiting' then $8::timestamptz end
         where message_id = $1",
        id.0,
        standing.event,
        standing.subject,
        standing.booking_id,
        standing.said_at,
        standing.state,
        standing.reason,
        now,
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("webhook_replay", "Had a message of a service worked again").on("inbox_message", id);
    uow.record(entry.detail(json!({ "from": { "state": kept.state }, "to": { "state": standing.state } })));
    Ok(())
}

/// Has messages that were given up worked again.
///
/// # Errors
///
/// If the database refuses.
pub async fn retry(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let retried = sqlx::query_as!(
        RepairedRows,
        r#"with retried as (
               update internal.inbox
               set state = 'waiting', reason = null, tries = 0, due_at = now(), done_at = null
               where state = 'given_up'
                 and subject is not null
                 and body is not null
               returning message_id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from retried"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(retried)
}
