//! The search across clients, bookings and therapists.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    candidates::{self, FoundBooking},
    hit::Hit,
    rank::{Field, Fit},
    terms::Terms,
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{contact::Search, ids::ClientId},
    error::{Error, Result, problem::Problems},
    http::extract::{Json, Query},
};

/// The default number of hits of a kind.
const DEFAULT_LIMIT: usize = 10;
/// The most hits of a kind.
const MAX_LIMIT: usize = 50;
/// How much less a booking fits than the client it was found by.
const BY_CLIENT: f64 = 0.9;

/// The query parameters of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchParams {
    /// A name (one typo is forgiven), a phone in any notation, an e-mail address, an id or how it begins, the reference
    /// of a payment.
    #[param(min_length = 3, max_length = 100, example = "meera")]
    q: String,
    /// How many of each kind at most (1 to 50).
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 50, default = 10, example = 10)]
    limit: Option<usize>,
}

fn limit<'de, D: Deserializer<'de>>(input: D) -> Result<Option<usize>, D::Error> {
    let fault = || serde::de::Error::custom(format_args!("must be from 1 to {MAX_LIMIT}"));
    match Option::<u64>::deserialize(input).map_err(|_| fault())?.map(usize::try_from) {
        None => Ok(None),
        Some(Ok(limit @ 1..=MAX_LIMIT)) => Ok(Some(limit)),
        Some(_) => Err(fault()),
    }
}

/// The results of a search.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchResults {
    /// The hits of all kinds, the best first.
    data: Vec<Hit>,
}

/// Search
///
/// Clients, bookings and therapists by name, phone, e-mail address, id or payment reference, the best first. At most 200
/// of a kind are looked at.
#[utoipa::path(
    get,
    path = "/search",
    tag = "search",
    params(SearchParams),
    responses((status = 200, description = "The matches", body = SearchResults), Problems),
)]
pub(super) async fn search(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<SearchParams>,
) -> Result<Json<SearchResults>> {
    let search = Search::parse_longer(&params.q).map_err(|fault| Error::query("q", fault))?;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    let mut db = app.db.read(&scope).await?;
    let terms = Terms::read(&mut db, &search).await?;
    let mut clients = candidates::clients(&mut db, &terms).await?;
    let therapists = candidates::therapists(&mut db, &terms).await?;
    let mut fits: HashMap<ClientId, Fit> = HashMap::new();
    clients.retain(|client| {
        let fit = terms.fit(&client.known());
        fit.is_some_and(|fit| fits.insert(client.client_id.clone(), fit).is_none())
    });
    clients.sort_by(|one, other| fits[&other.client_id].0.total_cmp(&fits[&one.client_id].0));
    let ids: Vec<&str> = clients.iter().map(|client| client.client_id.as_str()).collect();
    let bookings = candidates::bookings(&mut db, &terms, &ids).await?;
    drop(db);
    let of_booking = |booking: &FoundBooking| {
        let by_client = booking.found_by.as_ref().and_then(|client| fits.get(client)).copied();
        let own = terms.fit(&booking.known());
        let less = own.into_iter().chain(by_client).map(|(score, field)| match field {
            Field::Id | Field::Reference if own == Some((score, field)) => (score, field),
            _ => (score * BY_CLIENT, field),
        });
        less.max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let clients = clients.into_iter().map(|client| (fits.get(&client.client_id).copied(), client));
    let mut data = best(clients.map(|(fit, client)| Some(client.hit(fit?))), limit);
    data.extend(best(therapists.into_iter().map(|one| terms.fit(&one.known()).map(|fit| one.hit(fit))), limit));
    data.extend(best(bookings.into_iter().map(|one| of_booking(&one).map(|fit| one.hit(fit, app.zone))), limit));
    data.sort_by(Hit::order);
    Ok(Json(SearchResults { data }))
}

/// The best hits, each once.
fn best(hits: impl Iterator<Item = Option<Hit>>, limit: usize) -> Vec<Hit> {
    let mut hits: Vec<Hit> = hits.flatten().collect();
    hits.sort_by(Hit::order);
    let mut seen = HashSet::new();
    hits.retain(|hit| seen.insert(hit.id.clone()));
    hits.truncate(limit);
    hits
}
