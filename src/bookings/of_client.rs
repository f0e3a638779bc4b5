//! The bookings of one client: the list of all bookings, filtered.

use axum::{extract::State, response::Response};

use super::{
    filter::{BookingOrder, ClientBookingFilter},
    model::Booking,
    select::BookingList,
};
use crate::{
    app::state::App,
    clients,
    db::scope::Scope,
    domain::ids::ClientId,
    error::{Result, problem::Problems},
    http::{
        extract::Path,
        list::Listing,
        page::{Page, PageParams},
    },
};

/// List a client's bookings
///
/// Latest first; a therapist lists their own ones with the client.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/bookings",
    tag = "clients",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ClientBookingFilter,
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
pub(super) async fn list_client_bookings(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    listing: Listing<ClientBookingFilter, BookingOrder>,
) -> Result<Response> {
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &id).await?;
    let filter = listing.filter.of(id);
    let order = filter.usual_order();
    let criteria = filter.criteria(&app)?;
    listing.request.usually(order).answer(BookingList { scope, criteria, now: app.clock.now() }).await
}
