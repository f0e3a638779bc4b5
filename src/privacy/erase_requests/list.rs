//! Listing requests to erase, for those who accept them.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{EraseRequest, EraseRequestState};
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{ClientId, EraseRequestId, UserId},
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{AnyOf, Path},
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
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EraseRequestFilter {
    /// Only those that stand so.
    #[serde(default)]
    #[param(value_type = Option<Vec<EraseRequestState>>, inline, style = Form, explode = false)]
    state: AnyOf<EraseRequestState>,
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
    request.answer(EraseRequests { request_id: None, filter, now: app.clock.now() }).await
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
pub(super) struct EraseRequests {
    pub(super) request_id: Option<EraseRequestId>,
    pub(super) filter: EraseRequestFilter,
    pub(super) now: DateTime<Utc>,
}

impl List for EraseRequests {
    type Row = EraseRequest;
    type Order = EraseRequestOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: EraseRequestOrder,
        position: &Position,
    ) -> Result<Vec<EraseRequest>> {
        let requests = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(EraseRequest),
            [r#"
                select q.request_id as "request_id: EraseRequestId",
                       q.client_id as "client_id: ClientId",
                       c.client_name as "client_name?",
                       i.merged_into as "merged_into?: ClientId",
                       array_remove(q.client_ids, q.client_id) as "merged_client_ids!: Vec<ClientId>",
                       coalesce(
                           (
                               select jsonb_object_agg(r.key, jsonb_array_length(r.value))
                               from jsonb_each(q.rows) r
                               where jsonb_array_length(r.value) > 0
                           ),
                           '{}'
                       ) as "tables!",
                       q.ground as "ground: Ground",
                       q.reason,
                       q.requested_by as "requested_by: UserId",
                       coalesce(r.full_name, r.name) as requester_name,
                       q.requested_at as "requested_at!: Timestamp",
                       q.expires_at as "expires_at!: Timestamp",
                       q.runs_at as "runs_at!: Timestamp",
                       q.refused_as,
                       case when q.outcome is null and q.expires_at <= $1 then 'expired'
                            else coalesce(q.outcome, 'waiting')
                       end as "state!: EraseRequestState",
                       case when q.outcome is null and q.expires_at <= $1 then q.expires_at else q.ended_at
                       end as "ended_at!: Timestamp",
                       q.ended_by as "ended_by: UserId",
                       coalesce(e.full_name, e.name) as ended_by_name,
                       k.erasure_id as "certificate_id?",
                       q.xmin::text as "version!",
                       q.requested_at::text as "sort_key!"
                from internal.erase_requests q
                left join internal.clients i on i.client_id = q.client_id and i.merged_into is not null
                left join all_clients_table c on c.client_id = coalesce(i.merged_into, q.client_id)
                left join users r on r.id = q.requested_by
                left join users e on e.id = q.ended_by
                left join internal.erasure_certificates k on k.client_id = q.client_id and q.outcome = 'erased'
                where true
                  and q.request_id = $2
                  and (case when q.outcome is null and q.expires_at <= $1 then 'expired' else coalesce(q.outcome, 'waiting') end) = any ($3::text[])
                  and q.client_id = $4
                  and (q.requested_at, q.request_id) < ($5::text::timestamptz, $6::text::integer) -- by any
                order by
                    q.requested_at desc, -- by any
                    q.request_id desc -- by any
                limit $7
            "#],
            self.now,
            self.request_id.map(|id| id.0),
            self.filter.state.words() => Option<Vec<&str>>,
            self.filter.client_id.as_ref().map(ClientId::as_str),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(requests)
    }

    fn key(request: &EraseRequest) -> Key {
        Key { sort: request.sort_key.clone(), id: request.request_id.to_string() }
    }
}

impl EraseRequest {
    /// Reads one.
    pub(super) async fn read(db: &mut PgConnection, id: EraseRequestId, now: DateTime<Utc>) -> Result<Self> {
        let one = EraseRequests { request_id: Some(id), filter: EraseRequestFilter::default(), now };
        one.first(db).await?.ok_or(Error::NotFound("erase request"))
    }
}
