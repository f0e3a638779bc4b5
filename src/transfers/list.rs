//! Listing transfers, latest first: all, or a client's.
//!
//! They are walked by the index of their order, or found by that of a therapist, a client or a search (`client_transfers_…`).

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{Transfer, TransferDetail};
use crate::{
    app::state::App,
    clients,
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{ClientId, TherapistId, TransferId},
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
    /// The orders in which transfers can be listed.
    TransferOrder: LatestFirst = "-transfer_date", EarliestFirst = "transfer_date", NameUp = "client_name",
        NameDown = "-client_name"
}

/// Which transfers are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransferFilter {
    /// Only those from or to this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client; also those of other programs, by the client's phone and name.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those of this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those of this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A client's transfers have no filter.
#[derive(Debug, Deserialize)]
pub(crate) struct OfClient {}

/// List transfers
///
/// All of the practice's, latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/transfers",
    tag = "transfers",
    params(TransferFilter, ("sort" = inline(Option<TransferOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of transfers", content(
            (Page<Transfer> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(crate) async fn list_transfers(
    _: Scope,
    State(app): State<App>,
    listing: Listing<TransferFilter, TransferOrder>,
) -> Result<Response> {
    listing.request.answer(TransferList::of(listing.filter, &app)?).await
}

/// List a client's transfers
///
/// Latest first; also those that other programs wrote, by the client's phone and name.
#[utoipa::path(
    get,
    path = "/clients/{client_id}/transfers",
    tag = "transfers",
    params(
        ("client_id" = ClientId, Path, description = "The client's id"),
        ("sort" = inline(Option<TransferOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of transfers", content(
            (Page<Transfer> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(crate) async fn list_client_transfers(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    listing: Listing<OfClient, TransferOrder>,
) -> Result<Response> {
    clients::ensure(&mut *app.db.read(&scope).await?, &scope, &id).await?;
    let filter = TransferFilter { client_id: Some(id), ..TransferFilter::default() };
    listing.request.answer(TransferList::of(filter, &app)?).await
}

/// Get a transfer
///
/// With what it did to the client's sessions.
#[utoipa::path(
    get,
    path = "/transfers/{transfer_id}",
    tag = "transfers",
    params(("transfer_id" = TransferId, Path, description = "The transfer's id")),
    responses(
        (status = 200, description = "The transfer", body = TransferDetail),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(crate) async fn get_transfer(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<TransferId>,
    unless: Preconditions,
) -> Result<Versioned<TransferDetail>> {
    let mut db = app.db.read(&scope).await?;
    let transfer = Transfer::read(&mut db, id).await?;
    let plan = transfer.plan(&mut db).await?;
    Ok(transfer.with(plan).unless(unless))
}

/// The transfers that a filter wants.
#[derive(Default)]
pub(super) struct TransferList {
    transfer_id: Option<TransferId>,
    therapist_id: Option<TherapistId>,
    client_id: Option<ClientId>,
    made: Period,
    search: Option<Search>,
}

impl TransferList {
    /// One transfer.
    pub(super) fn one(id: TransferId) -> Self {
        Self { transfer_id: Some(id), ..Self::default() }
    }

    fn of(filter: TransferFilter, app: &App) -> Result<Self> {
        Ok(Self {
            transfer_id: None,
            therapist_id: filter.therapist_id,
            client_id: filter.client_id,
            made: Period::of(filter.from, filter.to, filter.tz, app.zone)?,
            search: filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?,
        })
    }
}

impl List for TransferList {
    type Row = Transfer;
    type Order = TransferOrder;

    async fn rows(&self, db: &mut PgConnection, order: TransferOrder, position: &Position) -> Result<Vec<Transfer>> {
        let transfers = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Transfer),
            [r#"
                select h.transfer_id as "transfer_id: TransferId",
                       l.client_id as "client_id?: ClientId",
                       coalesce(h.client_name, '(no name)') as "client_name!",
                       h.client_email,
                       h.client_phone,
                       h.from_therapist_id as "from_therapist_id: TherapistId",
                       h.from_therapist_name,
                       coalesce(h.to_therapist_id, '') as "to_therapist_id!: TherapistId",
                       coalesce(h.to_therapist_name, '(no name)') as "to_therapist_name!",
                       h.transferred_by_admin_id,
                       h.transferred_by_admin_name,
                       h.transfer_date as "transfer_date!: Timestamp",
                       h.reason,
                       h.notes,
                       h.xmin::text as "version!",
                       concat(
                           coalesce(h.transfer_date, '-infinity'), -- by transfer_date
                           left(internal.fold(coalesce(h.client_name, '')), 100), -- by client_name
                           ''
                       ) as "sort_key!"
                from client_transfer_history h
                left join internal.transfer_clients l on l.transfer_id = h.transfer_id
                where true
                  and h.transfer_id = $1
                  and $2 in (h.from_therapist_id, h.to_therapist_id) -- planned anew
                  and h.transfer_id in (select internal.client_transfers($3))
                  and coalesce(h.transfer_date, '-infinity') >= $4
                  and coalesce(h.transfer_date, '-infinity') < $5
                  and internal.search_text(h.client_name, h.client_email, h.client_phone) like any (internal.search_patterns($6)) -- planned anew
                  and (coalesce(h.transfer_date, '-infinity'), h.transfer_id) < ($7::text::timestamp, $8::text::integer) -- by transfer_date
                  and (left(internal.fold(coalesce(h.client_name, '')), 100), h.transfer_id) < ($7, $8::text::integer) -- by client_name
                order by
                    coalesce(h.transfer_date, '-infinity') desc, -- by transfer_date
                    left(internal.fold(coalesce(h.client_name, '')), 100) desc, -- by client_name
                    h.transfer_id desc -- by any
                limit $9
            "#],
            self.transfer_id.map(|id| id.0),
            self.therapist_id.as_ref().map(TherapistId::as_str),
            self.client_id.as_ref().map(ClientId::as_str),
            self.made.from.map(Timestamp::from) => Option<Timestamp>,
            self.made.before.map(Timestamp::from) => Option<Timestamp>,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(transfers)
    }

    fn key(transfer: &Transfer) -> Key {
        Key { sort: transfer.sort_key.clone(), id: transfer.transfer_id.to_string() }
    }
}

impl Transfer {
    /// One transfer.
    pub(crate) async fn read(db: &mut PgConnection, id: TransferId) -> Result<Self> {
        TransferList::one(id).first(db).await?.ok_or(Error::NotFound("transfer"))
    }
}
