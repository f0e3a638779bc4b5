//! Booking requests of a client who is erased or merged, and rows that other programs left in `booking_requests`.

use super::link;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::{
        erasure::{ERASED, Erased, RowsToErase},
        repair::RepairedRows,
    },
    domain::{ids::ClientId, status::RequestStatus},
    error::Result,
};

/// Takes name, phone, address and link out of a client's requests. One that is still open is closed: the link that was
/// sent leads nowhere any more.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update booking_requests
         set client_name = $2,
             client_whatsapp = $2,
             client_email = null,
             booking_link = null,
             status = case internal.request_status(status) when $3 then $4 else status end
         where request_id = any ($1)",
        &theirs.requests,
        ERASED,
        RequestStatus::Sent.as_str(),
        RequestStatus::Expired.as_str(),
    )
    .execute(uow.db())
    .await?;
    link::forget(uow, &theirs.requests).await?;
    Ok(vec![
        Erased::anonymised(
            "booking_requests",
            &theirs.requests,
            &["client_name", "client_whatsapp", "client_email", "booking_link", "status"],
            "The practice's figures count the requests; an open one is closed.",
        ),
        Erased::destroyed("internal.booking_links", &theirs.requests),
        Erased::kept("internal.request_clients", &theirs.requests, "Ids only: which request was about which record."),
    ])
}

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
          join booking_requests r on internal.phone_key(r.client_whatsapp) = internal.phone_key(c.phone_number)
          where c.client_id = $2
            and internal.name_key(r.client_name) = internal.name_key(c.client_name)
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

/// Writes the known states of requests in their written form.
pub async fn respell(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with changed as (
               update booking_requests
               set status = internal.word(status)
               where status <> internal.word(status)
                 and internal.word(status) in ('sent', 'booked', 'expired')
               returning request_id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}
