//! The stream of notifications as server-sent events (SSE).
//!
//! - **Within a second, everywhere.** [`notify()`](super::notify()) wakes the [`mod@feed`] of every instance at the commit.
//!   Rows that other programs insert are found at its next look, at most a second later.
//! - **At least once, none lost.** The id of an event is the [`Position`] after it. A client that comes back with it
//!   (`Last-Event-ID`) is sent all rows committed since, and those that may have been lost: it drops repeats by
//!   `notification_id`. Heartbeats carry ids too, so little is sent twice.
//! - **From now on.** Without `Last-Event-ID` no old rows are sent: a page opens the stream first, then reads the list,
//!   so that it misses nothing.
//! - **Lists, too.** A stream that asks for [`changes`] also hears which rows of the lists were written.
//! - **Cheap.** An open stream holds no connection to the database, and 2,000 of them take about 30 MiB.
//! - **As long as the login.** The access token is checked once; the stream ends within a second of its session, and
//!   when the server stops.

mod changes;
mod feed;
mod open;
mod rows;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

pub use self::feed::feed;
use self::open::OpenStream;
use crate::{
    app::{
        state::App,
        streams::{NoPosition, Position},
    },
    db::scope::Scope,
    error::{Error, Result, problem::Problems},
    http::{caller::Caller, extract::Query},
};

/// The response headers; the second one keeps proxies from buffering.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// What a stream tells beside notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "StreamEvents")]
enum StreamEvents {
    /// Which rows of the lists were written.
    Changes,
}

/// The query parameters of a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParams {
    /// `changes`: also which rows of the lists were written.
    #[param(inline)]
    events: Option<StreamEvents>,
}

/// Forgets the changes that were told; returns how many rows, `limit` at most.
pub async fn purge(db: &mut PgConnection, limit: i64) -> Result<u64> {
    changes::purge(db, limit).await
}

/// Stream my notifications
///
/// Server-sent events, for clients that can send the bearer header (`fetch`): each `notification` event holds one
/// notification as JSON. Events come within a second of what they tell, at least once: after a break, send the last `id`
/// as `Last-Event-ID`, and drop repeats by `notification_id`. Without it, only what happens from now on is sent. A comment
/// with an `id` comes every 15 seconds. With `events=changes` other events tell which rows of the lists were written, by
/// anybody: `booking.changed`, `client.changed`, `payment.changed`, `refund.changed`, `booking_request.changed`,
/// `session_note.changed`, `additional_note.changed`, `document_form.changed`, `transfer.changed`, each with
/// `{"id": …, "version": …}`, of rows that the caller may see; the version is the first part of the row's `ETag`, null of a row
/// that is gone. An `id` of null stands for many rows, and the event `lists.changed` (`{}`) for more than can be told: after a
/// break, say. Then lists are to be read again.
/// The stream outlives its access token, but not its session. A user has at most eight
/// open at once.
#[utoipa::path(
    get,
    path = "/notifications/stream",
    tag = "notifications",
    params(StreamParams, (
        "Last-Event-ID" = Option<String>,
        Header,
        description = "The `id` last received: the stream goes on from there",
        pattern = "^[0-9]+-[0-9]+$",
        example = "7421-180",
    )),
    responses(
        (
            status = 200,
            description = "The events, until the session ends or the server stops",
            body = String,
            content_type = "text/event-stream",
            example = "id: 7421-180\nevent: notification\ndata: {\"notification_id\":17,\"user_id\":1,\
                       \"user_role\":\"admin\",\"notification_type\":\"new_booking\",\"title\":\"New booking\",\
                       \"message\":\"Meera Iyer is booked with Asha Rao\",\"related_id\":null,\"is_read\":false,\
                       \"created_at\":\"2026-02-04T10:30:00Z\"}\n\n",
        ),
        Problems,
    ),
)]
pub(super) async fn stream_notifications(
    scope: Scope,
    caller: Caller,
    State(app): State<App>,
    Query(params): Query<StreamParams>,
    headers: HeaderMap,
) -> Result<Response> {
    let wants_changes = params.events == Some(StreamEvents::Changes);
    let open = OpenStream::begin(app, scope, &caller, last_event(&headers)?, wants_changes).await?;
    let body = Body::from_stream(stream::unfold(open, async |open| {
        let (text, open) = open.next().await?;
        Some((Ok::<_, std::convert::Infallible>(text), open))
    }));
    Ok((HEADERS, body).into_response())
}

/// Where the client says it stands.
fn last_event(headers: &HeaderMap) -> Result<Option<Position>> {
    let Some(sent) = headers.get("last-event-id").filter(|sent| !sent.is_empty()) else { return Ok(None) };
    let position = sent.to_str().map_err(|_| NoPosition).and_then(str::parse);
    position.map(Some).map_err(|fault| Error::header("Last-Event-ID", fault.to_string()))
}
