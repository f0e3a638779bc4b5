//! Accepting a request to erase: a second admin does, and the data is erased in the same transaction.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{model::EraseRequest, refusal::EraseRefusal};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    auth::Confirm,
    db::erasure::RowsToErase,
    domain::ids::{ClientId, EraseRequestId, UserId},
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, OptionalJson, Path},
    },
    notifications::{self, Notice, NotificationKind, Recipient},
    privacy::erase::{self, Certificate, Erasure, Order},
    users,
};

/// The caller's password; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirmation": { "password": "demo-password" } }))]
pub(super) struct AcceptEraseRequest {
    /// The caller's password, once more. It may be left out: the requester has confirmed the erasure. Where it is given, it
    /// has to be right.
    confirmation: Option<Confirm>,
}

/// Accept a request to erase a client's data
///
/// Erases the data, and answers with the certificate. By another admin than the one who requested it, and one who is
/// independent of the requester: neither made, enabled, reset or re-roled the other's account within the 30 days before the
/// request or since, nor did a third admin both. Each rule against an erasure is checked again. Refused where other records
/// were merged into the client's since the request or rows of the client were added, so that no more is erased than the request
/// shows, and where its requester is no enabled admin any more.
#[utoipa::path(
    post,
    path = "/erase-requests/{id}/accept",
    tag = "clients",
    params(("id" = EraseRequestId, Path, description = "The request's id")),
    request_body = Option<AcceptEraseRequest>,
    responses(
        (status = 201, description = "Erased; the certificate", body = Certificate),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(super) async fn accept_erase_request(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<EraseRequestId>,
    OptionalJson(AcceptEraseRequest { confirmation }): OptionalJson<AcceptEraseRequest>,
) -> Result<Response> {
    let act = async |uow: &mut UnitOfWork| {
        uow.once_or(
            StatusCode::CREATED,
            async |uow| {
                let certificate = accept(uow, id).await?;
                Ok((certificate.certificate_id, certificate))
            },
            async |uow, _: i64| {
                let now = uow.now();
                let client = EraseRequest::read(uow.db(), id, now).await?.client_id;
                let kept = Certificate::of(uow.db(), &client).await?;
                kept.ok_or_else(|| Error::internal("no certificate was kept for a repeat"))
            },
        )
        .await
    };
    let certificate = match confirmation {
        Some(given) => given.check(&app, &caller, &work).await?.run(work, act).await?,
        None => work.run(act).await?,
    };
    let location = format!("/api/v1/admin/clients/{}/erasure", certificate.client_id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(certificate)).into_response())
}

async fn accept(uow: &mut UnitOfWork, id: EraseRequestId) -> Result<Certificate> {
    let now = uow.now();
    let request = EraseRequest::read(uow.db(), id, now).await?;
    request.ensure_waiting()?;
    let admin = uow.actor().map(|actor| actor.user_id).ok_or_else(|| Error::internal("nobody accepts"))?;
    if admin == request.requested_by {
        return Err(EraseRefusal::Own.into());
    }
    let requested_at = request.requested_at.instant().unwrap_or(now);
    users::ensure_independent(uow, admin, request.requested_by, requested_at).await?;
    carry_out(uow, &request.client_id, id, Some(admin)).await
}

/// Erases the data of a request's client, and ends the request. The client is locked before the request, as when the
/// erasure is requested.
pub(super) async fn carry_out(
    uow: &mut UnitOfWork,
    client: &ClientId,
    id: EraseRequestId,
    accepted_by: Option<UserId>,
) -> Result<Certificate> {
    let now = uow.now();
    erase::lock(uow, client).await?;
    let request = EraseRequest::lock(uow.db(), id, now).await?;
    request.ensure_waiting()?;
    if !users::is_enabled_admin(uow.db(), request.requested_by).await? {
        return Err(EraseRefusal::RequesterGone.into());
    }
    let order = Order {
        client,
        ground: request.ground,
        reason: Some(&request.reason),
        requested_by: request.requested_by,
        requested_at: request.requested_at.instant().unwrap_or(now),
        accepted_by,
    };
    let Erasure { theirs, certificate, .. } = erase::erase(uow, order).await?;
    let merged: Vec<ClientId> = theirs.clients.iter().skip(1).cloned().collect();
    if merged != request.merged_client_ids {
        return Err(EraseRefusal::ClientChanged(merged).into());
    }
    ensure_shown(uow, id, &theirs).await?;
    sqlx::query!(
        "update internal.erase_requests
         set ended_at = $2,
             outcome = 'erased',
             ended_by = $3
         where request_id = $1",
        id.0,
        now,
        accepted_by.map(|admin| admin.0),
    )
    .execute(uow.db())
    .await?;
    let how = match accepted_by {
        Some(_) => "another admin accepted it",
        None => "72 hours have passed in a practice of one admin",
    };
    let by = request.requester_name.as_deref().unwrap_or("an admin");
    let number = certificate.certificate_id;
    let notice = Notice {
        kind: NotificationKind::EraseRequest,
        title: "Data erased",
        message: &format!("The data of a client was erased, as {by} had requested: {how}. Certificate {number}"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    Ok(certificate)
}

/// Fails if rows of the client were added since the request, which nobody agreed to erase.
async fn ensure_shown(uow: &mut UnitOfWork, id: EraseRequestId, theirs: &RowsToErase) -> Result<()> {
    let shown = sqlx::query_scalar!(
        r#"select rows @> $2 as "shown!" from internal.erase_requests where request_id = $1"#,
        id.0,
        theirs.keys(),
    )
    .fetch_one(uow.db())
    .await?;
    if shown { Ok(()) } else { Err(EraseRefusal::RowsAdded(theirs.counts()).into()) }
}
