//! Transfers of a client who is erased or merged.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ERASED, Erased, RowsToErase},
    domain::ids::ClientId,
    error::Result,
};

/// Removes name, contact data and texts from the client's transfers.
pub(crate) async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update client_transfer_history
         set client_name = $2,
             client_email = null,
             client_phone = null,
             reason = null,
             notes = null
         where transfer_id = any ($1)",
        &theirs.transfers,
        ERASED,
    )
    .execute(uow.db())
    .await?;
    Ok(vec![
        Erased::anonymised(
            "client_transfer_history",
            &theirs.transfers,
            &["client_name", "client_email", "client_phone", "reason", "notes"],
            "The history of the practice: who gave a client to whom, and when.",
        ),
        Erased::kept("internal.transfer_clients", &theirs.transfers, "Ids only: which transfer was of which record."),
    ])
}

/// Links the transfers of the other client to the surviving one, those included that are recognised by phone and name
/// only.
pub(crate) async fn follow_merge(db: &mut PgConnection, survivor: &ClientId, gone: &ClientId) -> Result<u64> {
    let moved = sqlx::query!(
        "insert into internal.transfer_clients (transfer_id, client_id)
         select transfer_id, $1
         from internal.client_transfers($2) as theirs (transfer_id)
         on conflict (transfer_id) do update
         set client_id = excluded.client_id",
        survivor.as_str(),
        gone.as_str(),
    )
    .execute(db)
    .await?;
    Ok(moved.rows_affected())
}
