//! The list of cancellations: the rows of `booking_cancelled`, latest first.
//!
//! A booking that was cancelled, restored and cancelled again has two.
//!
//! A page is one statement, which scans the index of its order or of its filter (`booking_cancelled_by_…`,
//! `booking_cancelled_search`). A therapist's page scans all cancellations by time until it is full, or all of the
//! therapist's bookings where those are few.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::{BookingId, CancellationId, ClientId, TherapistId},
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which cancellations can be listed.
    CancellationOrder: LatestFirst = "-cancelled_at", EarliestFirst = "cancelled_at", NameUp = "invitee_name",
        NameDown = "-invitee_name"
}

/// Which cancellations are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CancellationFilter {
    /// Only those by this one, in any letter case: `admin`, `client`, `therapist`, or another program's word.
    #[param(example = "client")]
    cancelled_by: Option<String>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this therapist's bookings.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those cancelled on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those cancelled on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A cancellation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "invitee_id": "in_0199c0de00007000800000000000000c",
    "invitee_name": "Meera Iyer",
    "invitee_number": "+919800012345",
    "invitee_email": "meera.iyer@example.org",
    "cancelled_at": "2026-02-03T08:00:00Z",
    "cancelled_by": "client",
    "cancel_reason": "Travelling",
    "created_at": "2026-02-03T08:00:00Z",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "therapist_id": "58101",
    "therapist_name": "Asha Rao",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "restored_at": null
}))]
pub(super) struct Cancellation {
    /// The cancellation's id.
    id: CancellationId,
    /// The booking; null where another program did not say.
    booking_id: Option<BookingId>,
    /// The id of its invitation.
    invitee_id: Option<String>,
    /// The client's name.
    invitee_name: Option<String>,
    /// The client's phone.
    invitee_number: Option<String>,
    /// The client's e-mail address.
    invitee_email: Option<String>,
    /// When it was cancelled.
    cancelled_at: Timestamp,
    /// The party that cancelled: `admin`, `client` or `therapist`; another program's word as it is.
    cancelled_by: Option<String>,
    /// The reason that was given.
    cancel_reason: Option<String>,
    /// When this was noted.
    created_at: Timestamp,
    /// The client of the session.
    client_id: Option<ClientId>,
    /// The therapist who was to hold it.
    therapist_id: Option<TherapistId>,
    /// Their name, as the booking has it.
    therapist_name: Option<String>,
    /// When it was to start.
    booking_start_at: Timestamp,
    /// When the session was restored after this; null where it was not.
    restored_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List cancellations
///
/// Latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/cancellations",
    tag = "refunds",
    params(
        CancellationFilter,
        ("sort" = inline(Option<CancellationOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of cancellations", content(
            (Page<Cancellation> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_cancellations(
    State(app): State<App>,
    Listing { filter, request }: Listing<CancellationFilter, CancellationOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(Cancellations { filter, period, search }).await
}

/// The cancellations that a filter wants.
struct Cancellations {
    filter: CancellationFilter,
    period: Period,
    search: Option<Search>,
}

/// A statement on cancellations: takes the columns, the conditions of the list, the clauses after them, and all
/// arguments.
macro_rules! statement {
    ($query:ident!($($row:ty,)?), [$($columns:literal)+], $list:expr, [$($tail:literal)*] $(, $argument:expr)* $(,)?) => {
        sqlx::$query!(
            $($row,)?
            $($columns +)+
            " from booking_cancelled x
              left join bookings b on b.booking_id = x.booking_id
              where ($1::text is null or left(internal.fold(x.cancelled_by), 100) = left(internal.fold($1), 100))
                and ($2::text is null or x.booking_id = $2)
                and ($3::text is null or b.therapist_id = $3)
                and ($4::text is null
                     or x.booking_id = any (array(select session_id from appointment_table where client_id = $4)))
                and ($5::timestamp is null or coalesce(x.cancelled_at, '-infinity') >= $5)
                and ($6::timestamp is null or coalesce(x.cancelled_at, '-infinity') < $6)
                and ($7::text is null
                     or internal.search_text(x.invitee_name, x.invitee_email, x.invitee_number)
                         like any (internal.search_patterns($7))) "
            $(+ $tail)*,
            $list.filter.cancelled_by.as_deref(),
            $list.filter.booking_id.as_ref().map(BookingId::as_str),
            $list.filter.therapist_id.as_ref().map(TherapistId::as_str),
            $list.filter.client_id.as_ref().map(ClientId::as_str),
            $list.period.from.map(Timestamp::from) as Option<Timestamp>,
            $list.period.before.map(Timestamp::from) as Option<Timestamp>,
            $list.search.as_deref(),
            $($argument),*
        )
    };
}

impl List for Cancellations {
    type Row = Cancellation;
    type Order = CancellationOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: CancellationOrder,
        position: &Position,
    ) -> Result<Vec<Cancellation>> {
        use CancellationOrder as O;
        macro_rules! page {
            ($key:literal: $type:literal) => {
                if position.descending { page!($key: $type, "<", "desc") } else { page!($key: $type, ">", "asc") }
            };
            ($key:literal: $type:literal, $beyond:literal, $direction:literal) => {
                statement!(
                    query_as!(Cancellation,),
                    [
                        r#"select x.id as "id: CancellationId",
                                  x.booking_id as "booking_id: BookingId",
                                  x.invitee_id,
                                  x.invitee_name,
                                  x.invitee_number,
                                  x.invitee_email,
                                  x.cancelled_at as "cancelled_at!: Timestamp",
                                  x.cancelled_by,
                                  x.cancel_reason,
                                  x.created_at as "created_at!: Timestamp",
                                  (select a.client_id from internal.appointment_of(x.booking_id) a)
                                      as "client_id?: ClientId",
                                  b.therapist_id as "therapist_id?: TherapistId",
                                  b.booking_host_name as "therapist_name?",
                                  b.booking_start_at as "booking_start_at!: Timestamp",
                                  (
                                      select min(e.at at time zone 'UTC')
                                      from internal.audit_entries e
                                      where e.subject_type = 'booking'
                                        and e.subject_id = x.booking_id
                                        and e.action = 'booking_restore'
                                        and e.outcome = 'done'
                                        and e.at at time zone 'UTC' >= coalesce(x.cancelled_at, x.created_at, '-infinity')
                                  ) as "restored_at!: Timestamp", "#
                        $key r#"::text as "sort_key!" "#
                    ],
                    self,
                    [
                        "and ($8::text is null or (" $key ", x.id) " $beyond
                        " ($8::text::" $type ", $9::text::integer)) "
                        "order by " $key " " $direction ", x.id " $direction " limit $10"
                    ],
                    position.sort(),
                    position.id(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        let rows = match order {
            O::LatestFirst | O::EarliestFirst => page!("coalesce(x.cancelled_at, '-infinity')": "timestamp"),
            O::NameUp | O::NameDown => page!("left(internal.fold(coalesce(x.invitee_name, '')), 100)": "text"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(statement!(query_scalar!(), [r#"select count(*) as "count!" "#], self, []).fetch_one(db).await?)
    }

    fn key(cancellation: &Cancellation) -> Key {
        Key { sort: cancellation.sort_key.clone(), id: cancellation.id.to_string() }
    }
}
