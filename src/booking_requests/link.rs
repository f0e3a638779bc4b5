//! The link with which the recipient of a request books by themselves: `https://…/book/{token}`.
//!
//! - A request without a link of its own gets one, where it names exactly one therapist at work and its price is known: the one
//!   given, or else what the client paid that therapist last, or others did for the same session.
//! - The link stands in the column, since other programs send it; it is found by an HMAC of its token. It books once within
//!   [`DAYS`], from the last time it was sent on. Afterwards it is good for that booking only, until its session has ended: what
//!   a link opens is said by `internal.opened_link` alone.
//! - Where the practice has sessions paid first, what was chosen is the link's attempt: a booking that is `waiting`. The request
//!   stays `sent` until that is paid ([`fulfil_paid`](super::fulfil_paid)). One that was cancelled or not paid in time counts for
//!   nothing: the link books again.
//! - It opens the booking to whoever has it. So it leaves as CSV masked, and is shown masked once it books no more.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::BookingRequest;
use crate::{
    app::unit_of_work::UnitOfWork,
    auth,
    domain::{
        ids::{BookingId, BookingRequestId, ClientId, TherapistId},
        money::Amount,
        status::RequestStatus,
        time::Timestamp,
    },
    error::{Error, Result},
    therapists::Therapist,
};

/// For how many days a link books.
const DAYS: i64 = 7;
/// Where the page stands; the token follows.
const PAGE: &str = "/book/";
/// It stands for the token of a link that is not shown.
const MASK: &str = "***";

/// A price: an amount and its currency.
pub(super) type Price = (Amount, String);

/// What a link books.
struct Terms {
    therapist_id: TherapistId,
    price: Option<Price>,
}

/// Gives a request a link of this server, and says whether one could be made. `address` is the server's own.
pub(super) async fn make(
    uow: &mut UnitOfWork,
    request: &BookingRequest,
    price: Option<Price>,
    address: Option<&str>,
) -> Result<bool> {
    let Some(address) = address else { return Ok(false) };
    let Some(terms) = terms(uow, request, price).await? else { return Ok(false) };
    let token = auth::new_secret()?;
    let hash = uow.app().seals.links.of(token.as_bytes()).swap_remove(0);
    let (amount, currency) = terms.price.unzip();
    let expires_at = uow.now() + TimeDelta::days(DAYS);
    sqlx::query!(
        "with link as (
             insert into internal.booking_links (request_id, token_hash, therapist_id, amount, currency, expires_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (request_id) do update
             set token_hash = excluded.token_hash,
                 therapist_id = excluded.therapist_id,
                 amount = excluded.amount,
                 currency = excluded.currency,
                 expires_at = excluded.expires_at
         )
         update booking_requests set booking_link = $7 where request_id = $1",
        request.request_id.0,
        hash,
        terms.therapist_id.as_str(),
        amount as Option<Amount>,
        currency,
        expires_at,
        format!("{address}{PAGE}{token}"),
    )
    .execute(uow.db())
    .await?;
    Ok(true)
}

/// The link of a request that was corrected books what the request says now; it books no more where that is not known.
pub(super) async fn follow(uow: &mut UnitOfWork, before: &BookingRequest, now: &BookingRequest) -> Result<()> {
    let same = (&before.therapist_name, &before.therapy_type, before.is_free_consultation, &before.client_id)
        == (&now.therapist_name, &now.therapy_type, now.is_free_consultation, &now.client_id);
    if !now.has_link || same {
        return Ok(());
    }
    let price = (now.is_free_consultation == before.is_free_consultation).then(|| now.price()).flatten();
    if let Some(terms) = terms(uow, now, price).await? {
        let (amount, currency) = terms.price.unzip();
        sqlx::query!(
            "update internal.booking_links set therapist_id = $2, amount = $3, currency = $4 where request_id = $1",
            now.request_id.0,
            terms.therapist_id.as_str(),
            amount as Option<Amount>,
            currency,
        )
        .execute(uow.db())
        .await?;
        return Ok(());
    }
    forget(uow, &[now.request_id.0]).await?;
    sqlx::query!("update booking_requests set booking_link = null where request_id = $1", now.request_id.0)
        .execute(uow.db())
        .await?;
    Ok(())
}

