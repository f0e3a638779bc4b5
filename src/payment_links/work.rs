//! The worker: makes and cancels links that nobody has an answer for, ends those whose time is over, and asks for the others every
//! night.
//!
//! A link is claimed by moving its time on, in a transaction of its own; the gateway is called outside of one.

use chrono::TimeDelta;

use super::{
    apply::{self, TASK},
    make,
    model::{LinkState, PaymentLink},
    receive::receive,
};
use crate::{
    app::{state::App, unit_of_work::Work},
    bookings::Unpaid,
    db::deadline::{STEP, within},
    domain::{ids::PaymentLinkId, money::from_minor},
    error::{Error, Result},
    payments::{Paid, SaidPayment},
    razorpay::{self, Account, Captured, LinkStatus, Trouble},
};

/// How many are taken at a time.
const BATCH: i64 = 50;
/// For how long a link is left to whoever claimed it.
const CLAIMED: TimeDelta = TimeDelta::seconds(60);
/// For how long after a link's time the gateway is asked what became of it; where the booking ends with it, as long as that keeps
/// its time. After that it has expired by our own clock.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// Does what is due.
///
/// # Errors
///
/// If the database is away.
pub async fn work_due(app: &App) -> Result<()> {
    let now = app.clock.now();
    let mut db = app.db.unscoped().await?;
    let due = sqlx::query_scalar!(
        r#"select link_id as "link_id!: PaymentLinkId"
           from (
               (select link_id, due_at from internal.payment_links where due_at <= $1 order by due_at limit $2)
               union
               -- Nobody is to pay for a booking that awaits no payment any more.
               select l.link_id, $1
               from internal.payment_links l
               left join bookings b on b.booking_id = l.booking_id
               where l.state = 'open'
                 and l.cancel_asked_at is null
                 and (internal.invitee_status(b.invitee_status) is distinct from 'waiting'
                      or internal.booking_status(b.booking_status) = 'cancelled')
           ) d
           order by due_at"#,
        now,
        BATCH,
    )
    .fetch_all(&mut *db)
    .await?;
    drop(db);
    for id in due {
        if app.stopping.is_cancelled() {
            break;
        }
        if let Err(error) = one(app, id).await {
            tracing::warn!(link = id.0, %error, "a payment link could not be followed; it will be tried again");
        }
    }
    Ok(())
}

/// Claims a link and does what is due with it.
pub(super) async fn one(app: &App, id: PaymentLinkId) -> Result<()> {
    let Some(link) = within(STEP, claim(app, id)).await? else { return Ok(()) };
    let account = app.razorpay.as_ref();
    if !link.stands() && link.has_lapsed(app.clock.now()) {
        let freeing = Work::of_task(app, TASK).run_if_needed(async |uow| apply::free(uow, &link, Unpaid::InTime).await);
        within(STEP, freeing).await?;
    }
    let is_over = link.expires_at.instant().is_none_or(|at| at <= app.clock.now());
    match (link.state, account) {
        (LinkState::Refused, _) => apply::put(app, &link, None, None).await,
        (LinkState::Expired, _) if link.gateway_link_id.is_none() => apply::put(app, &link, None, None).await,
        (LinkState::Making | LinkState::Open, None) if is_over => {
            apply::ended(app, &link, LinkState::Expired, None).await
        }
        (_, None) => apply::put(app, &link, Some(apply::next_look(app, &link)), None).await,
        (LinkState::Making, Some(_)) => make::try_to_send(app, id).await,
        (_, Some(account)) => match ask(app, account, &link).await {
            Ok(found) => follow(app, account, &link, &found).await,
            Err(trouble) => {
                let over = link.holds_until.instant().or(link.expires_at.instant().map(|at| at + PATIENCE));
                let patient = over.is_some_and(|at| app.clock.now() < at);
                if link.state == LinkState::Open && is_over && !patient {
                    apply::ended(app, &link, LinkState::Expired, None).await
                } else {
                    apply::later(app, &link, &trouble).await
                }
            }
        },
    }
}

