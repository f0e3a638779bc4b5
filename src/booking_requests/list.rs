//! Reading booking requests: the list, latest first, and one of them.
//!
//! They are walked by the index of their order or of a filter (`booking_requests_by_…`), or found by
//! `request_clients_of_client` or `booking_requests_search`.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::BookingRequest;
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{BookingId, BookingRequestId, ClientId},
        money::Amount,
        status::RequestStatus,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which booking requests can be listed.
    BookingRequestOrder: NewestFirst = "-created_at", OldestFirst = "created_at", NameUp = "client_name",
        NameDown = "-client_name"
}

/// Which booking requests are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BookingRequestFilter {
    /// Only those that stand so.
    #[serde(default)]
    #[param(value_type = Option<Vec<RequestStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<RequestStatus>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those that name this therapist, in any letter case.
    #[param(example = "Asha Rao")]
    therapist_name: Option<String>,
    /// Only those for this therapy, in any letter case.
    #[param(example = "Individual Therapy")]
    therapy_type: Option<String>,
    /// Only those for free consultations, or only the others.
    free: Option<bool>,
    /// Only those sent on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those sent on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// List booking requests
///
/// Latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/booking-requests",
    tag = "booking-requests",
    params(
        BookingRequestFilter,
        ("sort" = inline(Option<BookingRequestOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of booking requests", content(
            (Page<BookingRequest> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_booking_requests(
    State(app): State<App>,
    Listing { filter, request }: Listing<BookingRequestFilter, BookingRequestOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(BookingRequests { request_id: None, filter, period, search, now: app.clock.now() }).await
}

/// The requests that a filter wants.
#[derive(Default)]
pub(super) struct BookingRequests {
    request_id: Option<BookingRequestId>,
    filter: BookingRequestFilter,
    period: Period,
    search: Option<Search>,
    now: DateTime<Utc>,
}

impl BookingRequests {
    /// One request.
    pub(super) fn one(id: BookingRequestId, now: DateTime<Utc>) -> Self {
        Self { request_id: Some(id), now, ..Self::default() }
    }
}

impl List for BookingRequests {
    type Row = BookingRequest;
    type Order = BookingRequestOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: BookingRequestOrder,
        position: &Position,
    ) -> Result<Vec<BookingRequest>> {
        let requests = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(BookingRequest),
            [r#"
                select r.request_id as "request_id: BookingRequestId",
                       l.client_id as "client_id?: ClientId",
                       coalesce(r.client_name, '(no name)') as "client_name!",
                       coalesce(r.client_whatsapp, '') as "client_whatsapp!",
                       r.client_email,
                       coalesce(r.therapy_type, '') as "therapy_type!",
                       coalesce(r.therapist_name, '(no name)') as "therapist_name!",
                       r.booking_link,
                       k.expires_at at time zone 'UTC' as "link_expires_at!: Timestamp",
                       k.amount as "amount!: Amount",
                       k.currency as "currency?",
                       k.request_id is not null as "has_link!",
                       coalesce(r.is_free_consultation, false) as "is_free_consultation!",
                       internal.request_status(r.status) as "status!",
                       r.created_at as "created_at!: Timestamp",
                       f.booking_id as "booking_id?: BookingId",
                       coalesce(f.resent, 0) as "resend_count!",
                       f.resent_at as "last_resent_at!: Timestamp",
                       concat_ws('-', r.xmin, f.xmin, k.xmin) as "version!",
                       concat(
                           coalesce(r.created_at, '-infinity'), -- by created_at
                           left(internal.fold(r.client_name), 100), -- by client_name
                           ''
                       ) as "sort_key!"
                from booking_requests r
                left join internal.request_clients l on l.request_id = r.request_id
                left join internal.request_facts f on f.request_id = r.request_id
                left join internal.booking_links k on k.request_id = r.request_id
                where true
                  and r.request_id = $1
                  and internal.request_status(r.status) = $2 -- planned anew
                  and internal.request_status(r.status) = any ($13::text[]) -- planned anew
                  and l.client_id = $3
                  and internal.fold(r.therapist_name) = internal.fold($4) -- planned anew
                  and internal.fold(r.therapy_type) = internal.fold($5) -- planned anew
                  and coalesce(r.is_free_consultation, false) = $6
                  and coalesce(r.created_at, '-infinity') >= $7
                  and coalesce(r.created_at, '-infinity') < $8
                  and internal.search_text(r.client_name, r.client_email, r.client_whatsapp) like any (internal.search_patterns($9)) -- planned anew
                  and (coalesce(r.created_at, '-infinity'), r.request_id) < ($10::text::timestamp, $11::text::integer) -- by created_at
                  and (left(internal.fold(r.client_name), 100), r.request_id) < ($10, $11::text::integer) -- by client_name
                order by
                    coalesce(r.created_at, '-infinity') desc, -- by created_at
                    left(internal.fold(r.client_name), 100) desc, -- by client_name
                    r.request_id desc -- by any
                limit $12
            "#],
            self.request_id.map(|id| id.0),
            self.filter.status.word(),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.therapist_name.as_deref(),
            self.filter.therapy_type.as_deref(),
            self.filter.free,
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
            self.filter.status.several() => Option<Vec<&str>>,
        )?;
        Ok(requests.into_iter().map(|request| request.shown_at(self.now)).collect())
    }

    fn exported(request: BookingRequest) -> BookingRequest {
        request.without_link()
    }

    fn key(request: &BookingRequest) -> Key {
        request.key()
    }
}

impl BookingRequest {
    /// One request.
    pub(super) async fn read(db: &mut PgConnection, id: BookingRequestId, now: DateTime<Utc>) -> Result<Self> {
        BookingRequests::one(id, now).first(db).await?.ok_or(Error::NotFound("booking request"))
    }
}

/// Get a booking request
#[utoipa::path(
    get,
    path = "/booking-requests/{id}",
    tag = "booking-requests",
    params(("id" = BookingRequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The booking request", body = BookingRequest),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_booking_request(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<BookingRequestId>,
    unless: Preconditions,
) -> Result<Versioned<BookingRequest>> {
    let mut db = app.db.read(&scope).await?;
    let request = BookingRequest::read(&mut db, id, app.clock.now()).await?;
    Ok(request.versioned().unless(unless))
}
