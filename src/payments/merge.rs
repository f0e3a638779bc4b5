//! Refunds follow their client in a merge.

use crate::{app::unit_of_work::UnitOfWork, domain::ids::ClientId, error::Result};

/// Writes the surviving client into the refunds of the other one; returns how many there were. Both clients must be
/// locked.
pub async fn follow_merge(uow: &mut UnitOfWork, survivor: &ClientId, gone: &ClientId) -> Result<u64> {
    let moved = sqlx::query!(
        "update refund_cancellation_table
         set client_id = $1
         where client_id = $2",
        survivor.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(moved.rows_affected())
}
