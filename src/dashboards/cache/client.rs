//! A client's derived columns, recomputed from the client's own bookings.

use crate::{app::unit_of_work::UnitOfWork, domain::ids::ClientId, error::Result};

/// Lets the caches follow a change of a client's record: a name, contact data.
pub async fn follow_client(uow: &mut UnitOfWork, client: &ClientId) -> Result<()> {
    follow_clients(uow, std::slice::from_ref(client)).await
}

/// Lets the caches follow where sessions have gone from one client to another: a merge. Name both.
pub async fn follow_clients(uow: &mut UnitOfWork, clients: &[ClientId]) -> Result<()> {
    let db = uow.db();
    sqlx::query!(
        "select
         from all_clients_table
         where client_id = any ($1)
         order by client_id
         for no key update",
        clients as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!("select internal.recount_clients($1)", clients as &[ClientId]).execute(db).await?;
    Ok(())
}
