//! Requesting the erasure of a client's data, and the dry run that lists what it would do.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    model::{ALONE, EraseRequest, OPEN_FOR},
    refusal::EraseRefusal,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Effect,
    auth::Confirm,
    clients::{self, Candidate},
    db::{
        erasure::{Erased, Outcome},
        scope::Scope,
    },
    domain::{
        ids::{ClientId, EraseRequestId},
        text::Text,
        time::text::ist_text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        etag::Versioned,
        extract::{DryRun, Json, OptionalJson, Path, Query},
    },
    notifications::{self, Notice, NotificationKind, Recipient},
    privacy::erase::{self, Erasure, Ground, Order},
    users,
};

/// Why the data is to be erased, and the caller's password. A dry run needs none of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "confirmation": { "password": "demo-password" },
    "ground": "client_request",
    "reason": "Letter of 2 February"
}))]
pub(super) struct EraseClient {
    /// The caller's password, once more. Required but for a dry run.
    confirmation: Option<Confirm>,
    /// On what ground; `client_request` if not given.
    ground: Option<Ground>,
    /// Why; it is shown to the admin who accepts, and stands in the certificate without the client's name. Required but for
    /// a dry run.
    reason: Option<Text<500>>,
}

/// The effects of an erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasurePlan {
    /// True: nothing was kept.
    dry_run: bool,
    /// The client.
    client_id: ClientId,
    /// The records that were merged into the client's: what is left of them goes too.
    merged_client_ids: Vec<ClientId>,
    /// Rows that would be gone.
    destroyed: Vec<Erased>,
    /// Rows that would stay without what tells whose they are, and on which ground they stay.
    anonymised: Vec<Erased>,
    /// Rows that would stay as they are, and on which ground.
    kept: Vec<Erased>,
    /// Other clients with the same phone or e-mail address, whose data stays: where one of them is the same person, merge the
    /// two first.
    look_alikes: Vec<Candidate>,
    /// The audit entries that would be written.
    effects: Vec<Effect>,
}

/// Request the erasure of a client's data
///
/// Notes are destroyed, all else is made anonymous, in one transaction; money records stay without the name. It cannot be
/// undone, so it takes two admins: this request needs a reason and the password once more (and a code where the second factor
/// is on), all admins are notified, and another admin accepts it within 7 days. In a practice of one admin it is carried out
/// 72 hours after the request, unless it is withdrawn. A dry run needs neither, and answers 200 with the plan: which rows of
/// which table go, which stay and on which ground. Refused while sessions are ahead, a refund is on its way, or a grant or
/// an export of this client waits for review.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/erase",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id"), DryRun),
    request_body = Option<EraseClient>,
    responses(
        (status = 201, description = "Requested", body = EraseRequest),
        (status = 200, description = "The plan: a dry run changes nothing", body = ErasurePlan),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(super) async fn erase_client(
    _: Scope,
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    OptionalJson(EraseClient { confirmation, ground, reason }): OptionalJson<EraseClient>,
) -> Result<Response> {
    let ground = ground.unwrap_or_default();
    if dry_run.unwrap_or(false) {
        return Ok(Json(plan(work, id, ground, reason).await?).into_response());
    }
    Error::ensure_given([("/confirmation", confirmation.is_some()), ("/reason", reason.is_some())])?;
    let (Some(confirmation), Some(reason)) = (confirmation, reason) else {
        return Err(Error::internal("a request without its reason"));
    };
    let confirmation = confirmation.check(&app, &caller, &work).await?;
    let request = confirmation.run(work, async |uow| {
        let made = uow.make_once(async |uow| request(uow, &id, ground, &reason).await).await?;
        let now = uow.now();
        let request = EraseRequest::read(uow.db(), made, now).await?;
        Ok(request.versioned().created(format!("/api/v1/admin/erase-requests/{made}")))
    });
    let request: Versioned<EraseRequest> = request.await?;
    Ok(request.into_response())
}

/// Erases the data in a transaction that is rolled back, and lists what was done.
async fn plan(work: Work, id: ClientId, ground: Ground, reason: Option<Text<500>>) -> Result<ErasurePlan> {
    let dry = work.dry_run(Some(true)).run(async |uow| {
        let requested_by = uow.actor().map(|actor| actor.user_id).ok_or_else(|| Error::internal("nobody erases"))?;
        let requested_at = uow.now();
        erase::lock(uow, &id).await?;
        let reason = reason.as_deref();
        let order = Order { client: &id, ground, reason, requested_by, requested_at, accepted_by: None };
        let look_alikes = clients::look_alikes(uow, &id).await?;
        let erasure = erase::erase(uow, order).await?;
        Ok((erasure, look_alikes, uow.effects().unwrap_or_default()))
    });
    let (Erasure { theirs, erased, certificate: _ }, look_alikes, effects) = dry.await?;
    let part = |fate| erased.iter().filter(|part| part.fate == fate).cloned().collect();
    Ok(ErasurePlan {
        dry_run: true,
        client_id: id,
        merged_client_ids: theirs.clients.iter().skip(1).cloned().collect(),
        destroyed: part(Outcome::Destroyed),
        anonymised: part(Outcome::Anonymised),
        kept: part(Outcome::Kept),
        look_alikes,
        effects,
    })
}

/// Notes the request of a client that may be erased, and notifies all admins.
async fn request(uow: &mut UnitOfWork, client: &ClientId, ground: Ground, reason: &str) -> Result<EraseRequestId> {
    erase::lock(uow, client).await?;
    let theirs = erase::ensure_erasable(uow, client).await?;
    let admin = uow.actor().map(|actor| actor.user_id).ok_or_else(|| Error::internal("nobody requests"))?;
    let now = uow.now();
    super::due::expire(uow, Some(client)).await?;
    let runs_at = users::has_one_admin(uow.db(), now).await?.then(|| now + ALONE);
    let made = sqlx::query_scalar!(
        r#"insert into internal.erase_requests
               (client_id, client_ids, rows, ground, reason, requested_by, requested_at, expires_at, runs_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (client_id) where ended_at is null do nothing
           returning request_id as "request_id: EraseRequestId""#,
        client.as_str(),
        &theirs.clients as &[ClientId],
        theirs.keys(),
        ground as Ground,
        reason,
        admin.0,
        now,
        now + OPEN_FOR,
        runs_at,
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(id) = made else {
        let waiting = sqlx::query_scalar!(
            r#"select request_id as "request_id: EraseRequestId"
               from internal.erase_requests
               where client_id = $1
                 and ended_at is null"#,
            client.as_str(),
        );
        return Err(EraseRefusal::Requested(waiting.fetch_one(uow.db()).await?).into());
    };
    let request = EraseRequest::read(uow.db(), id, now).await?;
    let (name, by) = (request.name(), request.requester_name.as_deref().unwrap_or("An admin"));
    let until = match runs_at {
        Some(at) => format!("it is carried out on {} unless it is withdrawn", ist_text(at)),
        None => format!("another admin may accept it until {}", ist_text(now + OPEN_FOR)),
    };
    let notice = Notice {
        kind: NotificationKind::EraseRequest,
        title: "Erasure requested",
        message: &format!("{by} requests to erase the data of {name}: {until}"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    let sentence = format!("Requested to erase the data of {name}");
    let detail = json!({
        "reason": reason,
        "ground": ground,
        "expires_at": request.expires_at,
        "runs_at": request.runs_at,
    });
    uow.record_first(request.entry("client_erase_request", sentence).detail(detail));
    Ok(id)
}
