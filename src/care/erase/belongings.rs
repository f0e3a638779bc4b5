//! Which rows are one client's.
//!
//! A booking is a client's through its appointment; what hangs on the booking (notes, payments, refunds, forms, the record of
//! its cancellation) is the client's with it. Requests and transfers are linked. What was merged into the client is the
//! client's. Rows of other programs that name nobody's id are recognised by phone and name, as everywhere, and linked
//! first.
//!
//! By index throughout.

use sqlx::PgConnection;

use crate::care::merge;
use crate::{
    clients,
    platform::{
        erasure::Belongings,
        error::Result,
        ids::{BookingId, ClientId},
        text::NO_NAME,
        work::UnitOfWork,
    },
    requests,
};

/// Links what is the client's and not linked yet; gives all of it, and the bookings that were found only now. The client
/// is held.
pub(super) async fn gather(uow: &mut UnitOfWork, client: &ClientId) -> Result<(Belongings, Vec<BookingId>)> {
    let claimed = clients::claim(uow, client).await?;
    requests::follow_merge(uow, client, client).await?;
    merge::follow_merge(uow.db(), client, client).await?;
    Ok((of(uow.db(), client).await?, claimed))
}

/// All that is linked to a client.
async fn of(db: &mut PgConnection, client: &ClientId) -> Result<Belongings> {
    let clients = sqlx::query_scalar!(
        r#"with recursive gone as (
               select i.client_id
               from internal.clients i
               where i.merged_into = $1
               union
               select i.client_id
               from gone
               join internal.clients i on i.merged_into = gone.client_id
           )
           select client_id as "client_id!: ClientId"
           from gone
           where client_id <> $1
           order by client_id"#,
        client.as_str(),
    )
    .fetch_all(&mut *db)
    .await?;
    let clients: Vec<ClientId> = std::iter::once(client.clone()).chain(clients).collect();
    let bookings = sqlx::query_scalar!(
        r#"select distinct session_id as "session_id!: BookingId"
           from appointment_table
           where client_id = any ($1)
           order by 1"#,
        &clients as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    let found = sqlx::query!(
        r#"select array(select id from booking_cancelled where booking_id = any ($2) order by 1) as "cancellations!",
                  array(
                      select l.request_id from internal.request_clients l where l.client_id = any ($1) order by 1
                  ) as "requests!",
                  array(
                      select l.transfer_id from internal.transfer_clients l where l.client_id = any ($1) order by 1
                  ) as "transfers!",
                  array(select note_id from client_session_notes where booking_id = any ($2) order by 1)
                      as "session_notes!",
                  array(select note_id from client_additional_notes where booking_id = any ($2) order by 1)
                      as "additional_notes!",
                  array(select payment_id from payments where booking_id = any ($2) order by 1) as "payments!",
                  array(
                      select id
                      from refund_cancellation_table
                      where session_id = any ($2)
                        and (client_id is null or client_id = any ($1))
                      union
                      select id from refund_cancellation_table where client_id = any ($1)
                      order by 1
                  ) as "refunds!",
                  array(select link_id from client_doc_form where booking_id = any ($2) order by 1) as "forms!",
                  array(select grant_id from internal.break_glass_grants where client_id = any ($1) order by 1)
                      as "grants!""#,
        &clients as &[ClientId],
        &bookings as &[BookingId],
    )
    .fetch_one(&mut *db)
    .await?;
    let mut theirs = Belongings {
        clients,
        bookings,
        cancellations: found.cancellations,
        requests: found.requests,
        transfers: found.transfers,
        session_notes: found.session_notes,
        additional_notes: found.additional_notes,
        payments: found.payments,
        refunds: found.refunds,
        forms: found.forms,
        grants: found.grants,
        words: Vec::new(),
    };
    theirs.words = words(db, &theirs).await?;
    Ok(theirs)
}

/// How the client is called and reached, in every way that these rows write it. What stands for nothing is left out.
async fn words(db: &mut PgConnection, theirs: &Belongings) -> Result<Vec<String>> {
    let words = sqlx::query_scalar!(
        r#"select distinct btrim(word) as "word!"
           from (
               select unnest(array[client_name, phone_number, email_id]::text[])
               from all_clients_table
               where client_id = any ($1)
               union all
               select unnest(array[client_name, contact_info]::text[])
               from appointment_table
               where session_id = any ($2)
               union all
               select unnest(array[invitee_name, invitee_phone, invitee_email, invitee_payment_name])
               from bookings
               where booking_id = any ($2)
               union all
               select unnest(array[invitee_name, invitee_number, invitee_email])
               from booking_cancelled
               where id = any ($3)
               union all
               select unnest(array[client_name, client_whatsapp, client_email]::text[])
               from booking_requests
               where request_id = any ($4)
               union all
               select unnest(array[client_name, client_email, client_phone]::text[])
               from client_transfer_history
               where transfer_id = any ($5)
               union all
               select client_name
               from client_session_notes
               where note_id = any ($6)
               union all
               select unnest(array[invitee_name, invitee_email])
               from payments
               where payment_id = any ($7)
               union all
               select client_name
               from refund_cancellation_table
               where id = any ($8)
           ) as said (word)
           where length(btrim(word)) between 2 and 300
             and lower(btrim(word)) not in ('na', 'n/a', 'none', 'null', 'nil')
             and btrim(word) <> $9
           order by 1"#,
        &theirs.clients as &[ClientId],
        &theirs.bookings as &[BookingId],
        &theirs.cancellations,
        &theirs.requests,
        &theirs.transfers,
        &theirs.session_notes,
        &theirs.payments,
        &theirs.refunds,
        NO_NAME,
    )
    .fetch_all(db)
    .await?;
    Ok(words)
}
