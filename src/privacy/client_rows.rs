//! Finds a client's rows in every table; no other place does.
//!
//! - Records that were merged into the client's are theirs, with all that still names them.
//! - A booking is theirs by its appointment. One that has none yet, written by another program, is recognised as every
//!   operation would recognise it: by phone and name together. So are requests and transfers that are linked to nobody.
//! - Nothing is theirs by the phone alone (parents and couples share one) or by the name alone. Rows of other programs'
//!   audit log name people by nothing else, so they are nobody's.

use sqlx::PgConnection;

use crate::{
    domain::ids::{BookingId, ClientId},
    error::Result,
    notifications::{self, About},
};

/// The keys of all rows of one client.
#[derive(Debug, Default)]
pub(crate) struct ClientRows {
    /// The client's id first; then those of the records that were merged into it.
    pub(crate) clients: Vec<ClientId>,
    /// Bookings, and sessions of the client's appointments whose booking is gone.
    pub(crate) bookings: Vec<BookingId>,
    /// `booking_cancelled`.
    pub(crate) cancellations: Vec<i32>,
    /// `booking_requests`.
    pub(crate) requests: Vec<i32>,
    /// `client_transfer_history`.
    pub(crate) transfers: Vec<i32>,
    /// `client_session_notes`, and those of which versions are left.
    pub(crate) session_notes: Vec<i32>,
    /// `client_additional_notes`.
    pub(crate) additional_notes: Vec<i32>,
    /// `payments`.
    pub(crate) payments: Vec<i32>,
    /// `refund_cancellation_table`.
    pub(crate) refunds: Vec<i32>,
    /// `client_doc_form`.
    pub(crate) forms: Vec<i32>,
    /// `notifications`.
    pub(crate) notifications: Vec<i32>,
    /// `audit_logs`.
    pub(crate) audit_logs: Vec<i32>,
    /// `therapist_clients_summary`.
    pub(crate) summaries: Vec<i32>,
    /// `therapist_appointments_cache`.
    pub(crate) cached_appointments: Vec<i32>,
    /// `internal.messages`.
    pub(crate) messages: Vec<i32>,
    /// `internal.break_glass_grants`.
    pub(crate) grants: Vec<i32>,
    /// `internal.erase_requests`.
    pub(crate) erase_requests: Vec<i32>,
}

impl ClientRows {
    /// Those of a client.
    pub(crate) async fn of(db: &mut PgConnection, client: &ClientId) -> Result<Self> {
        let clients = records(db, client).await?;
        let bookings = bookings(db, &clients).await?;
        let mut theirs = Self { clients, bookings, ..Self::default() };
        theirs.find_what_names_them(db).await?;
        theirs.find_what_hangs_on_bookings(db).await?;
        theirs.find_what_was_told(db).await?;
        Ok(theirs)
    }

    /// Requests, transfers and refunds.
    async fn find_what_names_them(&mut self, db: &mut PgConnection) -> Result<()> {
        self.requests = sqlx::query_scalar!(
            r#"select l.request_id as "request_id!"
               from internal.request_clients l
               join booking_requests r on r.request_id = l.request_id
               where l.client_id = any ($1)
               union
               select r.request_id
               from all_clients_table c
               join booking_requests r on internal.phone_key(r.client_whatsapp) = internal.phone_key(c.phone_number)
               where c.client_id = any ($1)
                 and internal.name_key(r.client_name) = internal.name_key(c.client_name)
                 and not exists (select from internal.request_clients l where l.request_id = r.request_id)"#,
            &self.clients as &[ClientId],
        )
        .fetch_all(&mut *db)
        .await?;
        self.transfers = sqlx::query_scalar!(
            r#"select distinct theirs.transfer_id as "transfer_id!"
               from unnest($1::text[]) as c (client_id)
               cross join lateral internal.client_transfers(c.client_id) as theirs (transfer_id)"#,
            &self.clients as &[ClientId],
        )
        .fetch_all(&mut *db)
        .await?;
        self.refunds = sqlx::query_scalar!(
            r#"select r.id as "id!"
               from refund_cancellation_table r
               where r.client_id = any ($1)
               union
               select r.id
               from refund_cancellation_table r
               where r.session_id = any ($2)
                 and (r.client_id is null or r.client_id = any ($1))"#,
            &self.clients as &[ClientId],
            &self.bookings as &[BookingId],
        )
        .fetch_all(db)
        .await?;
        Ok(())
    }

