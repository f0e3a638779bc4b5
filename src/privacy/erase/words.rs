//! The input of an erasure: the client's rows ([`ClientRows`]), and the words that name the client.
//!
//! Rows of other programs without a client's id are recognised by phone and name, as everywhere, and linked first:
//! anonymous rows could not be recognised any more.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    booking_requests, clients,
    db::erasure::RowsToErase,
    domain::{
        ids::{BookingId, ClientId},
        text::NO_NAME,
    },
    error::Result,
};
use crate::{privacy::client_rows::ClientRows, transfers};

/// Links rows of the client that are not linked yet; returns all rows, and the bookings newly linked. The client must
/// be locked.
pub(crate) async fn gather(uow: &mut UnitOfWork, client: &ClientId) -> Result<(RowsToErase, Vec<BookingId>)> {
    let claimed = clients::link_unassigned_bookings(uow, client).await?;
    booking_requests::follow_merge(uow, client, client).await?;
    transfers::follow_merge(uow.db(), client, client).await?;
    Ok((of(uow.db(), client).await?, claimed))
}

/// All that is a client's, and how they are called in it.
pub(crate) async fn of(db: &mut PgConnection, client: &ClientId) -> Result<RowsToErase> {
    let found = ClientRows::of(db, client).await?;
    let mut theirs = RowsToErase {
        clients: found.clients,
        bookings: found.bookings,
        cancellations: found.cancellations,
        requests: found.requests,
        transfers: found.transfers,
        session_notes: found.session_notes,
        additional_notes: found.additional_notes,
        payments: found.payments,
        refunds: found.refunds,
        forms: found.forms,
        grants: found.grants,
        erase_requests: found.erase_requests,
        words: Vec::new(),
    };
    theirs.words = words(db, &theirs).await?;
    Ok(theirs)
}

/// The client's names, phones and addresses, in every spelling of these rows. Placeholders are left out.
async fn words(db: &mut PgConnection, theirs: &RowsToErase) -> Result<Vec<String>> {
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
                 and (client_id is null or client_id = any ($1))
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
             and internal.word(word) not in ('na', 'n/a', 'none', 'null', 'nil')
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
