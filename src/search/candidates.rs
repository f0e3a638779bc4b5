//! Finds the candidates of a search: at most [`MOST`] rows of a kind.
//!
//! Each statement is a list of lookups, the best kind of match first, under one limit: PostgreSQL goes through them in order
//! and stops when it has enough. A lookup whose argument is null finds nothing and costs nothing. So no statement has an
//! optional condition, and one plan serves all searches.
//!
//! Arguments stand in subqueries, so that the planner does not know their values. Otherwise it expects so many rows of a
//! common name that it scans the table until it has met 200 of them.

use sqlx::PgConnection;

use super::terms::Terms;
use crate::{
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        time::Timestamp,
    },
    error::Result,
};

/// The most rows of a kind that are looked at.
pub(super) const MOST: usize = 200;
/// How many bookings of each client are looked up at least, where many clients were found.
const OF_EACH: usize = 5;

/// A client who may be looked for.
#[derive(Debug)]
pub(super) struct FoundClient {
    pub(super) client_id: ClientId,
    pub(super) client_name: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) email_id: Option<String>,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) assigned_therapist: Option<String>,
    pub(super) folded_id: String,
    pub(super) folded_name: Option<String>,
    pub(super) phone_digits: Option<String>,
    pub(super) folded_email: Option<String>,
}

/// A therapist who may be looked for.
#[derive(Debug)]
pub(super) struct FoundTherapist {
    pub(super) therapist_id: TherapistId,
    pub(super) name: String,
    pub(super) contact_info: Option<String>,
    pub(super) specialization: Option<String>,
    pub(super) folded_id: String,
    pub(super) folded_name: Option<String>,
    pub(super) phone_digits: Option<String>,
    pub(super) folded_contact: Option<String>,
}

/// A booking that may be looked for.
#[derive(Debug)]
pub(super) struct FoundBooking {
    pub(super) booking_id: BookingId,
    /// The client found, if it was found by its client.
    pub(super) found_by: Option<ClientId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) booking_host_name: Option<String>,
    pub(super) booking_status: Option<String>,
    pub(super) booking_start_at: Timestamp,
    pub(super) invitee_name: Option<String>,
    pub(super) folded_id: String,
    pub(super) folded_name: Option<String>,
    pub(super) phone_digits: Option<String>,
    pub(super) folded_email: Option<String>,
    pub(super) folded_reference: Option<String>,
    pub(super) folded_payment_reference: Option<String>,
}

/// Clients: by id, by how their name begins, by whole words, by parts, by words with a typo.
pub(super) async fn clients(db: &mut PgConnection, terms: &Terms) -> Result<Vec<FoundClient>> {
    let words = terms.long_words();
    let clients = sqlx::query_as!(
        FoundClient,
        r#"select c.client_id as "client_id!: ClientId",
                  c.client_name,
                  c.phone_number,
                  c.email_id,
                  c.therapist_id as "therapist_id: TherapistId",
                  c.assigned_therapist,
                  internal.fold(c.client_id) as "folded_id!",
                  internal.fold(c.client_name) as folded_name,
                  internal.phone_digits(c.phone_number) as phone_digits,
                  internal.fold(c.email_id) as folded_email
           from (
               (select * from all_clients_table
                where left(internal.fold(client_id), 100) ~>=~ (select $1::text)
                  and left(internal.fold(client_id), 100) ~<~ (select $2::text)
                limit 50)
               union all
               (select * from all_clients_table
                where internal.search_text(client_name, email_id, phone_number) like (select $7::text)
                limit 200)
               union all
               (select * from all_clients_table
                where left(internal.fold(coalesce(client_name, '')), 100) ~>=~ (select $1)
                  and left(internal.fold(coalesce(client_name, '')), 100) ~<~ (select $2)
                limit 200)
               union all
               (select * from all_clients_table
                where internal.word_variants(client_name) @> (
                    select array[left($3::text, 24), left($4::text, 24), left($5::text, 24)]
                    where $3 is not null
                )
                limit 200)
               union all
               (select * from all_clients_table
                where internal.search_text(client_name, email_id, phone_number) like (select $6::text)
                limit 200)
               union all
               (select * from all_clients_table
                where internal.word_variants(client_name) && (select internal.word_variants($3))
                  and internal.word_variants(client_name) && (select internal.word_variants($4))
                  and internal.word_variants(client_name) && (select internal.word_variants($5))
                limit 200)
               limit 200
           ) c
           -- One look-up a row: an anti-join would read the whole table.
           where (select own.merged_into from internal.clients own where own.client_id = c.client_id) is null"#,
        terms.text,
        terms.prefix_end(),
        words[0],
        words[1],
        words[2],
        terms.pattern(),
        terms.digits_pattern(),
    )
    .fetch_all(db)
    .await?;
    Ok(clients)
}

