//! Listing requests to erase, for those who accept them.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{EraseRequest, EraseRequestState, select_erase_requests};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{ClientId, EraseRequestId, UserId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
    privacy::erase::Ground,
};

orders! {
    /// The orders in which requests to erase can be listed.
    EraseRequestOrder: LatestFirst = "-requested_at", EarliestFirst = "requested_at"
}

/// The filters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EraseRequestFilter {
    /// Only those that stand so.
    #[param(inline)]
    state: Option<EraseRequestState>,
    /// Only those for this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
}

/// List requests to erase a client's data
///
/// Latest first; `state=waiting` are those to be accepted. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/erase-requests",
    tag = "clients",
    params(
        EraseRequestFilter,
        ("sort" = inline(Option<EraseRequestOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of requests", content(
            (Page<EraseRequest> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_erase_requests(
    _: Scope,
    State(app): State<App>,
    Listing { filter, request }: Listing<EraseRequestFilter, EraseRequestOrder>,
) -> Result<Response> {
    request.answer(EraseRequests { filter, now: app.clock.now() }).await
}

/// Get a request to erase a client's data
///
/// How it stands, and until when it may be accepted.
#[utoipa::path(
    get,
    path = "/erase-requests/{id}",
    tag = "clients",
    params(("id" = EraseRequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request", body = EraseRequest),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_erase_request(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<EraseRequestId>,
    unless: Preconditions,
) -> Result<Versioned<EraseRequest>> {
    let mut db = app.db.read(&scope).await?;
    Ok(EraseRequest::read(&mut db, id, app.clock.now()).await?.versioned().unless(unless))
}

/// The filtered requests, as they are at an instant.
struct EraseRequests {
    filter: EraseRequestFilter,
    now: DateTime<Utc>,
}

impl List for EraseRequests {
    type Row = EraseRequest;
    type Order = EraseRequestOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        _: EraseRequestOrder,
        position: &Position,
    ) -> Result<Vec<EraseRequest>> {
        macro_rules! page {
            ($beyond:literal, $direction:literal) => {
                select_erase_requests!(
                    [
                        "where ($2::text is null or $2 = case
                                    when q.outcome is null and q.expires_at <= $1 then 'expired'
                                    else coalesce(q.outcome, 'waiting')
                                end)
                           and ($3::text is null or q.client_id = $3)
                           and ($4::text is null or (q.requested_at, q.request_id) " $beyond
                        " ($4::text::timestamptz, $5::text::integer))
                         order by q.requested_at " $direction ", q.request_id " $direction
                        " limit $6"
                    ],
                    self.now,
                    self.filter.state.map(EraseRequestState::as_str),
                    self.filter.client_id.as_ref().map(ClientId::as_str),
                    position.sort(),
                    position.id(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        Ok(if position.descending { page!("<", "desc") } else { page!(">", "asc") }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from internal.erase_requests q
               where ($2::text is null or $2 = case
                          when q.outcome is null and q.expires_at <= $1 then 'expired'
                          else coalesce(q.outcome, 'waiting')
                      end)
                 and ($3::text is null or q.client_id = $3)"#,
            self.now,
            self.filter.state.map(EraseRequestState::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(request: &EraseRequest) -> Key {
        Key { sort: request.sort_key.clone(), id: request.request_id.to_string() }
    }
}
