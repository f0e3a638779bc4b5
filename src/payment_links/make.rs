//! Making a payment link: what is wanted is committed, then the gateway is told.

use axum::extract::State;
use chrono::{DateTime, Months, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    apply,
    model::{LinkState, PaymentLink},
    refusal::LinkRefusal,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    bookings::{BookingRefusal, Session},
    db::scope::Scope,
    domain::{
        ids::{BookingId, PaymentLinkId},
        money::{Amount, AmountInput, Currency, to_minor},
        status::BookingState,
        time::{Instant, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Versioned,
        extract::{OptionalJson, Path},
    },
    payments,
    razorpay::{self, Account, NewLink, Trouble},
};

/// How long a link can be paid at least; the gateway asks for more than 15 minutes.
const SHORTEST: TimeDelta = TimeDelta::minutes(20);
/// And at most.
const LONGEST: Months = Months::new(6);
/// How long it can be paid where nothing is said.
const USUAL: TimeDelta = TimeDelta::days(1);
/// The least that the gateway takes, in the smallest unit of the currency.
const LEAST: u64 = 100;
/// How much longer than the link a booking that ends with it keeps its time: what was paid at the last moment is told by then.
const HELD: TimeDelta = TimeDelta::minutes(2);
/// For how long a new link is left to who made it.
const CLAIMED: TimeDelta = TimeDelta::seconds(30);
/// How much time a link has to have left for the gateway to make it.
const TIME_LEFT: TimeDelta = TimeDelta::minutes(16);

/// A link that is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": "1700.00", "minutes": 60, "cancel_booking": true }))]
pub(super) struct MakePaymentLink {
    /// How much is to be paid, at least 1.00; the booking's amount unless given.
    amount: Option<AmountInput>,
    /// In which currency; the booking's unless given.
    currency: Option<Currency>,
    /// Until when it can be paid: 20 minutes to 6 months ahead; a day unless given.
    expires_at: Option<Instant>,
    /// For how many minutes it can be paid (20 to 262080), instead of its end.
    #[schema(minimum = 20, maximum = 262_080, example = 60)]
    minutes: Option<i32>,
    /// True: where the link expires unpaid, the booking keeps its time two minutes longer, and is cancelled then, if the session is
    /// still ahead.
    cancel_booking: Option<bool>,
}

/// How a booking is to be paid.
#[derive(Debug, Default)]
pub struct LinkTerms {
    /// How much; the booking's amount unless given.
    pub amount: Option<AmountInput>,
    /// In which currency; the booking's unless given.
    pub currency: Option<Currency>,
    /// Until when: 20 minutes to 6 months ahead; a day unless given.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the booking is cancelled where it expires unpaid, after two more minutes.
    pub cancel_booking: bool,
}

/// Make a payment link
///
/// The booking is `waiting` and its payment `pending` until the gateway tells that it was paid; then it is confirmed, with its
/// payment. Where it is not paid in time the link is `expired`, and, if asked, the time is free again two minutes later
/// (`holds_until`), with the booking cancelled. A booking has one link that can be paid at a time. Where the gateway does not answer in time, the link is `making` and without an address: the server finds
/// out what became of it, within minutes.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/payment-link",
    tag = "payments",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    request_body = Option<MakePaymentLink>,
    responses((status = 201, description = "Made, or being made", body = PaymentLink), Problems),
)]
pub(super) async fn make_payment_link(
    scope: Scope,
    State(app): State<App>,
    work: Work,
    Path(booking): Path<BookingId>,
    OptionalJson(request): OptionalJson<MakePaymentLink>,
) -> Result<Versioned<PaymentLink>> {
    let (id, is_repeat) = work
        .run(async |uow| {
            let now = uow.now();
            let terms = request.terms(now)?;
            let id = uow.make_once(async |uow| prepare(uow, &booking, terms).await).await?;
            Ok((id, uow.is_repeat()))
        })
        .await?;
    if !is_repeat {
        send(&app, id).await;
    }
    let link = PaymentLink::read(&mut *app.db.read(&scope).await?, id).await?;
    Ok(link.versioned().created(format!("/api/v1/admin/bookings/{booking}/payment-link")))
}