/// A link that is sent again books for as long as a new one.
pub(super) async fn renew(uow: &mut UnitOfWork, id: BookingRequestId) -> Result<()> {
    let expires_at = uow.now() + TimeDelta::days(DAYS);
    sqlx::query!("update internal.booking_links set expires_at = $2 where request_id = $1", id.0, expires_at)
        .execute(uow.db())
        .await?;
    Ok(())
}

/// A booking was chosen by the link of a request, and is to be paid: until it is, the link shows it and does not book another.
pub async fn attempt(uow: &mut UnitOfWork, id: BookingRequestId, booking: &BookingId) -> Result<()> {
    sqlx::query!("update internal.booking_links set attempt_id = $2 where request_id = $1", id.0, booking.as_str(),)
        .execute(uow.db())
        .await?;
    Ok(())
}

/// A booking was not paid in time: the link by which it was chosen books again.
pub async fn forget_attempt(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!("update internal.booking_links set attempt_id = null where attempt_id = $1", booking.as_str())
        .execute(uow.db())
        .await?;
    Ok(())
}

/// The links of these requests open nothing any more.
pub(super) async fn forget(uow: &mut UnitOfWork, requests: &[i32]) -> Result<()> {
    sqlx::query!("delete from internal.booking_links where request_id = any ($1)", requests).execute(uow.db()).await?;
    Ok(())
}

