//! Transferring a client to another therapist.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    model::{Transfer, TransferDetail},
    plan::{HandedOver, Handover, Leave, Load, TransferPlan, Whom},
    reassign::hand_over,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Effect,
    db::scope::Scope,
    domain::{
        ids::{ClientId, TherapistId},
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
};

/// To whom a client is transferred.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to_therapist_id": "58702",
    "reason": "Evening sessions",
    "notes": "Agreed with both therapists",
    "leave_clashing": true
}))]
pub(crate) struct TransferClient {
    /// The new therapist.
    to_therapist_id: TherapistId,
    /// Why; kept in the history. Needed with `allow_overlap`.
    reason: Option<Text<2000>>,
    /// Further notes for the history.
    notes: Option<Text<5000>>,
    /// True: sessions at whose time the new therapist is busy stay with the therapist they are with.
    leave_clashing: Option<bool>,
    /// True: all sessions ahead stay with the therapist they are with.
    leave_upcoming: Option<bool>,
    /// True: transfer although the new therapist then has more upcoming bookings than they take, as when booking; needs a
    /// `reason`. A clash is not waived: leave those sessions.
    allow_overlap: Option<bool>,
}

/// The effects of a transfer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferPreview {
    /// True: nothing was kept.
    dry_run: bool,
    /// The client.
    client_id: ClientId,
    /// The therapist whom the client is assigned to.
    from_therapist_id: Option<TherapistId>,
    /// The client's new therapist.
    #[schema(example = "58702")]
    to_therapist_id: TherapistId,
    /// The outcome for the client's sessions.
    plan: TransferPlan,
    /// The new therapist's load.
    load: Load,
    /// The audit entries that would be written.
    effects: Vec<Effect>,
}

/// Transfer a client
///
/// The client goes to another therapist, and so do the sessions ahead with the present one; past sessions and notes stay
/// with who held them. Refused when the new therapist is busy at the time of one of them, unless those are left where they
/// are. Both therapists and the other admins are told. A dry run answers 200 with what would be done, or is refused as the
/// real one would be, with the same facts.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/transfer",
    tag = "transfers",
    params(("client_id" = ClientId, Path, description = "The client's id"), DryRun, Preconditions),
    request_body = TransferClient,
    responses(
        (status = 201, description = "Transferred", body = TransferDetail),
        (status = 200, description = "The plan: a dry run changes nothing", body = TransferPreview),
        Problems,
    ),
)]
pub(crate) async fn transfer_client(
    _: Scope,
    work: Work,
    Path(id): Path<ClientId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    Json(request): Json<TransferClient>,
) -> Result<Response> {
    let how = Handover {
        to: request.to_therapist_id,
        reason: request.reason,
        notes: request.notes,
        leave: Leave::of(request.leave_clashing, request.leave_upcoming),
        allow_overlap: request.allow_overlap.unwrap_or(false),
    };
    let run = work.dry_run(dry_run).run(async |uow| {
        let transferred = uow.once_or(
            StatusCode::CREATED,
            async |uow| {
                let (done, load) = hand_over(uow, &Whom::One(id), &how.check()?, &conditions).await?;
                let [HandedOver { transfer_id, client, plan }] = <[HandedOver; 1]>::try_from(done)
                    .map_err(|_| Error::internal("one client was not one transfer"))?;
                let transfer = Transfer::read(uow.db(), transfer_id).await?;
                let Some(effects) = uow.effects() else {
                    return Ok((transfer_id, created(uow, transfer, Some(json!(plan))).await?));
                };
                let preview = TransferPreview {
                    dry_run: true,
                    client_id: client.client_id,
                    from_therapist_id: client.therapist_id,
                    to_therapist_id: transfer.to_therapist_id,
                    plan,
                    load,
                    effects,
                };
                Ok((transfer_id, Json(preview).into_response()))
            },
            async |uow, id| {
                let transfer = Transfer::read(uow.db(), id).await?;
                let plan = transfer.plan(uow.db()).await?;
                created(uow, transfer, plan).await
            },
        );
        transferred.await
    });
    run.await
}

async fn created(uow: &mut UnitOfWork, transfer: Transfer, plan: Option<Value>) -> Result<Response> {
    let id = transfer.transfer_id;
    // Its fields get the order in which the audit trail stores them, so that the version equals that of a later read.
    let plan = sqlx::query_scalar!("select $1::jsonb", plan).fetch_one(uow.db()).await?;
    Ok(transfer.with(plan).created(format!("/api/v1/admin/transfers/{id}")).into_response())
}
