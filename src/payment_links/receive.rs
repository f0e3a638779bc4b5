//! What the gateway tells of links and their payments, in a message or where it is asked.
//!
//! Messages come in any order and more than once; the end is the same. Whether a payment was late is decided by when its money was
//! taken, against when the link ended.

use chrono::{DateTime, Utc};

use super::{
    apply::{end, free},
    model::{LinkState, PaymentLink},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    bookings::{Session, Unpaid},
    db::{
        received::{Received, Written},
        scope::Scope,
    },
    domain::{
        ids::{BookingId, PaymentLinkId},
        money::Amount,
    },
    error::{Error, Result},
    payments::{self, Paid, SaidPayment},
};

/// The end of a link, as the gateway tells it.
#[derive(Debug, Clone)]
pub struct SaidLink {
    /// Our reference, or the gateway's id of it.
    pub names: Vec<String>,
    /// How it ended; none where the gateway has to be asked.
    pub state: Option<LinkState>,
    /// Since when.
    pub at: Option<DateTime<Utc>>,
}

/// Writes a payment as it is told: of a link, or of none.
///
/// # Errors
///
/// If the data of its client was erased.
pub async fn receive(uow: &mut UnitOfWork, said: &SaidPayment) -> Result<Received> {
    let names: Vec<String> = said.link.iter().chain(&said.references).cloned().collect();
    let Some(link) = lock(uow, &names).await? else {
        // Money that is only authorised is of no payment yet.
        let nothing = said.paid.is_none() && said.refund.is_none();
        return if nothing { Ok(Received::Overtaken) } else { payments::receive(uow, said).await };
    };
    let booking = link.booking_id.clone();
    let mut said = SaidPayment { booking_id: Some(booking.clone()), ..said.clone() };
    said.link = Some(link.reference_id.clone());
    let Some(paid) = said.paid.clone() else {
        if let Some(at) = said.authorized_at {
            authorize(uow, &link, at).await?;
        }
        if said.refund.is_some() {
            return payments::receive(uow, &said).await;
        }
        return Ok(Received::Written(Written { booking: Some(booking), rows: Vec::new(), contradicts: None }));
    };
    let is_late = is_late(&link, &paid);
    if is_late {
        // As if its messages had come in order, each at its time.
        if link.stands() {
            end(uow, &link, LinkState::Expired, None).await?;
        }
        if link.stands() || link.state == LinkState::Expired {
            free(uow, &link, Unpaid::InTime).await?;
        }
    }
    said.contradicts = said.contradicts.or(contradiction(uow, &link, &said, &paid, is_late).await?);
    let received = payments::receive(uow, &said).await?;
    if matches!(received, Received::Written(_)) {
        settle(uow, &link, &said, &paid, is_late).await?;
    }
    Ok(received)
}

/// Whether money was taken after the link had ended.
fn is_late(link: &PaymentLink, paid: &Paid) -> bool {
    match link.state {
        LinkState::Making | LinkState::Open => link.expires_at.instant().is_some_and(|over| paid.captured_at > over),
        LinkState::Paid => link.paid_late,
        LinkState::Expired | LinkState::Cancelled | LinkState::Refused => true,
    }
}

/// The rule that a payment contradicts.
async fn contradiction(
    uow: &mut UnitOfWork,
    link: &PaymentLink,
    said: &SaidPayment,
    paid: &Paid,
    is_late: bool,
) -> Result<Option<&'static str>> {
    if is_late {
        return Ok(Some("it was paid after the link had ended: the money is kept or goes back"));
    }
    let found = sqlx::query!(
        r#"select exists (
                      select
                      from payments p
                      where p.booking_id = $1
                        and internal.booking_paid(p.amount) > 0
                        and (p.payment_reference_id = any ($2)) is not true
                  ) as "is_paid!",
                  ($3::text::numeric, $4::text) <> ($5::numeric, $6::text) as "differs!""#,
        link.booking_id.as_str(),
        &said.references,
        paid.amount,
        paid.currency,
        link.amount as Amount,
        link.currency,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(match (found.is_paid, found.differs) {
        (true, _) => Some("the booking had been paid in another way: one of the payments goes back"),
        (false, true) => Some("another amount was paid than the link asked for"),
        (false, false) => None,
    })
}

/// The link is paid.
async fn settle(
    uow: &mut UnitOfWork,
    link: &PaymentLink,
    said: &SaidPayment,
    paid: &Paid,
    is_late: bool,
) -> Result<()> {
    let order = said.references.iter().find(|reference| reference.starts_with("order_"));
    sqlx::query!(
        "update internal.payment_links
         set state = 'paid',
             paid_at = $2,
             paid_late = $3,
             order_id = coalesce($4, order_id),
             gateway_payment_id = coalesce($5, gateway_payment_id),
             holds_until = null,
             reason = null,
             due_at = null
         where link_id = $1
           and state <> 'paid'",
        link.link_id.0,
        paid.captured_at,
        is_late,
        order,
        said.gateway_payment_id,
    )
    .execute(uow.db())
    .await?;
    if uow.is_idle() {
        let entry = Entry::new("payment_link_pay", "A payment link was paid").on("booking", &link.booking_id);
        uow.record(entry.quiet());
    }
    Ok(())
}

/// Money is authorised, and not taken: kept with the link.
async fn authorize(uow: &mut UnitOfWork, link: &PaymentLink, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update internal.payment_links set authorized_at = coalesce(authorized_at, $2) where link_id = $1",
        link.link_id.0,
        at,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Writes the end of a link as it is told.
///
/// # Errors
///
/// If the data of its client was erased.
pub async fn receive_link(uow: &mut UnitOfWork, said: &SaidLink) -> Result<Received> {
    let Some(link) = lock(uow, &said.names).await? else {
        return Ok(Received::Missing("no payment link has this reference"));
    };
    match said.state {
        Some(state) if link.stands() => end(uow, &link, state, said.at).await?,
        // It was paid before this message came: was it late?
        Some(LinkState::Expired) if link.state == LinkState::Paid => {
            if said.at.is_some_and(|over| link.paid_at.instant().is_some_and(|paid| paid > over)) {
                sqlx::query!("update internal.payment_links set paid_late = true where link_id = $1", link.link_id.0,)
                    .execute(uow.db())
                    .await?;
            }
        }
        Some(_) => {}
        None => {
            let now = uow.now();
            sqlx::query!(
                "update internal.payment_links set due_at = $2 where link_id = $1 and state = 'open'",
                link.link_id.0,
                now,
            )
            .execute(uow.db())
            .await?;
        }
    }
    Ok(Received::Written(Written { booking: Some(link.booking_id), rows: Vec::new(), contradicts: None }))
}

/// Finds a link by its reference, or by the gateway's id of it, of its order or its payment; locks its booking, then the link.
async fn lock(uow: &mut UnitOfWork, names: &[String]) -> Result<Option<PaymentLink>> {
    let found = sqlx::query!(
        r#"select link_id as "link_id: PaymentLinkId", booking_id as "booking_id: BookingId"
           from internal.payment_links
           where reference_id = any ($1)
              or gateway_id = any ($1)
              or order_id = any ($1)
              or gateway_payment_id = any ($1)
           order by link_id
           limit 1"#,
        names,
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(found) = found else { return Ok(None) };
    match Session::lock(uow, &Scope::Practice, &found.booking_id).await {
        // A booking that another program deleted: the payment finds none either.
        Ok(_) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    sqlx::query!("select from internal.payment_links where link_id = $1 for no key update", found.link_id.0)
        .fetch_optional(uow.db())
        .await?;
    PaymentLink::read(uow.db(), found.link_id).await.map(Some)
}
