//! A client's timeline, latest first: bookings, cancellations, payments, refunds, transfers, forms, and the existence
//! of notes (never their text, nor a risk level).
//!
//! Every event has its instant: a booking its session's start, so that upcoming sessions come first; a form the
//! creation of its booking, since its table has no time. Events without a row of their own are taken from the booking:
//! a payment without a row in `payments`, a cancellation without one in `booking_cancelled`, a transfer that nobody
//! linked to the client by its name and phone.
//!
//! A therapist reads their own bookings, cancellations, forms and notes, and transfers from or to them; never money.

mod read;

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::record::ensure;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        money::Amount,
        status::words,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders of a timeline.
    TimelineOrder: LatestFirst = "-at", EarliestFirst = "at"
}

words! {
    /// The kinds of events of a client.
    pub(super) enum TimelineKind {
        /// A session.
        Booking,
        /// A session was cancelled.
        Cancellation,
        /// Something was paid.
        Payment,
        /// Something goes back.
        Refund,
        /// The client went from one therapist to another.
        Transfer,
        /// A form was sent.
        Form,
        /// A session note was begun.
        SessionNote,
        /// An additional note was written.
        AdditionalNote,
    }
}

/// The kinds of events that therapists read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "OwnTimelineKind")]
pub(super) enum OwnTimelineKind {
    /// A session.
    Booking,
    /// A session was cancelled.
    Cancellation,
    /// The client went from one therapist to another.
    Transfer,
    /// A form was sent.
    Form,
    /// A session note was begun.
    SessionNote,
    /// An additional note was written.
    AdditionalNote,
}

impl From<OwnTimelineKind> for TimelineKind {
    fn from(kind: OwnTimelineKind) -> Self {
        match kind {
            OwnTimelineKind::Booking => Self::Booking,
            OwnTimelineKind::Cancellation => Self::Cancellation,
            OwnTimelineKind::Transfer => Self::Transfer,
            OwnTimelineKind::Form => Self::Form,
            OwnTimelineKind::SessionNote => Self::SessionNote,
            OwnTimelineKind::AdditionalNote => Self::AdditionalNote,
        }
    }
}

/// The query parameters of an admin's timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineFilter {
    /// Only this kind.
    #[serde(default)]
    #[param(value_type = Option<Vec<TimelineKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<TimelineKind>,
}

/// The query parameters of a therapist's timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnTimelineFilter {
    /// Only this kind.
    #[serde(default)]
    #[param(value_type = Option<Vec<OwnTimelineKind>>, inline, style = Form, explode = false)]
    kind: AnyOf<OwnTimelineKind>,
}

/// Something that happened with a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "at": "2026-01-20T09:00:00Z", "kind": "refund", "id": "17",
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "therapist_id": "58701", "therapist_name": "Asha Rao",
    "from_therapist_id": null, "from_therapist_name": null,
    "title": null, "status": "completed", "amount": "1700.00", "currency": "INR", "reason": null
}))]
pub(super) struct TimelineEntry {
    /// When it happened, or is to happen.
    at: Timestamp,
    /// The kind of event.
    kind: TimelineKind,
    /// Its id among its kind; null where only the booking tells of it.
    id: Option<String>,
    /// The booking it belongs to; null for transfers.
    booking_id: Option<BookingId>,
    /// The therapist of the session or note; for a transfer the new therapist.
    therapist_id: Option<TherapistId>,
    /// The name of that therapist.
    therapist_name: Option<String>,
    /// The former therapist of a transfer.
    from_therapist_id: Option<TherapistId>,
    /// The name of that therapist.
    from_therapist_name: Option<String>,
    /// The name of a session.
    title: Option<String>,
    /// A booking's state; a refund's or a form's status; `draft` or `submitted` of a session note.
    status: Option<String>,
    /// The amount of a session's price, payment or refund. Payment data, null for therapists.
    amount: Amount,
    /// The currency of the amount. Payment data.
    currency: Option<String>,
    /// Why it was cancelled, or transferred (the latter null for therapists).
    reason: Option<String>,
    /// Distinguishes it from events at the same instant.
    #[serde(skip)]
    entry: String,
    /// Where it stands.
    #[serde(skip)]
    sort_key: String,
}

/// List what happened with a client
///
/// Bookings, cancellations, payments, refunds, transfers, forms and note metadata in one stream, latest first.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/timeline",
    tag = "clients",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        TimelineFilter,
        ("sort" = inline(Option<TimelineOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of the timeline", content(
            (Page<TimelineEntry> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_client_timeline(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    listing: Listing<TimelineFilter, TimelineOrder>,
) -> Result<Response> {
    ensure(&mut *app.db.read(&scope).await?, &scope, &id).await?;
    listing.request.answer(Timeline { scope, client: id, kinds: listing.filter.kind, now: app.clock.now() }).await
}

/// List what happened with my client
///
/// The caller's own bookings, cancellations, forms and notes, and the transfers from or to them, latest first.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/timeline",
    tag = "clients",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        OwnTimelineFilter,
        ("sort" = inline(Option<TimelineOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of the timeline", content(
            (Page<TimelineEntry> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_client_timeline(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    listing: Listing<OwnTimelineFilter, TimelineOrder>,
) -> Result<Response> {
    ensure(&mut *app.db.read(&scope).await?, &scope, &id).await?;
    let kinds = listing.filter.kind.wider();
    listing.request.answer(Timeline { scope, client: id, kinds, now: app.clock.now() }).await
}

/// The events of one client, as far as a scope reaches.
struct Timeline {
    scope: Scope,
    client: ClientId,
    kinds: AnyOf<TimelineKind>,
    now: DateTime<Utc>,
}

impl List for Timeline {
    type Row = TimelineEntry;
    type Order = TimelineOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: TimelineOrder,
        position: &Position,
    ) -> Result<Vec<TimelineEntry>> {
        self.page(db, order, position).await
    }

    fn key(entry: &TimelineEntry) -> Key {
        Key { sort: entry.sort_key.clone(), id: entry.entry.clone() }
    }
}
