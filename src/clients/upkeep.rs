//! Clients and appointments that are transferred, and rows that other programs left in `appointment_table`.

use crate::{
    app::unit_of_work::UnitOfWork, db::repair::RepairedRows, domain::ids::ClientId, error::Result,
    therapists::Therapist,
};

/// Assigns clients to a therapist, whatever therapist they had. The therapists' rows and the clients' must be locked.
pub async fn hand_over(uow: &mut UnitOfWork, clients: &[ClientId], to: &Therapist) -> Result<()> {
    sqlx::query!(
        "update all_clients_table
         set therapist_id = $2, assigned_therapist = left($3, 255)
         where client_id = any ($1)",
        clients as &[ClientId],
        to.therapist_id.as_str(),
        to.name,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Deletes appointments that stand there more than once, equal in every column: one of them stays.
pub async fn delete_twins(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let deleted = sqlx::query!(
        r#"delete from appointment_table a
           using (
               select t.ctid, row_number() over (partition by t order by t.ctid) as place
               from appointment_table t
           ) twins
           where a.ctid = twins.ctid
             and twins.place > 1
           returning a.session_id, a.client_id as "client_id: ClientId""#,
    )
    .fetch_all(uow.db())
    .await?;
    let mut repaired = RepairedRows::default();
    for row in deleted {
        repaired.add(row.session_id);
    }
    Ok(repaired)
}
