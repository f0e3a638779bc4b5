//! Transferring many clients at once: those named, or all of a therapist's. All are transferred, or none.
//!
//! An interrupted request changes nothing. The answer to a repeat with the same `Idempotency-Key` is read from the
//! audit trail, where the entries of one request stand together.

use std::collections::HashSet;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    plan::{Handover, Leave, Load, TransferPlan, Whom},
    reassign::hand_over,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Effect,
    db::scope::Scope,
    domain::{
        ids::{ClientId, TherapistId, TransferId},
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Query},
    },
};

/// The most clients that one request names.
const MOST: usize = 200;

/// Which clients are transferred, and to whom: `client_ids` or `from_therapist_id`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "from_therapist_id": "58701",
    "to_therapist_id": "58703",
    "reason": "Asha Rao is on leave until June",
    "leave_clashing": true
}))]
pub(crate) struct TransferClients {
    /// The clients: 1 to 200 ids.
    #[schema(min_items = 1, max_items = 200)]
    client_ids: Option<Vec<ClientId>>,
    /// All clients of this therapist.
    from_therapist_id: Option<TherapistId>,
    /// The new therapist.
    to_therapist_id: TherapistId,
    /// Why; kept in the history. Needed with `allow_overlap`.
    reason: Option<Text<2000>>,
    /// Further notes for the history.
    notes: Option<Text<5000>>,
    /// True: sessions at whose time the new therapist is busy stay with the therapist they are with. Of two that move and
    /// overlap each other, the later one stays.
    leave_clashing: Option<bool>,
    /// True: all sessions ahead stay with the therapists they are with.
    leave_upcoming: Option<bool>,
    /// True: transfer although the new therapist then has more upcoming bookings than they take, as when booking; needs a
    /// `reason`. A clash is not waived: leave those sessions.
    allow_overlap: Option<bool>,
}

/// The result for the clients, or of the dry run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferredClients {
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// One for each client, by the clients' ids.
    transfers: Vec<TransferredClient>,
    /// The new therapist's load after the transfer.
    #[schema(value_type = Load)]
    load: Value,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effects: Option<Vec<Effect>>,
}

/// The result for one of many clients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferredClient {
    /// The transfer; absent from a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    transfer_id: Option<TransferId>,
    /// The client.
    client_id: ClientId,
    /// The client's former therapist.
    from_therapist_id: Option<TherapistId>,
    /// The outcome for the client's sessions.
    #[schema(value_type = TransferPlan)]
    plan: Value,
}

/// Transfer many clients
///
/// Those named, or all of a therapist's, in one transaction: all of them or none. The answer has the outcome for each
/// client, as by the transfer of one. A dry run answers with the same, and keeps nothing.
#[utoipa::path(
    post,
    path = "/clients/transfer",
    tag = "transfers",
    params(DryRun),
    request_body = TransferClients,
    responses((status = 200, description = "Transferred", body = TransferredClients), Problems),
)]
pub(crate) async fn transfer_clients(
    _: Scope,
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
    Json(request): Json<TransferClients>,
) -> Result<Response> {
    let run = work.dry_run(dry_run).run(async |uow| {
        let answer = uow.once_or(
            StatusCode::OK,
            async |uow| transfer(uow, request).await,
            async |uow, earlier: TransferId| {
                let (transfers, load) = repeated(uow, earlier).await?;
                Ok(TransferredClients { dry_run: None, transfers, load, effects: None })
            },
        );
        Ok(Json(answer.await?).into_response())
    });
    run.await
}

/// Transfers them; answers with the first transfer too, by which a repeat finds all of them.
async fn transfer(uow: &mut UnitOfWork, request: TransferClients) -> Result<(TransferId, TransferredClients)> {
    let whom = request.whom()?;
    let how = Handover {
        to: request.to_therapist_id,
        reason: request.reason,
        notes: request.notes,
        leave: Leave::of(request.leave_clashing, request.leave_upcoming),
        allow_overlap: request.allow_overlap.unwrap_or(false),
    };
    let (done, load) = hand_over(uow, &whom, &how.check()?, &Preconditions::default()).await?;
    let first = done.first().map(|first| first.transfer_id);
    let first = first.ok_or_else(|| Error::internal("no client was transferred"))?;
    let effects = uow.effects();
    let transfers = done.into_iter().map(|one| TransferredClient {
        transfer_id: effects.is_none().then_some(one.transfer_id),
        client_id: one.client.client_id,
        from_therapist_id: one.client.therapist_id,
        plan: json!(one.plan),
    });
    let answer = TransferredClients {
        dry_run: effects.is_some().then_some(true),
        transfers: transfers.collect(),
        load: json!(load),
        effects,
    };
    Ok((first, answer))
}

impl TransferClients {
    /// The clients that the request names.
    fn whom(&self) -> Result<Whom> {
        match (&self.client_ids, &self.from_therapist_id) {
            (Some(_), Some(_)) => Err(Error::body("/from_therapist_id", "contradicts client_ids: send one of them")),
            (None, None) => Err(Error::body("/client_ids", "is missing; or send from_therapist_id")),
            (None, Some(therapist)) => Ok(Whom::AllOf(therapist.clone())),
            (Some(ids), None) if ids.is_empty() || ids.len() > MOST => {
                Err(Error::body("/client_ids", format!("takes 1 to {MOST} clients")))
            }
            (Some(ids), None) => {
                let mut seen = HashSet::new();
                match ids.iter().position(|id| !seen.insert(id)) {
                    Some(at) => Err(Error::body(format!("/client_ids/{at}"), "stands there twice")),
                    None => Ok(Whom::These(ids.clone())),
                }
            }
        }
    }
}

/// The result of the request that `first` is a transfer of, read from the audit trail.
async fn repeated(uow: &mut UnitOfWork, first: TransferId) -> Result<(Vec<TransferredClient>, Value)> {
    let entries = sqlx::query!(
        r#"select e.subject_id as "transfer_id!", e.client_id as "client_id!: ClientId", e.detail
           from internal.audit_entries e
           where e.log_id = (
                   select log_id
                   from internal.audit_entries
                   where subject_type = 'transfer'
                     and subject_id = $1
                     and outcome = 'done'
                   order by entry_id desc
                   limit 1
               )
             and e.subject_type = 'transfer'
           order by e.client_id"#,
        first.to_string(),
    )
    .fetch_all(uow.db())
    .await?;
    let load = entries.first().map_or(Value::Null, |entry| entry.detail["load"].clone());
    let transfers = entries.into_iter().map(|entry| TransferredClient {
        transfer_id: entry.transfer_id.parse().ok().map(TransferId),
        client_id: entry.client_id,
        from_therapist_id: entry.detail["from_therapist_id"].as_str().map(TherapistId::from),
        plan: entry.detail["plan"].clone(),
    });
    Ok((transfers.collect(), load))
}
