//! Listing the messages to clients, and reading one.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::subject::Reason;
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, BookingRequestId, ClientId, MessageId},
        status::{Channel, MessageKind, words},
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which messages can be listed.
    MessageOrder: NewestFirst = "-message_id", OldestFirst = "message_id"
}

words! {
    /// How a message stands.
    #[schema(as = MessageState)]
    pub(super) enum MessageState {
        /// It is to be sent.
        Waiting,
        /// It is being sent.
        Sending,
        /// The service took it.
        Sent,
        /// The service said that it reached the client.
        Delivered,
        /// The service said that the client has opened it.
        Read,
        /// It was not sent, since it does not hold any more: `reason` says why.
        NotSent,
        /// The service refused it too often, or took it and said later that it was not delivered.
        Failed,
        /// Nobody knows whether the service took it: it waits for a person.
        Unclear,
    }
}

/// Which messages are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MessageFilter {
    /// Only those that stand so.
    #[param(inline)]
    state: Option<MessageState>,
    /// Only those of this kind.
    #[param(inline)]
    kind: Option<MessageKind>,
    /// Only those that went on this channel.
    #[param(inline)]
    channel: Option<Channel>,
    /// Only those about this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those about this booking request.
    #[param(example = 17)]
    request_id: Option<BookingRequestId>,
}

/// A message to a client. What it says is worked out when it is sent: see the preview.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "an id is named by what it is the id of")]
#[schema(example = json!({
    "message_id": 17,
    "kind": "reminder",
    "hours_before": 24,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "request_id": null,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "start_at": "2026-02-04T10:30:00Z",
    "state": "unclear",
    "reason": "no_answer",
    "answer": "no answer came in time",
    "channel": "whatsapp",
    "service_id": null,
    "tries": 1,
    "created_at": "2026-02-03T04:30:00Z",
    "due_at": null,
    "done_at": "2026-02-03T10:30:20Z"
}))]
pub(super) struct Message {
    /// Its id.
    pub(super) message_id: MessageId,
    /// Its kind.
    pub(super) kind: MessageKind,
    /// Of a reminder: how many hours before the session it is for; else 0.
    hours_before: i32,
    /// The booking it is about.
    pub(super) booking_id: Option<BookingId>,
    /// The booking request it is about.
    pub(super) request_id: Option<BookingRequestId>,
    /// The client.
    pub(super) client_id: Option<ClientId>,
    /// The session's start that it names.
    pub(super) start_at: Timestamp,
    /// How it stands.
    pub(super) state: MessageState,
    /// Why.
    reason: Option<Reason>,
    /// The service's answer, where it did not take it.
    answer: Option<String>,
    /// The channel it went on, or was to go on when it was last tried.
    channel: Option<Channel>,
    /// The service's own id of it.
    service_id: Option<String>,
    /// How often it was handed to the service.
    tries: i32,
    /// When it was written.
    #[schema(value_type = KnownTimestamp)]
    created_at: Timestamp,
    /// When it is to be sent; null: no more.
    due_at: Timestamp,
    /// Since when it stands so, if nothing more is to be done.
    done_at: Timestamp,
    #[serde(skip)]
    version: String,
}

/// List the messages to clients
///
/// Newest first, for 90 days. `state=unclear` are those of which nobody knows whether the service took them: they wait for a
/// person. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/messages",
    tag = "messages",
    params(MessageFilter, ("sort" = inline(Option<MessageOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of messages", content(
            (Page<Message> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_messages(
    _: Scope,
    Listing { filter, request }: Listing<MessageFilter, MessageOrder>,
) -> Result<Response> {
    request.answer(Messages { message_id: None, filter }).await
}

struct Messages {
    message_id: Option<MessageId>,
    filter: MessageFilter,
}

impl List for Messages {
    type Row = Message;
    type Order = MessageOrder;

    async fn rows(&self, db: &mut PgConnection, order: MessageOrder, position: &Position) -> Result<Vec<Message>> {
        let messages = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Message),
            [r#"
                select m.message_id as "message_id: MessageId",
                       m.kind as "kind: MessageKind",
                       m.hours_before,
                       m.booking_id as "booking_id: BookingId",
                       m.request_id as "request_id: BookingRequestId",
                       coalesce(a.client_id, l.client_id) as "client_id?: ClientId",
                       m.start_at as "start_at!: Timestamp",
                       m.state as "state: MessageState",
                       m.reason as "reason: Reason",
                       m.answer,
                       m.channel as "channel: Channel",
                       m.service_id,
                       m.tries,
                       m.created_at as "created_at!: Timestamp",
                       m.due_at as "due_at!: Timestamp",
                       m.done_at as "done_at!: Timestamp",
                       m.xmin::text as "version!"
                from ( -- counted
                    select m.message_id
                    from internal.messages m
                    where true
                      and m.message_id = $1
                      and m.state = $2
                      and m.kind = $3
                      and m.channel = $4
                      and m.booking_id = $5
                      and m.request_id = $6
                      and m.message_id < $7::text::integer -- by any
                    order by
                        m.message_id desc -- by any
                    limit $8
                ) u
                join internal.messages m on m.message_id = u.message_id
                left join lateral internal.appointment_of(m.booking_id) a on true
                left join internal.request_clients l on l.request_id = m.request_id
                order by
                    m.message_id desc -- by any
            "#],
            self.message_id.map(|id| id.0),
            self.filter.state.map(MessageState::as_str),
            self.filter.kind.map(MessageKind::as_str),
            self.filter.channel.map(Channel::as_str),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            self.filter.request_id.map(|id| id.0),
            position.sort(),
            position.limit,
        )?;
        Ok(messages)
    }

    fn key(message: &Message) -> Key {
        Key { sort: message.message_id.to_string(), id: String::new() }
    }
}

impl Message {
    pub(super) async fn read(db: &mut PgConnection, id: MessageId) -> Result<Self> {
        let one = Messages { message_id: Some(id), filter: MessageFilter::default() };
        one.first(db).await?.ok_or(Error::NotFound("message"))
    }

    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}

/// Get a message to a client
#[utoipa::path(
    get,
    path = "/messages/{message_id}",
    tag = "messages",
    params(("message_id" = MessageId, Path, description = "The message's id")),
    responses(
        (status = 200, description = "The message", body = Message),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_message(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<MessageId>,
    unless: Preconditions,
) -> Result<Versioned<Message>> {
    let mut db = app.db.read(&scope).await?;
    Ok(Message::read(&mut db, id).await?.versioned().unless(unless))
}