/// Therapists, likewise. They are few.
pub(super) async fn therapists(db: &mut PgConnection, terms: &Terms) -> Result<Vec<FoundTherapist>> {
    let words = terms.long_words();
    let therapists = sqlx::query_as!(
        FoundTherapist,
        r#"select t.therapist_id as "therapist_id!: TherapistId",
                  coalesce(t.name, '(no name)') as "name!",
                  t.contact_info,
                  t.specialization,
                  internal.fold(t.therapist_id) as "folded_id!",
                  internal.fold(t.name) as folded_name,
                  internal.phone_digits(t.contact_info) as phone_digits,
                  internal.fold(t.contact_info) as folded_contact
           from (
               (select * from therapists
                where starts_with(internal.fold(therapist_id), $1)
                   or starts_with(internal.fold(name), $1)
                limit 200)
               union all
               (select * from therapists
                where internal.search_text(name, contact_info, contact_info) like any (array[$5, $6])
                limit 200)
               union all
               (select * from therapists
                where internal.word_variants(name) && (select internal.word_variants($2))
                  and internal.word_variants(name) && (select internal.word_variants($3))
                  and internal.word_variants(name) && (select internal.word_variants($4))
                limit 200)
               limit 200
           ) t
           where t.therapist_id is not null"#,
        terms.text,
        words[0],
        words[1],
        words[2],
        terms.pattern(),
        terms.digits_pattern(),
    )
    .fetch_all(db)
    .await?;
    Ok(therapists)
}

/// Bookings: by id, by the reference of their payment, the latest ones of the clients found (best first), by the start
/// of the name written when booking; and where no client was found, by any part of the written data.
pub(super) async fn bookings(db: &mut PgConnection, terms: &Terms, clients: &[&str]) -> Result<Vec<FoundBooking>> {
    let of_each = MOST.div_ceil(clients.len().max(1)).max(OF_EACH);
    let unknown = clients.is_empty();
    let bookings = sqlx::query_as!(
        FoundBooking,
        r#"select b.booking_id as "booking_id!: BookingId",
                  f.client_id as "found_by?: ClientId",
                  a.client_id as "client_id?: ClientId",
                  b.therapist_id as "therapist_id: TherapistId",
                  b.booking_host_name,
                  internal.booking_status(b.booking_status) as booking_status,
                  b.booking_start_at as "booking_start_at!: Timestamp",
                  b.invitee_name,
                  internal.fold(b.booking_id) as "folded_id!",
                  internal.fold(b.invitee_name) as folded_name,
                  internal.phone_digits(b.invitee_phone) as phone_digits,
                  internal.fold(b.invitee_email) as folded_email,
                  internal.fold(b.invitee_payment_reference_id) as folded_reference,
                  internal.fold(f.reference) as folded_payment_reference
           from (
               (select booking_id, null::text as client_id, null::text as reference
                from bookings
                where left(internal.fold(booking_id), 100) ~>=~ (select $1::text)
                  and left(internal.fold(booking_id), 100) ~<~ (select $2::text)
                limit 50)
               union all
               (select booking_id, null, null
                from bookings
                where invitee_payment_reference_id is not null
                  and left(internal.fold(invitee_payment_reference_id), 100) ~>=~ (select $1)
                  and left(internal.fold(invitee_payment_reference_id), 100) ~<~ (select $2)
                limit 50)
               union all
               (select booking_id, null, payment_reference_id
                from payments
                where payment_reference_id is not null
                  and left(internal.fold(payment_reference_id), 100) = (select $1)
                limit 50)
               union all
               (select latest.session_id, found.client_id, null
                from unnest($3::text[]) with ordinality as found (client_id, place)
                cross join lateral (
                    select session_id
                    from appointment_table
                    where client_id = found.client_id
                    order by session_id desc
                    limit $4
                ) latest)
               union all
               (select booking_id, null, null
                from internal.booking_facts
                where left(name, 100) >= (select $1)
                  and left(name, 100) < (select $2)
                order by left(name, 100)
                limit 200)
               union all
               (select booking_id, null, null
                from internal.booking_facts
                where search like (select $6::text)
                limit 200)
               union all
               (select booking_id, null, null
                from internal.booking_facts
                where search like (select $5::text)
                limit 200)
               limit 200
           ) f
           join bookings b on b.booking_id = f.booking_id
           left join lateral internal.appointment_of(b.booking_id) a on true"#,
        terms.text,
        terms.prefix_end(),
        clients as &[&str],
        i64::try_from(of_each).unwrap_or_default(),
        terms.pattern().filter(|_| unknown),
        terms.digits_pattern().filter(|_| unknown),
    )
    .fetch_all(db)
    .await?;
    Ok(bookings)
}