/// Clients have another therapist now: those of their links that have not booked offer that one's times, and their requests
/// name that one.
pub async fn follow_transfer(uow: &mut UnitOfWork, clients: &[ClientId], to: &Therapist) -> Result<()> {
    sqlx::query!(
        "with link as (
             update internal.booking_links l
             set therapist_id = $2
             from internal.request_clients k
             join booking_requests r on r.request_id = k.request_id
             where l.request_id = k.request_id
               and k.client_id = any ($1)
               and internal.request_status(r.status) = $4
             returning l.request_id
         )
         update booking_requests r
         set therapist_name = left($3, 255)
         from link
         where r.request_id = link.request_id",
        clients as &[ClientId],
        to.therapist_id.as_str(),
        to.name,
        RequestStatus::Sent.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// The link without its token; a link of another address as it is.
fn masked(link: &str) -> String {
    match link.rsplit_once(PAGE) {
        Some((address, _)) => format!("{address}{PAGE}{MASK}"),
        None => link.to_owned(),
    }
}

/// The therapist and the price; none where one of them is not known.
async fn terms(uow: &mut UnitOfWork, request: &BookingRequest, price: Option<Price>) -> Result<Option<Terms>> {
    let therapist = sqlx::query_scalar!(
        r#"select min(t.therapist_id) as "therapist_id: TherapistId"
           from therapists t
           where internal.name_key(t.name) = internal.name_key($1)
             and not exists (select from internal.retirements r where r.therapist_id = t.therapist_id)
           having count(*) = 1"#,
        request.therapist_name,
    )
    .fetch_optional(uow.db())
    .await?
    .flatten();
    let Some(therapist_id) = therapist else { return Ok(None) };
    if request.is_free_consultation {
        return Ok(Some(Terms { therapist_id, price: None }));
    }
    let price = match price {
        Some(price) => Some(price),
        None => usual_price(uow, request, &therapist_id).await?,
    };
    Ok(price.map(|price| Terms { therapist_id, price: Some(price) }))
}

/// What the client paid the therapist last; or others, for a session of that name before one of another.
async fn usual_price(uow: &mut UnitOfWork, request: &BookingRequest, therapist: &TherapistId) -> Result<Option<Price>> {
    let paid = sqlx::query!(
        r#"select b.invitee_payment_amount as "amount!: Amount",
                  coalesce(b.invitee_payment_currency, 'INR') as "currency!"
           from (
               select f.booking_id, f.client_id, f.starts_at
               from internal.booking_facts f
               where f.therapist_id = $1
                 and not f.free
               order by f.starts_at desc
               limit 200
           ) f
           join bookings b on b.booking_id = f.booking_id
           where b.invitee_payment_amount > 0
           order by f.client_id is not distinct from $2 desc,
                    internal.fold(b.booking_resource_name) is not distinct from internal.fold($3) desc,
                    f.starts_at desc
           limit 1"#,
        therapist.as_str(),
        request.client_id.as_ref().map(ClientId::as_str),
        request.therapy_type,
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(paid.map(|row| (row.amount, row.currency)))
}

/// What the link of a request books.
#[derive(Debug)]
pub struct LinkedRequest {
    /// The recipient's name, as the request has it.
    pub client_name: String,
    /// Their phone.
    pub client_whatsapp: String,
    /// Their e-mail address.
    pub client_email: Option<String>,
    /// Their client.
    pub client_id: ClientId,
    /// The name of the session.
    pub therapy_type: String,
    /// The price; absent where it is free.
    pub amount: Amount,
    /// Its currency.
    pub currency: Option<String>,
}

/// The request whose link books with a therapist; to be asked while that therapist is locked, so that a link books once.
///
/// # Errors
///
/// [`Error::Contended`] where that has changed since the link was opened: it is opened again.
pub async fn linked(uow: &mut UnitOfWork, id: BookingRequestId, therapist: &TherapistId) -> Result<LinkedRequest> {
    let now = uow.now();
    let request = sqlx::query_as!(
        LinkedRequest,
        r#"select r.client_name as "client_name!",
                  r.client_whatsapp as "client_whatsapp!",
                  r.client_email,
                  k.client_id as "client_id: ClientId",
                  r.therapy_type as "therapy_type!",
                  l.amount as "amount!: Amount",
                  l.currency
           from internal.booking_links l
           join internal.request_clients k on k.request_id = l.request_id
           join booking_requests r on r.request_id = l.request_id
           where l.request_id = $1
             and l.therapist_id = $2
             and l.expires_at > $3
             and internal.request_status(r.status) = $4
             and not exists (
                 select from internal.request_facts f where f.request_id = l.request_id and f.booking_id is not null
             )
             and not exists (
                 select
                 from bookings b
                 where b.booking_id = l.attempt_id
                   and internal.is_active(b.booking_status)
                   and not exists (
                       select from internal.lapsed_bookings($3, array[$2]) o where o.booking_id = b.booking_id
                   )
             )"#,
        id.0,
        therapist.as_str(),
        now,
        RequestStatus::Sent.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    request.ok_or_else(|| Error::contended("the link was used or changed while it was being used"))
}

impl BookingRequest {
    /// The price of the session that its link books.
    fn price(&self) -> Option<Price> {
        self.currency.clone().map(|currency| (self.amount, currency))
    }

    /// As it is shown at an instant: the link as long as it books.
    pub(super) fn shown_at(mut self, now: DateTime<Utc>) -> Self {
        let books = self.status == RequestStatus::Sent.as_str()
            && self.link_expires_at.instant().is_some_and(|expires| expires > now);
        if self.has_link && !books {
            self.link_expires_at = Timestamp::default();
            self = self.without_link();
        }
        self
    }

    /// The same without the token of its link.
    pub(super) fn without_link(mut self) -> Self {
        if self.has_link {
            self.booking_link = self.booking_link.as_deref().map(masked);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_link_has_no_token() {
        assert_eq!(masked("https://api.example.org/book/R2h6Wm5f"), "https://api.example.org/book/***");
        assert_eq!(masked("https://book.example.org/asha-rao/17"), "https://book.example.org/asha-rao/17");
    }
}
