//! Withdrawing a request to erase: any admin may, also one who declines it.

use serde_json::json;

use super::{
    model::{EraseRequest, EraseRequestState},
    refusal::EraseRefusal,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    domain::ids::EraseRequestId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// Withdraw a request to erase a client's data
///
/// Ends it, and nothing is erased. Its requester may, and so may any other admin who declines it; all admins are notified.
/// Refused once it has ended.
#[utoipa::path(
    delete,
    path = "/erase-requests/{id}",
    tag = "clients",
    params(("id" = EraseRequestId, Path, description = "The request's id"), Preconditions),
    responses((status = 200, description = "Withdrawn", body = EraseRequest), Problems),
)]
pub(super) async fn withdraw_erase_request(
    work: Work,
    Path(id): Path<EraseRequestId>,
    conditions: Preconditions,
) -> Result<Versioned<EraseRequest>> {
    work.run(async |uow| {
        withdraw(uow, id, &conditions).await?;
        let now = uow.now();
        Ok(EraseRequest::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

async fn withdraw(uow: &mut UnitOfWork, id: EraseRequestId, conditions: &Preconditions) -> Result<()> {
    let now = uow.now();
    let request = EraseRequest::lock(uow.db(), id, now).await?;
    conditions.check(&request.version, &request)?;
    request.ensure_waiting()?;
    let admin = uow.actor().map(|actor| actor.user_id);
    sqlx::query!(
        "update internal.erase_requests
         set ended_at = $2,
             outcome = 'withdrawn',
             ended_by = $3
         where request_id = $1",
        id.0,
        now,
        admin.map(|admin| admin.0),
    )
    .execute(uow.db())
    .await?;
    let name = request.name();
    let notice = Notice {
        kind: NotificationKind::EraseRequest,
        title: "Erasure withdrawn",
        message: &format!("The request to erase the data of {name} was withdrawn"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    let sentence = format!("Withdrew the request to erase the data of {name}");
    let detail = json!({ "requested_by": request.requested_by, "requested_at": request.requested_at });
    uow.record(request.entry("client_erase_withdraw", sentence).detail(detail));
    Ok(())
}

impl EraseRequest {
    /// Fails once the request has ended.
    pub(super) fn ensure_waiting(&self) -> Result<()> {
        match self.state {
            EraseRequestState::Waiting => Ok(()),
            state => Err(EraseRefusal::Closed(state).into()),
        }
    }
}
