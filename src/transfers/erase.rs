//! Erasing a client's name and contact data from transfers.

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, ERASED, Erased},
    error::Result,
};

/// Removes name, contact data and texts from the client's transfers.
pub(crate) async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
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
