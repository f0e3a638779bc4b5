//! Merging two client records: the transfers.

use sqlx::PgConnection;

use crate::{domain::ids::ClientId, error::Result};

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
