//! Reading booking requests: the list, latest first, and one of them.
//!
//! One statement a page, walked by the index of its order or of what it is asked for (`booking_requests_by_…`,
//! `request_clients_of_client`, `booking_requests_search`), a
//! deep page as the first one.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{BookingRequest, select_requests};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        contact::Search,
        ids::{BookingId, BookingRequestId, ClientId},
        status::RequestStatus,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
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
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BookingRequestFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<RequestStatus>,
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
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "meera")]
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
    request.answer(BookingRequests { filter, period, search }).await
}

/// The requests that a filter wants.
struct BookingRequests {
    filter: BookingRequestFilter,
    period: Period,
    search: Option<Search>,
}

/// Passes the conditions of the list, the clauses after them, and all arguments to a macro that makes a statement of
/// them.
macro_rules! filtered {
    ($statement:ident!($($key:literal,)?), $list:expr, [$($tail:literal)*] $(, $argument:expr)* $(,)?) => {
        $statement!(
            $($key,)?
            [
                "($1::text is null or internal.request_status(r.status) = $1)
                 and ($2::text is null or l.client_id = $2)
                 and ($3::text is null or internal.fold(r.therapist_name) = internal.fold($3))
                 and ($4::text is null or internal.fold(r.therapy_type) = internal.fold($4))
                 and ($5::boolean is null or coalesce(r.is_free_consultation, false) = $5)
                 and ($6::timestamp is null or coalesce(r.created_at, '-infinity') >= $6)
                 and ($7::timestamp is null or coalesce(r.created_at, '-infinity') < $7)
                 and ($8::text is null
                      or internal.search_text(r.client_name, r.client_email, r.client_whatsapp)
                          like any (internal.search_patterns($8))) "
                $($tail)*
            ],
            $list.filter.status.map(RequestStatus::as_str),
            $list.filter.client_id.as_ref().map(ClientId::as_str),
            $list.filter.therapist_name.as_deref(),
            $list.filter.therapy_type.as_deref(),
            $list.filter.free,
            $list.period.from.map(Timestamp::from) as Option<Timestamp>,
            $list.period.before.map(Timestamp::from) as Option<Timestamp>,
            $list.search.as_deref(),
            $($argument),*
        )
    };
}

/// Counts booking requests.
macro_rules! count_requests {
    ([$($tail:literal)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_scalar!(
            r#"select count(*) as "count!"
               from booking_requests r
               left join internal.request_clients l on l.request_id = r.request_id
               where "# $(+ $tail)+,
            $($argument),+
        )
    };
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
        use BookingRequestOrder as O;
        macro_rules! page {
            ($key:literal: $type:literal, $beyond:literal, $direction:literal) => {
                filtered!(
                    select_requests!($key,),
                    self,
                    [
                        "and ($9::text is null or (" $key ", r.request_id) " $beyond
                        " ($9::text::" $type ", $10::text::integer)) "
                        "order by " $key " " $direction ", r.request_id " $direction " limit $11"
                    ],
                    position.sort(),
                    position.id(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending { page!($key: $type, "<", "desc") } else { page!($key: $type, ">", "asc") }
            };
        }
        let rows = match order {
            O::NewestFirst | O::OldestFirst => read!("coalesce(r.created_at, '-infinity')": "timestamp"),
            O::NameUp | O::NameDown => read!("left(internal.fold(r.client_name), 100)": "text"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(filtered!(count_requests!(), self, []).fetch_one(db).await?)
    }

    fn key(request: &BookingRequest) -> Key {
        request.key()
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
    let request = BookingRequest::read(&mut db, id).await?;
    Ok(request.versioned().unless(unless))
}
