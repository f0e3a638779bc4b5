//! Listing clients, by name.

use axum::{extract::State, response::Response};
use sqlx::PgConnection;

use super::{
    filter::{AdminClientFilter, ClientOrder, OwnClientOrder, TherapistClientFilter},
    find::Finder,
    record::{ClientRecord, show},
};
use crate::{
    app::state::App,
    db::scope::Scope,
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position},
    },
};

/// List clients
///
/// All of the practice's, by name. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/clients",
    tag = "clients",
    params(AdminClientFilter, ("sort" = inline(Option<ClientOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of clients", content(
            (Page<ClientRecord> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_clients(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<AdminClientFilter, ClientOrder>,
) -> Result<Response> {
    let criteria = listing.filter.criteria(&app)?;
    listing.request.answer(ClientList(Finder { scope, criteria, now: app.clock.now() })).await
}

/// List my clients
///
/// Those assigned to the caller, and those with a booking with them, by name. Computed fields count the bookings with
/// the caller only.
#[utoipa::path(
    get,
    path = "/clients",
    tag = "clients",
    params(
        TherapistClientFilter,
        ("sort" = inline(Option<OwnClientOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of clients", content(
            (Page<ClientRecord> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_clients(
    scope: Scope,
    State(app): State<App>,
    listing: Listing<TherapistClientFilter, OwnClientOrder>,
) -> Result<Response> {
    let criteria = AdminClientFilter::from(listing.filter).criteria(&app)?;
    listing.request.answer(OwnClientList(Finder { scope, criteria, now: app.clock.now() })).await
}

/// The clients that a scope reaches and a filter wants.
struct ClientList(Finder);

impl List for ClientList {
    type Row = ClientRecord;
    type Order = ClientOrder;

    async fn rows(&self, db: &mut PgConnection, order: ClientOrder, position: &Position) -> Result<Vec<ClientRecord>> {
        let found = self.0.page(&mut *db, order, position).await?;
        show(db, &self.0.scope, &found, self.0.now).await
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        self.0.count(db).await
    }

    fn key(client: &ClientRecord) -> Key {
        client.key()
    }
}

/// Those of a therapist, in the orders of therapists.
struct OwnClientList(Finder);

impl List for OwnClientList {
    type Row = ClientRecord;
    type Order = OwnClientOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: OwnClientOrder,
        position: &Position,
    ) -> Result<Vec<ClientRecord>> {
        let found = self.0.own_page(&mut *db, order, position).await?;
        show(db, &self.0.scope, &found, self.0.now).await
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        self.0.count(db).await
    }

    fn key(client: &ClientRecord) -> Key {
        client.key()
    }
}
