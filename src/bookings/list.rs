//! Listing bookings, latest first.
//!
//! One statement a page, walked by the index of its order (`bookings_by_start`, `bookings_by_therapist_start`,
//! `bookings_by_name`, `bookings_by_created`; `bookings_off_by_…` for what did not take place). An optional condition is
//! written `($n is null or …)`: PostgreSQL plans these statements for their arguments, and what is null falls away. It
//! estimates that an equation with a computed value hardly matches a row, and would sort all of a therapist's bookings
//! instead of walking the index; of `coalesce(… = …, false)` it expects every second row. `planned_for_arguments` keeps it
//! from caching a generic plan (`migrations/functions/bookings.sql`).
//!
//! The usual pages (latest first, fifty rows, of all or of one therapist) are statements of their own with a kept plan.
//! `.ci/bench` measures them, and one booking by its id.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    counts::count,
    filter::{AdminBookingFilter, BookingOrder, Criteria, TherapistBookingFilter},
    model::Booking,
    select::select_bookings,
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        money::Amount,
        status::BookingState,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
    therapists,
};

/// List bookings
///
/// All of the practice's, latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/bookings",
    tag = "bookings",
    params(AdminBookingFilter, ("sort" = inline(Option<BookingOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of bookings", content(
            (Page<Booking> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_bookings(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<AdminBookingFilter, BookingOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

/// List a therapist's bookings
///
/// Those of one therapist, latest first; `/bookings` with `therapist_id` knows more filters.
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/bookings",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        TherapistBookingFilter,
        ("sort" = inline(Option<BookingOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of bookings", content(
            (Page<Booking> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_therapist_bookings(
    scope: Scope,
    State(app): State<App>,
    Path(therapist): Path<TherapistId>,
    listing: Listing<TherapistBookingFilter, BookingOrder>,
) -> Result<Response> {
    therapists::ensure_named(&mut *app.db.read(&scope).await?, &therapist).await?;
    let criteria = AdminBookingFilter::from(listing.filter).of_therapist(therapist).criteria(&app)?;
    listing.request.answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

/// List my bookings
///
/// The caller's own, latest first.
#[utoipa::path(
    get,
    path = "/bookings",
    tag = "bookings",
    params(
        TherapistBookingFilter,
        ("sort" = inline(Option<BookingOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of bookings", content(
            (Page<Booking> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_bookings(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<TherapistBookingFilter, BookingOrder>,
) -> Result<Response> {
    let criteria = AdminBookingFilter::from(listing.filter).criteria(&app)?;
    listing.request.answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

/// The bookings that a scope reaches and a filter wants.
pub(super) struct BookingList {
    pub(super) scope: Scope,
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

/// One page in one direction: the order's key and its type, the comparison with the position, and the direction.
macro_rules! page_of_bookings {
    ($key:literal: $type:literal, $beyond:literal, $direction:literal, $list:expr, $position:expr) => {{
        let criteria = &$list.criteria;
        select_bookings!(
            any,
            $key,
            [
                r#"and ($3::text is null or b.therapist_id = $3)
                and ($4::text is null
                     or b.booking_id = any (array(select session_id from appointment_table where client_id = $4)))
                and ($5::text is null or internal.booking_status(b.booking_status) = $5)
                and ($6::text is null or coalesce(internal.booking_mode(b.booking_mode) = $6, false))
                and ($7::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $7)
                and ($8::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $8)
                and ($9::boolean is null or internal.is_free(b.invitee_payment_amount) = $9)
                and ($10::boolean is null or v.noted = $10)
                and ($11::text[] is null
                     or coalesce(internal.booking_state(v.status, b.booking_start_at, v.end_at, v.noted, $1) = any ($11), false))
                and ($12::text is null
                     or internal.search_text(b.invitee_name, b.invitee_email, b.invitee_phone)
                         like any (internal.search_patterns($12)))
                and ($12::text is null or v.contact or internal.fold(coalesce(b.invitee_name, ''))
                    like internal.like_words($12))
                and ($16::boolean is null or internal.is_active(b.booking_status) = $16)
                and ($17::text is null or internal.refund_status(b.refund_status) = $17)
                and ($18::boolean is null
                     or exists (select from therapists t where t.therapist_id = b.therapist_id) = $18)
                and ($15::bigint is not null or internal.planned_for_arguments())
                and ($13::text is null or ("# $key ", b.booking_id) " $beyond " ($13::text::" $type ", $14)) "
                "order by " $key " " $direction ", b.booking_id " $direction " limit $15"
            ],
            $list.now,
            $list.scope.owner(),
            criteria.therapist_id.as_ref().map(TherapistId::as_str),
            criteria.client_id.as_ref().map(ClientId::as_str),
            criteria.status,
            criteria.mode,
            criteria.start_from.map(Timestamp::from) as Option<Timestamp>,
            criteria.start_before.map(Timestamp::from) as Option<Timestamp>,
            criteria.free,
            criteria.has_note,
            criteria.states.as_deref() as Option<&[&str]>,
            criteria.search.as_deref(),
            $position.sort(),
            $position.id(),
            $position.limit,
            criteria.active,
            criteria.refund_status,
            criteria.has_therapist,
        )
    }};
}

/// How many rows are read for a page of the usual size.
const USUAL_ROWS: i64 = 51;

/// A page of the usual order and size, without a filter but for a therapist: takes its reach and the therapist.
/// PostgreSQL keeps a generic plan only while custom plans do not seem cheaper: so the limit is a literal
/// ([`USUAL_ROWS`]), and the values for the index conditions are in subqueries, which the planner does not evaluate.
macro_rules! usual_page {
    ($reach:ident, $whose:literal, $list:expr, $therapist:expr, $position:expr, $db:expr) => {
        match (&$position.from, $position.descending) {
            (None, _) => {
                select_bookings!(
                    $reach,
                    "coalesce(b.booking_start_at, '-infinity')",
                    [
                        "and " $whose " "
                        "order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc limit 51"
                    ],
                    $list.now,
                    $list.scope.owner(),
                    $therapist,
                )
                .fetch_all($db)
                .await
            }
            (Some(from), true) => {
                select_bookings!(
                    $reach,
                    "coalesce(b.booking_start_at, '-infinity')",
                    [
                        "and " $whose " and (coalesce(b.booking_start_at, '-infinity'), b.booking_id) "
                        "    < ((select $4::text::timestamp), (select $5)) "
                        "order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc limit 51"
                    ],
                    $list.now,
                    $list.scope.owner(),
                    $therapist,
                    from.sort,
                    from.id,
                )
                .fetch_all($db)
                .await
            }
            (Some(from), false) => {
                select_bookings!(
                    $reach,
                    "coalesce(b.booking_start_at, '-infinity')",
                    [
                        "and " $whose " and (coalesce(b.booking_start_at, '-infinity'), b.booking_id) "
                        "    > ((select $4::text::timestamp), (select $5)) "
                        "order by coalesce(b.booking_start_at, '-infinity'), b.booking_id limit 51"
                    ],
                    $list.now,
                    $list.scope.owner(),
                    $therapist,
                    from.sort,
                    from.id,
                )
                .fetch_all($db)
                .await
            }
        }
    };
}

impl BookingList {
    /// The pages looked at most, one after the other: without the optional conditions PostgreSQL keeps one plan for
    /// them, and planning costs more than reading a page.
    async fn usual(&self, db: &mut PgConnection, position: &Position) -> Result<Vec<Booking>> {
        let therapist = self.criteria.therapist_id.as_ref().map(TherapistId::as_str);
        let rows = match (self.scope.owner(), therapist) {
            (None, None) => usual_page!(practice, "$3::text is null", self, None::<&str>, position, db),
            (None, Some(therapist)) => {
                usual_page!(practice, "b.therapist_id = (select $3)", self, therapist, position, db)
            }
            (Some(own), _) => usual_page!(own, "b.therapist_id = (select $3)", self, own, position, db),
        }?;
        Ok(rows)
    }
}

impl List for BookingList {
    type Row = Booking;
    type Order = BookingOrder;

    async fn rows(&self, db: &mut PgConnection, order: BookingOrder, position: &Position) -> Result<Vec<Booking>> {
        use BookingOrder as O;
        let filtered = self.scope.is_practice() || self.scope.owner().is_some();
        if order == O::LatestFirst && position.limit == USUAL_ROWS && self.criteria.is_usual() && filtered {
            let rows = self.usual(db, position).await?;
            return Ok(rows.into_iter().map(|booking| booking.seen_by(&self.scope)).collect());
        }
        // One arm for each order and direction, so that every statement is plain, checked and indexed.
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending {
                    page_of_bookings!($key: $type, "<", "desc", self, position).fetch_all(db).await
                } else {
                    page_of_bookings!($key: $type, ">", "asc", self, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::LatestFirst | O::EarliestFirst => read!("coalesce(b.booking_start_at, '-infinity')": "timestamp"),
            O::NameUp | O::NameDown => read!("left(internal.fold(coalesce(b.invitee_name, '')), 100)": "text"),
            O::NewestFirst | O::OldestFirst => read!("coalesce(b.invitee_created_at, '-infinity')": "timestamp"),
        }?;
        Ok(rows.into_iter().map(|booking| booking.seen_by(&self.scope)).collect())
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(count(db, &self.scope, &self.criteria, self.now).await?.all)
    }

    fn key(booking: &Booking) -> Key {
        booking.key()
    }
}