impl MakePaymentLink {
    fn terms(self, now: DateTime<Utc>) -> Result<LinkTerms> {
        let expires_at = match (self.expires_at, self.minutes) {
            (Some(_), Some(_)) => return Err(Error::body("/minutes", "contradicts expires_at")),
            (Some(at), None) => Some(at.utc()),
            (None, Some(minutes)) => {
                let at = now + TimeDelta::minutes(minutes.into());
                check_expiry(now, at).map_err(|why| Error::body("/minutes", why))?;
                Some(at)
            }
            (None, None) => None,
        };
        let Self { amount, currency, cancel_booking, .. } = self;
        Ok(LinkTerms { amount, currency, expires_at, cancel_booking: cancel_booking == Some(true) })
    }
}

fn check_expiry(now: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), &'static str> {
    if at < now + SHORTEST {
        return Err("must be 20 minutes ahead or more");
    }
    if now.checked_add_months(LONGEST).is_none_or(|last| at > last) {
        return Err("must be within 6 months");
    }
    Ok(())
}

/// Records that a booking is to be paid by a link, which [`send`] has made once this is committed.
///
/// # Errors
///
/// If the gateway is not switched on; if the booking is cancelled, paid, or has a link that can be paid; if the terms are none
/// that the gateway takes.
pub async fn prepare(uow: &mut UnitOfWork, booking: &BookingId, terms: LinkTerms) -> Result<PaymentLinkId> {
    if uow.app().razorpay.is_none() {
        return Err(LinkRefusal::Off.into());
    }
    let now = uow.now();
    let expires_at = terms.expires_at.unwrap_or(now + USUAL);
    check_expiry(now, expires_at).map_err(|why| Error::body("/expires_at", why))?;
    let session = Session::lock(uow, &Scope::Practice, booking).await?;
    if session.state() == BookingState::Cancelled {
        return Err(BookingRefusal::WrongState { state: session.state(), wanted: "paid by a link" }.into());
    }
    payments::record_for_booking(uow, booking).await?;
    if let Some(payment) = payments::arrived_payment(uow.db(), booking).await? {
        return Err(BookingRefusal::Paid(payment).into());
    }
    match PaymentLink::of_booking(uow.db(), booking).await {
        Ok(link) if link.stands() => {
            return Err(LinkRefusal::Open { short_url: link.short_url, expires_at: link.expires_at }.into());
        }
        Ok(_) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let price = sqlx::query!(
        r#"select invitee_payment_amount as "amount!: Amount",
                  coalesce(internal.currency(invitee_payment_currency), 'INR') as "currency!"
           from bookings
           where booking_id = $1"#,
        booking.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    let amount = terms.amount.map_or(price.amount, Amount::from);
    let currency = terms.currency.as_ref().map_or(price.currency.as_str(), Currency::as_str);
    if to_minor(amount, currency).is_none_or(|units| units < LEAST) {
        return Err(Error::body("/amount", "must be 1.00 or more, in whole units of the currency"));
    }
    payments::await_payment(uow, booking, amount, currency, razorpay::GATEWAY).await?;
    // The last link says how long the time is kept.
    sqlx::query!("update internal.payment_links set holds_until = null where booking_id = $1", booking.as_str())
        .execute(uow.db())
        .await?;
    let reference = format!("ss_{}", Uuid::new_v4().simple());
    let created_by = uow.actor().map(|actor| actor.user_id.0);
    let id = sqlx::query_scalar!(
        r#"insert into internal.payment_links
               (booking_id, reference_id, amount, currency, expires_at, cancels_booking, holds_until, state, created_at,
                created_by, due_at)
           values ($1, $2, $3, $4, $5, $6, $7, 'making', $8, $9, $10)
           returning link_id as "link_id: PaymentLinkId""#,
        booking.as_str(),
        reference,
        amount as Amount,
        currency,
        expires_at,
        terms.cancel_booking,
        terms.cancel_booking.then_some(expires_at + HELD),
        now,
        created_by,
        now + CLAIMED,
    )
    .fetch_one(uow.db())
    .await?;
    let (client_id, name) = session.client();
    uow.record(
        Entry::new("payment_link_create", format!("Asked for a payment link over {amount} {currency} for {name}"))
            .on("booking", booking)
            .client(client_id, name)
            .detail(json!({
                "amount": amount,
                "currency": currency,
                "expires_at": Timestamp::from(expires_at),
                "cancel_booking": terms.cancel_booking,
                "reference_id": reference,
            })),
    );
    Ok(id)
}

/// Has the gateway make a link that was [prepared](prepare) and committed. It fails for nobody: what could not be done is done by
/// [`work_due`](super::work_due), and the link says how it stands.
pub async fn send(app: &App, id: PaymentLinkId) {
    if let Err(error) = try_to_send(app, id).await {
        tracing::warn!(%error, "a payment link could not be made at once; it will be tried again");
    }
}

pub(super) async fn try_to_send(app: &App, id: PaymentLinkId) -> Result<()> {
    let Some(account) = &app.razorpay else { return Ok(()) };
    let link = PaymentLink::read(&mut *app.db.unscoped().await?, id).await?;
    if link.state != LinkState::Making {
        return Ok(());
    }
    match make(app, account, &link).await {
        Ok(Made::Link(made)) => apply::opened(app, &link, &made).await,
        Ok(Made::Never(reason)) if link.cancel_requested_at.is_some() => {
            tracing::debug!(reason, "a link was cancelled before it was made");
            apply::ended(app, &link, LinkState::Cancelled, None).await
        }
        Ok(Made::Never(reason)) => apply::refused(app, &link, &reason).await,
        Err(trouble) => apply::later(app, &link, &trouble).await,
    }
}

/// What became of a link.
enum Made {
    Link(razorpay::Link),
    Never(String),
}

/// Has it made. One that may have been made before is looked for first.
async fn make(app: &App, account: &Account, link: &PaymentLink) -> Result<Made, Trouble> {
    let client = &app.outgoing.services;
    if link.tries > 0
        && let Some(found) = account.find_link(client, &link.reference_id).await?
    {
        return Ok(Made::Link(found));
    }
    if link.cancel_requested_at.is_some() {
        return Ok(Made::Never("it was cancelled before it was made".to_owned()));
    }
    let Some(expires_at) = link.expires_at.instant().filter(|at| *at > app.clock.now() + TIME_LEFT) else {
        return Ok(Made::Never("the gateway could not be reached in time".to_owned()));
    };
    let customer = sqlx::query!(
        "select invitee_name, invitee_phone, invitee_email, booking_start_at from bookings where booking_id = $1",
        link.booking_id.as_str(),
    );
    let customer = match app.db.unscoped().await {
        Ok(mut db) => customer.fetch_optional(&mut *db).await.map_err(|_| unread())?,
        Err(_) => return Err(unread()),
    };
    let Some(customer) = customer else { return Ok(Made::Never("the booking is gone".to_owned())) };
    let Some(units) = to_minor(link.amount, &link.currency) else {
        return Ok(Made::Never("the amount is no whole number of the currency's units".to_owned()));
    };
    let start = customer.booking_start_at.map(|start| app.zone.date(start.and_utc()).format(" on %-d %B %Y"));
    // Neither the kind of session nor its therapist is the gateway's business.
    let new = NewLink {
        reference_id: &link.reference_id,
        units,
        currency: &link.currency,
        description: &format!("Session{}", start.map(|start| start.to_string()).unwrap_or_default()),
        expire_by: expires_at.timestamp(),
        customer: [
            customer.invitee_name.as_deref(),
            customer.invitee_phone.as_deref(),
            customer.invitee_email.as_deref(),
        ],
    };
    match account.make_link(client, &new).await {
        Ok(made) => Ok(Made::Link(made)),
        // It may be refused because it is there.
        Err(Trouble::Refused(reason)) => {
            Ok(account.find_link(client, &link.reference_id).await?.map_or(Made::Never(reason), Made::Link))
        }
        Err(trouble) => Err(trouble),
    }
}

fn unread() -> Trouble {
    Trouble::NotDone("the booking could not be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lasts_from_twenty_minutes_to_six_months() {
        let now: DateTime<Utc> = "2026-02-04T04:30:00Z".parse().expect("a time");
        let is_taken = |minutes| check_expiry(now, now + TimeDelta::minutes(minutes)).is_ok();
        assert!(!is_taken(19) && is_taken(20) && is_taken(181 * 24 * 60) && !is_taken(182 * 24 * 60));
    }
}
