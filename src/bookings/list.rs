//! Listing and counting bookings, by their facts.
//!
//! A filter is a range of the facts (`internal.booking_facts`), an order one of their indexes (`booking_facts_by_…`). The wide
//! row is joined last, for the rows shown. So a page costs its rows, and those that the filter skips between them.

use axum::{extract::State, response::Response};
use sqlx::PgConnection;

use super::{
    counts::count,
    filter::{AdminBookingFilter, BookingOrder, TherapistBookingFilter},
    model::Booking,
    select::{BookingList, of_bookings, select_bookings},
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        money::Amount,
        status::{BookingState, PaymentLinkState},
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
/// All of the practice's, latest first; of the tab `upcoming` the nearest first. `Accept: text/csv` streams the whole list.
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
    let order = listing.filter.usual_order();
    let criteria = listing.filter.criteria(&app)?;
    listing.request.usually(order).answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

/// List a therapist's bookings
///
/// Those of one therapist, latest first, of the tab `upcoming` the nearest first; `/bookings` with `therapist_id` knows more filters.
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
    let filter = AdminBookingFilter::from(listing.filter).of_therapist(therapist);
    let order = filter.usual_order();
    let criteria = filter.criteria(&app)?;
    listing.request.usually(order).answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

/// List my bookings
///
/// The caller's own, latest first; of the tab `upcoming` the nearest first.
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
    let filter = AdminBookingFilter::from(listing.filter);
    let order = filter.usual_order();
    let criteria = filter.criteria(&app)?;
    listing.request.usually(order).answer(BookingList { scope, criteria, now: app.clock.now() }).await
}

impl List for BookingList {
    type Row = Booking;
    type Order = BookingOrder;

    async fn rows(&self, db: &mut PgConnection, order: BookingOrder, position: &Position) -> Result<Vec<Booking>> {
        let rows = of_bookings!(
            select_bookings!(
                fetch_all(db, position.sorted(order)),
                "f.sort_key",
                [
                    "order by
                f.starts_at desc, -- by booking_start_at
                left(f.name, 100) desc, -- by invitee_name
                f.created_at desc, -- by invitee_created_at
                f.booking_id desc -- by any"
                ],
            ),
            [
                "( -- counted
                select f.booking_id, f.client_id, f.therapist_id, f.phase, f.starts_at, f.ends_at, f.created_at, f.noted, f.free,
                       f.counted_as, f.status, f.mode, f.name,
                       concat(
                           f.starts_at, -- by booking_start_at
                           left(f.name, 100), -- by invitee_name
                           f.created_at, -- by invitee_created_at
                           ''
                       ) as sort_key
                from"
            ],
            [
                "
                  and (f.starts_at, f.booking_id) < ($29::text::timestamp, $30) -- by booking_start_at
                  and (left(f.name, 100), f.booking_id) < ($29, $30) -- by invitee_name
                  and (f.created_at, f.booking_id) < ($29::text::timestamp, $30) -- by invitee_created_at
                order by
                    f.starts_at desc, -- by booking_start_at
                    left(f.name, 100) desc, -- by invitee_name
                    f.created_at desc, -- by invitee_created_at
                    f.booking_id desc -- by any
                limit $31
            )"
            ],
            self,
            self.found(db).await?,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(rows.into_iter().map(|booking| booking.seen_by(&self.scope)).collect())
    }

    async fn known_total(&self, db: &mut PgConnection) -> Result<Option<i64>> {
        if self.is_summed() { Ok(Some(count(db, self).await?.all)) } else { Ok(None) }
    }

    fn key(booking: &Booking) -> Key {
        booking.key()
    }
}
