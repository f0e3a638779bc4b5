//! Ending requests that expired, and carrying out those that became due in a practice of one admin. Any instance does so;
//! a lock lets one at a time, and the lock of the client and of the request make it one effect.

use super::{accept::carry_out, model::EraseRequest};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    domain::ids::{ClientId, EraseRequestId},
    error::{Error, Result},
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// The name of the task in audit entries.
const TASK: &str = "erase requests";

/// Ends what expired, and erases what is due.
///
/// # Errors
///
/// If the database is out of reach, or an erasure failed; the others are carried out. A rule against an erasure is no error:
/// the request is tried again until it expires.
pub async fn carry_out_due(app: &App) -> Result<()> {
    let due = Work::of_task(app, TASK).run_if_needed(async |uow| {
        if !claim(uow).await? {
            return Ok(Vec::new());
        }
        expire(uow, None).await?;
        let now = uow.now();
        let due = sqlx::query!(
            r#"select request_id as "request_id: EraseRequestId",
                      client_id as "client_id: ClientId"
               from internal.erase_requests
               where ended_at is null
                 and runs_at <= $1
                 and internal.has_one_admin($1)
               order by runs_at, request_id"#,
            now,
        )
        .fetch_all(uow.db())
        .await?;
        Ok(due.into_iter().map(|row| (row.request_id, row.client_id)).collect())
    });
    let mut failed = Ok(());
    for (id, client) in due.await? {
        let erased = Work::of_task(app, TASK).run_if_needed(async |uow| {
            if claim(uow).await? {
                carry_out(uow, &client, id, None).await?;
            }
            Ok(())
        });
        let ended = match erased.await {
            Err(Error::Refused(refusal)) => note_refusal(app, id, refusal.kind().code).await,
            Err(Error::NotFound(_)) => note_refusal(app, id, "not-found").await,
            ended => ended,
        };
        if let Err(error) = ended {
            // The others do not wait for this one.
            tracing::warn!(request = id.0, %error, "an erasure that is due failed");
            failed = Err(error);
        }
    }
    failed
}

/// Whether no other instance is at it; until the transaction ends.
async fn claim(uow: &mut UnitOfWork) -> Result<bool> {
    let claimed = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('safestories erase requests', 0)) as "claimed!""#
    );
    Ok(claimed.fetch_one(uow.db()).await?)
}

/// Ends the requests that nobody accepted in time: all of them, or those of one client.
pub(super) async fn expire(uow: &mut UnitOfWork, client: Option<&ClientId>) -> Result<()> {
    let now = uow.now();
    let expired = sqlx::query_scalar!(
        r#"update internal.erase_requests
           set ended_at = expires_at,
               outcome = 'expired'
           where ended_at is null
             and expires_at <= $1
             and ($2::text is null or client_id = $2)
           returning request_id as "request_id: EraseRequestId""#,
        now,
        client.map(ClientId::as_str),
    )
    .fetch_all(uow.db())
    .await?;
    for id in expired {
        let request = EraseRequest::read(uow.db(), id, now).await?;
        let message = format!("Nobody accepted the request to erase the data of {} in time", request.name());
        let notice = Notice {
            kind: NotificationKind::EraseRequest,
            title: "Erasure expired",
            message: &message,
            related_id: Some(&id.to_string()),
            to: &[Recipient::EveryAdmin],
        };
        notifications::notify(uow, notice).await?;
        uow.record(request.entry("client_erase_expire", message));
    }
    Ok(())
}

/// Notes why a request that is due was not carried out, unless that is known.
async fn note_refusal(app: &App, id: EraseRequestId, code: &str) -> Result<()> {
    let noted = Work::of_task(app, TASK).run_if_needed(async |uow| {
        let another = sqlx::query!(
            "update internal.erase_requests
             set refused_as = $2
             where request_id = $1
               and ended_at is null
               and refused_as is distinct from $2",
            id.0,
            code,
        )
        .execute(uow.db())
        .await?;
        if another.rows_affected() > 0 {
            let now = uow.now();
            let request = EraseRequest::read(uow.db(), id, now).await?;
            let sentence = format!("Could not erase the data of {} yet", request.name());
            uow.record(request.entry("client_erase_refused", sentence).detail(serde_json::json!({ "problem": code })));
        }
        Ok(())
    });
    noted.await
}
