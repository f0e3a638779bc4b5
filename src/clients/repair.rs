//! Repairs of rows that other programs left in `appointment_table`.

use std::collections::BTreeSet;

use crate::{
    app::unit_of_work::UnitOfWork, dashboards::cache, db::repair::RepairedRows, domain::ids::ClientId, error::Result,
};

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
    let mut clients = BTreeSet::new();
    for row in deleted {
        repaired.add(row.session_id);
        clients.extend(row.client_id);
    }
    for client in clients {
        cache::follow_client(uow, &client).await?;
    }
    Ok(repaired)
}