/// Claims a link, unless another instance has; one of a booking that awaits no payment is to be cancelled.
async fn claim(app: &App, id: PaymentLinkId) -> Result<Option<PaymentLink>> {
    let now = app.clock.now();
    let mut db = app.db.system_transaction().await?;
    let claimed = sqlx::query_scalar!(
        "update internal.payment_links l
         set due_at = $3,
             cancel_asked_at = case
                 when l.state = 'open' and l.cancel_asked_at is null and not v.awaited then $2
                 else l.cancel_asked_at
             end
         from (
             select exists (
                 select
                 from bookings b
                 join internal.payment_links o on o.booking_id = b.booking_id
                 where o.link_id = $1
                   and internal.invitee_status(b.invitee_status) = 'waiting'
                   and internal.booking_status(b.booking_status) is distinct from 'cancelled'
             ) as awaited
         ) v
         where l.link_id = $1
           and (l.due_at <= $2 or l.state = 'open' and l.cancel_asked_at is null and not v.awaited)
         returning l.link_id",
        id.0,
        now,
        now + CLAIMED,
    )
    .fetch_optional(&mut *db)
    .await?;
    let link = match claimed {
        Some(_) => Some(PaymentLink::read(&mut db, id).await?),
        None => None,
    };
    db.commit().await?;
    Ok(link)
}

/// Asks the gateway how a link stands; or tells it to cancel it.
async fn ask(app: &App, account: &Account, link: &PaymentLink) -> Result<razorpay::Link, Trouble> {
    let client = &app.outgoing.services;
    let Some(id) = &link.gateway_link_id else {
        let found = account.find_link(client, &link.reference_id).await?;
        return found.ok_or_else(|| Trouble::Unclear("the gateway does not know the link".to_owned()));
    };
    if link.state == LinkState::Open && link.cancel_requested_at.is_some() {
        match account.cancel_link(client, id).await {
            // It has ended already: in which way, it says when it is asked.
            Err(Trouble::Refused(_)) => {}
            answered => return answered,
        }
    }
    account.link(client, id).await
}

/// Follows what the gateway says of a link.
async fn follow(app: &App, account: &Account, link: &PaymentLink, found: &razorpay::Link) -> Result<()> {
    let now = app.clock.now();
    if !found.payments.is_empty() || found.status == LinkStatus::Paid {
        match captured(app, account, found).await {
            Ok(Some(captured)) => return paid(app, link, found, captured).await,
            Ok(None) if found.status == LinkStatus::Paid => {
                let trouble = Trouble::Unclear("the gateway does not tell the payment".to_owned());
                return apply::later(app, link, &trouble).await;
            }
            Ok(None) => {}
            Err(trouble) => return apply::later(app, link, &trouble).await,
        }
    }
    match found.status {
        _ if !link.stands() => apply::looked(app, link).await,
        LinkStatus::Expired => apply::ended(app, link, LinkState::Expired, found.ended_at).await,
        LinkStatus::Cancelled => apply::ended(app, link, LinkState::Cancelled, found.ended_at).await,
        LinkStatus::Open | LinkStatus::Paid => match link.expires_at.instant() {
            // The gateway is slow to end it.
            Some(at) if at <= now => apply::ended(app, link, LinkState::Expired, None).await,
            _ => apply::looked(app, link).await,
        },
    }
}

/// The payment of a link whose money was taken.
async fn captured(app: &App, account: &Account, found: &razorpay::Link) -> Result<Option<Captured>, Trouble> {
    for payment in &found.payments {
        if let Some(captured) = account.captured(&app.outgoing.services, payment).await? {
            return Ok(Some(captured));
        }
    }
    Ok(None)
}

/// Writes a payment as its message would.
async fn paid(app: &App, link: &PaymentLink, found: &razorpay::Link, captured: Captured) -> Result<()> {
    let now = app.clock.now();
    let captured_at = captured.captured_at.or(captured.paid_at).unwrap_or(now);
    let said = SaidPayment {
        booking_id: Some(link.booking_id.clone()),
        references: captured.order_id.into_iter().chain([captured.id.clone()]).collect(),
        gateway: razorpay::GATEWAY.to_owned(),
        paid: Some(Paid {
            amount: from_minor(captured.units, &captured.currency),
            currency: captured.currency,
            at: captured.paid_at.unwrap_or(now).into(),
            captured_at,
        }),
        refund: None,
        link: found.reference_id.clone().or_else(|| Some(link.reference_id.clone())),
        gateway_payment_id: Some(captured.id),
        authorized_at: None,
        contradicts: None,
    };
    let work = Work::of_task(app, TASK).run_if_needed(async |uow| receive(uow, &said).await);
    match within(STEP, work).await {
        Ok(_) => Ok(()),
        // The booking is gone, or its client's data was erased: the message's way, which integrity shows.
        Err(Error::Refused(_) | Error::NotFound(_)) => apply::put(app, link, None, Some("the booking is gone")).await,
        Err(error) => Err(error),
    }
}