    /// Finds the rows that refer to a booking.
    async fn find_what_hangs_on_bookings(&mut self, db: &mut PgConnection) -> Result<()> {
        let rows = sqlx::query!(
            r#"select array(select id from booking_cancelled where booking_id = any ($1)) as "cancellations!",
                      array(
                          select note_id from client_session_notes where booking_id = any ($1)
                          union
                          -- Deleted by another program, but for its versions.
                          select v.note_id
                          from internal.note_versions v
                          where v.author_id is null
                            and v.booking_id = any ($1)
                            and not exists (select from client_session_notes n where n.note_id = v.note_id)
                      ) as "session_notes!",
                      array(select note_id from client_additional_notes where booking_id = any ($1))
                          as "additional_notes!",
                      array(select payment_id from payments where booking_id = any ($1)) as "payments!",
                      array(select link_id from client_doc_form where booking_id = any ($1)) as "forms!",
                      array(select id from internal.appointments_cache_rows where booking_id = any ($1))
                          as "cached_appointments!""#,
            &self.bookings as &[BookingId],
        )
        .fetch_one(db)
        .await?;
        self.cancellations = rows.cancellations;
        self.session_notes = rows.session_notes;
        self.additional_notes = rows.additional_notes;
        self.payments = rows.payments;
        self.forms = rows.forms;
        self.cached_appointments = rows.cached_appointments;
        Ok(())
    }

    /// Finds the notifications about them, and their audit log rows.
    async fn find_what_was_told(&mut self, db: &mut PgConnection) -> Result<()> {
        let rows = sqlx::query!(
            r#"select array(
                          select distinct log_id
                          from internal.audit_entries
                          where client_id = any ($1)
                            and log_id is not null
                      ) as "audit_logs!",
                      array(select id from internal.clients_summary_rows where client_id = any ($1)) as "summaries!",
                      array(
                          select message_id
                          from internal.messages
                          where booking_id = any ($2)
                             or request_id = any ($3)
                      ) as "messages!",
                      array(select grant_id from internal.break_glass_grants where client_id = any ($1))
                          as "grants!",
                      array(select request_id from internal.erase_requests where client_id = any ($1))
                          as "erase_requests!""#,
            &self.clients as &[ClientId],
            &self.bookings as &[BookingId],
            &self.requests,
        )
        .fetch_one(&mut *db)
        .await?;
        self.audit_logs = rows.audit_logs;
        self.summaries = rows.summaries;
        self.messages = rows.messages;
        self.grants = rows.grants;
        self.erase_requests = rows.erase_requests;
        let Self { bookings, transfers, requests, grants, erase_requests, .. } = &*self;
        let theirs = About { bookings, transfers, requests, grants, erase_requests };
        self.notifications = notifications::about(db, theirs).await?;
        Ok(())
    }
}

/// The client's record, and those that were merged into it.
async fn records(db: &mut PgConnection, client: &ClientId) -> Result<Vec<ClientId>> {
    let records = sqlx::query_scalar!(
        r#"with recursive theirs as (
               select $1::text as client_id
               union
               select i.client_id
               from theirs
               join internal.clients i on i.merged_into = theirs.client_id
           )
           select client_id as "client_id!: ClientId"
           from theirs
           order by client_id <> $1, client_id"#,
        client.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(records)
}

/// Bookings: by their appointments; those without one by phone and name, looked for in the index of the search first.
async fn bookings(db: &mut PgConnection, clients: &[ClientId]) -> Result<Vec<BookingId>> {
    let bookings = sqlx::query_scalar!(
        r#"select session_id as "booking_id!: BookingId"
           from appointment_table
           where client_id = any ($1)
           union
           select b.booking_id
           from all_clients_table c
           join internal.booking_facts f on f.search like '%' || right(internal.phone_key(c.phone_number), 7) || '%'
           join bookings b on b.booking_id = f.booking_id
           where c.client_id = any ($1)
             and internal.phone_key(b.invitee_phone) = internal.phone_key(c.phone_number)
             and internal.name_key(b.invitee_name) = internal.name_key(c.client_name)
             and b.booking_id is not null
             and not exists (
                 select
                 from appointment_table a
                 where a.session_id = b.booking_id
                   and a.client_id is not null
             )"#,
        clients as &[ClientId],
    )
    .fetch_all(db)
    .await?;
    Ok(bookings)
}
