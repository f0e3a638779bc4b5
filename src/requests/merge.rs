//! Booking requests follow their client in a merge.

use crate::{app::unit_of_work::UnitOfWork, domain::ids::ClientId, error::Result};

/// Links the requests of the other client to the surviving one; returns how many there were. Both clients must be
/// locked.
///
/// Those of other programs are linked to nobody: they are recognised by the other record's phone and name, as clients are.
/// Those go with the record, so the link is made now.
pub async fn follow_merge(uow: &mut UnitOfWork, survivor: &ClientId, gone: &ClientId) -> Result<u64> {
    let moved = sqlx::query!(
        r"insert into internal.request_clients (request_id, client_id)
          select l.request_id, $1
          from internal.request_clients l
          where l.client_id = $2
          union all
          select r.request_id, $1
          from all_clients_table c
          join booking_requests r on internal.phone_tail(r.client_whatsapp) = internal.phone_tail(c.phone_number)
          where c.client_id = $2
            and length(internal.phone_tail(c.phone_number)) >= 6
            and lower(regexp_replace(r.client_name, '\s', '', 'g')) = lower(regexp_replace(c.client_name, '\s', '', 'g'))
            and not exists (select from internal.request_clients l where l.request_id = r.request_id)
          on conflict (request_id) do update
          set client_id = excluded.client_id",
        survivor.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(moved.rows_affected())
}
