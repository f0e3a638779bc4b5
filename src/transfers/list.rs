//! Listing transfers, latest first: all, or a client's.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{Transfer, TransferDetail, select_transfers};
use crate::{
    app::state::App,
    clients,
    db::scope::Scope,
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
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "meera")]
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
struct TransferList {
    therapist_id: Option<TherapistId>,
    client_id: Option<ClientId>,
    made: Period,
    search: Option<Search>,
}

impl TransferList {
    fn of(filter: TransferFilter, app: &App) -> Result<Self> {
        Ok(Self {
            therapist_id: filter.therapist_id,
            client_id: filter.client_id,
            made: Period::of(filter.from, filter.to, filter.tz, app.zone)?,
            search: filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?,
        })
    }
}

/// One page in one direction: the order's key and its type, the comparison with the position, and the direction.
macro_rules! page_of_transfers {
    ($key:literal: $type:literal, $beyond:literal, $direction:literal, $list:expr, $position:expr) => {
        select_transfers!(
            $key,
            [
                r#"where ($1::text is null or h.from_therapist_id = $1 or h.to_therapist_id = $1)
                and ($2::text is null or h.transfer_id in (select internal.client_transfers($2)))
                and ($3::timestamp is null or coalesce(h.transfer_date, '-infinity') >= $3)
                and ($4::timestamp is null or coalesce(h.transfer_date, '-infinity') < $4)
                and ($5::text is null
                     or internal.search_text(h.client_name, h.client_email, h.client_phone)
                         like any (internal.search_patterns($5)))
                and ($6::text is null or ("# $key ", h.transfer_id) " $beyond " ($6::text::" $type
                ", $7::text::integer)) order by " $key " " $direction ", h.transfer_id " $direction " limit $8"
            ],
            $list.therapist_id.as_ref().map(TherapistId::as_str),
            $list.client_id.as_ref().map(ClientId::as_str),
            $list.made.from.map(Timestamp::from) as Option<Timestamp>,
            $list.made.before.map(Timestamp::from) as Option<Timestamp>,
            $list.search.as_deref(),
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl List for TransferList {
    type Row = Transfer;
    type Order = TransferOrder;

    async fn rows(&self, db: &mut PgConnection, order: TransferOrder, position: &Position) -> Result<Vec<Transfer>> {
        use TransferOrder as O;
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending {
                    page_of_transfers!($key: $type, "<", "desc", self, position).fetch_all(db).await
                } else {
                    page_of_transfers!($key: $type, ">", "asc", self, position).fetch_all(db).await
                }
            };
        }
        Ok(match order {
            O::LatestFirst | O::EarliestFirst => read!("coalesce(h.transfer_date, '-infinity')": "timestamp"),
            O::NameUp | O::NameDown => read!("left(internal.fold(coalesce(h.client_name, '')), 100)": "text"),
        }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from client_transfer_history h
               where ($1::text is null or h.from_therapist_id = $1 or h.to_therapist_id = $1)
                 and ($2::text is null or h.transfer_id in (select internal.client_transfers($2)))
                 and ($3::timestamp is null or coalesce(h.transfer_date, '-infinity') >= $3)
                 and ($4::timestamp is null or coalesce(h.transfer_date, '-infinity') < $4)
                 and ($5::text is null
                      or internal.search_text(h.client_name, h.client_email, h.client_phone)
                          like any (internal.search_patterns($5)))"#,
            self.therapist_id.as_ref().map(TherapistId::as_str),
            self.client_id.as_ref().map(ClientId::as_str),
            self.made.from.map(Timestamp::from) as Option<Timestamp>,
            self.made.before.map(Timestamp::from) as Option<Timestamp>,
            self.search.as_deref(),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(transfer: &Transfer) -> Key {
        Key { sort: transfer.sort_key.clone(), id: transfer.transfer_id.to_string() }
    }
}
