//! Writes what the gateway says of a link. States only move forward.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::model::{LinkState, PaymentLink};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    booking_requests,
    bookings::{self, Unpaid},
    db::deadline::{STEP, within},
    domain::time::Timestamp,
    error::Result,
    messages,
    razorpay::{self, Trouble},
};

/// How the trail names the gateway.
pub(super) const TASK: &str = "Razorpay";
/// For how long a link that ended is asked for: a payment may be authorised late.
const ASKED: TimeDelta = TimeDelta::days(5);
/// The longest time between two tries.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// When a link that can be paid is asked for next: in the night, or when its time is over.
pub(super) fn next_look(app: &App, link: &PaymentLink) -> DateTime<Utc> {
    let now = app.clock.now();
    let night = app.zone.next_night(now);
    link.expires_at.instant().filter(|at| *at > now).map_or(night, |at| at.min(night))
}

/// The gateway has made it.
pub(super) async fn opened(app: &App, link: &PaymentLink, made: &razorpay::Link) -> Result<()> {
    let due_at = next_look(app, link);
    let work = Work::of_task(app, TASK).run_if_needed(async |uow| {
        let opened = sqlx::query!(
            "update internal.payment_links
             set state = 'open',
                 gateway_id = $2,
                 short_url = $3,
                 reason = null,
                 tries = 0,
                 -- What was cancelled meanwhile is cancelled at the gateway next.
                 due_at = case when cancel_asked_at is null then $4::timestamptz else $5::timestamptz end
             where link_id = $1
               and state = 'making'",
            link.link_id.0,
            made.id,
            made.short_url,
            due_at,
            uow.now(),
        )
        .execute(uow.db())
        .await?;
        if opened.rows_affected() > 0 {
            let entry =
                Entry::new("payment_link_open", "The gateway made a payment link").on("booking", &link.booking_id);
            uow.record(entry.detail(json!({ "gateway_link_id": made.id })).quiet());
            if let Some(url) = &made.short_url {
                messages::payment_link(uow, &link.booking_id, url).await?;
            }
        }
        Ok(())
    });
    within(STEP, work).await
}

/// The gateway does not make it.
pub(super) async fn refused(app: &App, link: &PaymentLink, reason: &str) -> Result<()> {
    let work = Work::of_task(app, TASK).run_if_needed(async |uow| {
        // The booking is cancelled when its time is over.
        let refused = sqlx::query!(
            "update internal.payment_links
             set state = 'refused',
                 reason = $2,
                 due_at = holds_until
             where link_id = $1
               and state = 'making'",
            link.link_id.0,
            reason,
        )
        .execute(uow.db())
        .await?;
        if refused.rows_affected() > 0 {
            let sentence = "The gateway did not make a payment link";
            let entry = Entry::new("payment_link_refuse", sentence).on("booking", &link.booking_id);
            uow.record(entry.detail(json!({ "reason": reason })));
        }
        Ok(())
    });
    within(STEP, work).await
}

/// It is over: expired or cancelled.
pub(super) async fn ended(app: &App, link: &PaymentLink, state: LinkState, at: Option<DateTime<Utc>>) -> Result<()> {
    let work = Work::of_task(app, TASK).run_if_needed(async |uow| end(uow, link, state, at).await);
    within(STEP, work).await
}

/// The same within a transaction: a link that can be paid ends. Where that was wanted the booking of an expired one ends too, once
/// it keeps its time no more.
pub(super) async fn end(
    uow: &mut UnitOfWork,
    link: &PaymentLink,
    state: LinkState,
    at: Option<DateTime<Utc>>,
) -> Result<()> {
    let now = uow.now();
    let at =
        at.unwrap_or_else(|| if state == LinkState::Expired { link.expires_at.instant() } else { None }.unwrap_or(now));
    let ended = sqlx::query!(
        "update internal.payment_links
         set state = $2,
             ended_at = $3,
             reason = null,
             tries = 0,
             holds_until = case when $2 = 'expired' then holds_until end,
             due_at = least(
                 case when $2 = 'expired' then holds_until end,
                 case when gateway_id is not null and $5 > $4::timestamptz then $6::timestamptz end
             )
         where link_id = $1
           and state in ('making', 'open')",
        link.link_id.0,
        state.as_str(),
        at,
        now,
        at + ASKED,
        uow.app().zone.next_night(now),
    )
    .execute(uow.db())
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(());
    }
    let (action, sentence) = match state {
        LinkState::Cancelled => ("payment_link_cancel", "A payment link was cancelled"),
        _ => ("payment_link_expire", "A payment link expired"),
    };
    let detail = json!({ "ended_at": Timestamp::from(at), "cancel_booking": link.cancel_booking });
    uow.record(Entry::new(action, sentence).on("booking", &link.booking_id).detail(detail));
    if state == LinkState::Expired && link.has_lapsed(now) {
        free(uow, link, Unpaid::InTime).await?;
    }
    Ok(())
}

/// A booking that was not paid keeps its time no more: it is cancelled, and the booking link by which it was chosen books again.
/// Once for each link.
pub(super) async fn free(uow: &mut UnitOfWork, link: &PaymentLink, why: Unpaid) -> Result<()> {
    let freed = sqlx::query!(
        "update internal.payment_links set holds_until = null where link_id = $1 and holds_until is not null",
        link.link_id.0,
    )
    .execute(uow.db())
    .await?;
    if freed.rows_affected() > 0 {
        let sentence = "A booking keeps its time unpaid no more";
        uow.record(Entry::new("payment_link_lapse", sentence).on("booking", &link.booking_id).quiet());
        bookings::cancel_unpaid(uow, &link.booking_id, why).await?;
        booking_requests::forget_attempt(uow, &link.booking_id).await?;
    }
    Ok(())
}

/// The gateway is asked again in the night, for as long as somebody may still pay.
pub(super) async fn looked(app: &App, link: &PaymentLink) -> Result<()> {
    let now = app.clock.now();
    let due_at = if link.stands() {
        // Its time may be over by our clock alone.
        Some(next_look(app, link).min(now + LONGEST_PAUSE.max(TimeDelta::days(1))))
    } else {
        let last = link.ended_at.instant().map(|ended| ended + ASKED);
        Some(app.zone.next_night(now)).filter(|night| last.is_some_and(|last| *night < last))
    };
    put(app, link, due_at, None).await
}

/// It is tried again: half a minute later, a minute, two and so on.
pub(super) async fn later(app: &App, link: &PaymentLink, trouble: &Trouble) -> Result<()> {
    let pause = TimeDelta::seconds(30 << link.tries.clamp(0, 10)).min(LONGEST_PAUSE);
    let now = app.clock.now();
    // Nor does it wait beyond the time for which the booking is held.
    let held = link.holds_until.instant().filter(|until| *until > now);
    let due_at = held.map_or(now + pause, |until| until.min(now + pause));
    put(app, link, Some(due_at), Some(&trouble.to_string())).await
}

/// Notes when it is due next.
pub(super) async fn put(
    app: &App,
    link: &PaymentLink,
    due_at: Option<DateTime<Utc>>,
    reason: Option<&str>,
) -> Result<()> {
    let work = async {
        let mut db = app.db.system_transaction().await?;
        sqlx::query!(
            "update internal.payment_links
             set due_at = $2,
                 reason = coalesce($3, reason),
                 tries = case when $3::text is null then 0 else tries + 1 end
             where link_id = $1
               and state = $4",
            link.link_id.0,
            due_at,
            reason,
            link.state.as_str(),
        )
        .execute(&mut *db)
        .await?;
        db.commit().await
    };
    within(STEP, work).await
}
