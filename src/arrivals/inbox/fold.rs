//! Many messages about one booking or order are one: in the order of the services' clocks, whichever came first.
//!
//! So their end is the same in whatever order, and however often, they are worked. A later message overrides what it tells;
//! what it does not tell stays.

use chrono::{DateTime, Utc};

use super::message::{Effect, Message, utc};
use crate::{
    bookings::SaidBooking,
    domain::status::RefundStatus,
    messages::SaidStatus,
    payment_links::SaidLink,
    payments::{SaidPayment, SaidRefund},
};

/// A message, and what orders it: when it was said, and its key.
pub(super) struct Placed {
    pub(super) said_at: DateTime<Utc>,
    pub(super) key: String,
    pub(super) message: Message,
}

/// What messages come to.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) booking: Option<SaidBooking>,
    pub(super) payments: Vec<SaidPayment>,
    pub(super) links: Vec<SaidLink>,
    pub(super) statuses: Vec<SaidStatus>,
    /// How many forms were submitted.
    pub(super) forms: i64,
}

/// Folds the messages about one booking or order.
pub(super) fn fold(mut messages: Vec<Placed>) -> Folded {
    messages.sort_by(|a, b| (a.said_at, &a.key).cmp(&(b.said_at, &b.key)));
    let mut folded = Folded::default();
    let mut refunds: Vec<(usize, SaidRefund)> = Vec::new();
    for Placed { said_at, message, .. } in messages {
        match message.effect {
            Effect::Booking(said) => {
                folded.booking = Some(match folded.booking.take() {
                    Some(before) => followed(before, said, said_at),
                    None => at(said, said_at),
                });
            }
            Effect::Payment(mut said) => {
                let refund = said.refund.take();
                let is_same = |known: &SaidPayment| known.references.iter().any(|one| said.references.contains(one));
                let place = if let Some(place) = folded.payments.iter().position(is_same) {
                    let known = &mut folded.payments[place];
                    known.paid = known.paid.take().or(said.paid);
                    known.link = known.link.take().or(said.link);
                    known.gateway_payment_id = known.gateway_payment_id.take().or(said.gateway_payment_id);
                    known.authorized_at = known.authorized_at.or(said.authorized_at);
                    known.references.extend(said.references);
                    // The order before the payment, as the rows have it.
                    known.references.sort();
                    known.references.dedup();
                    place
                } else {
                    folded.payments.push(said);
                    folded.payments.len() - 1
                };
                refunds.extend(refund.map(|refund| (place, refund)));
            }
            Effect::Link(said) => folded.links.push(said),
            Effect::Statuses(said) => folded.statuses.extend(said),
            Effect::Form => folded.forms += 1,
            Effect::Nothing(_) => {}
        }
    }
    for (place, payment) in folded.payments.iter_mut().enumerate() {
        let theirs = refunds.iter().filter(|(of, _)| *of == place).map(|(_, refund)| refund.clone());
        (payment.refund, payment.contradicts) = together(theirs.collect());
    }
    folded
}

fn at(mut said: SaidBooking, said_at: DateTime<Utc>) -> SaidBooking {
    said.said_at = said_at.into();
    said.columns.insert("booking_updated_at".to_owned(), utc(said_at).into());
    said
}

/// A booking after another message. One that starts at another time was moved, where the message says nothing of that.
fn followed(before: SaidBooking, said: SaidBooking, said_at: DateTime<Utc>) -> SaidBooking {
    let mut after = at(said, said_at);
    if let (Some(from), Some(to)) = (before.columns.get("booking_start_at"), after.columns.get("booking_start_at"))
        && from != to
        && !after.columns.contains_key("rescheduled_at")
    {
        let (from, to, end) = (from.clone(), to.clone(), after.columns.get("booking_end_at").cloned());
        after.columns.insert("rescheduled_at".to_owned(), utc(said_at).into());
        after.columns.insert("recheduled_from".to_owned(), from);
        after.columns.insert("rescheduled_start_at".to_owned(), to);
        after.columns.insert("rescheduled_end_at".to_owned(), end.unwrap_or_default());
    }
    let host =
        |said: &SaidBooking| said.columns.get("booking_host_user_id").or(said.columns.get("therapist_id")).cloned();
    let host_changed =
        before.host_changed || host(&after).is_some_and(|now| host(&before).is_some_and(|then| then != now));
    let slot = after.slot.or(before.slot);
    let mut columns = before.columns;
    // Of another time, the text of the time before is wrong.
    if after.columns.get("booking_start_at").is_some_and(|start| columns.get("booking_start_at") != Some(start)) {
        columns.remove("booking_invitee_time");
    }
    columns.extend(after.columns);
    SaidBooking { booking_id: after.booking_id, columns, said_at: after.said_at, slot, host_changed }
}

/// The refunds of one payment as one: the sum of those that did not fail, as far as the one that is least far.
fn together(all: Vec<SaidRefund>) -> (Option<SaidRefund>, Option<&'static str>) {
    let mut each: Vec<SaidRefund> = Vec::new();
    for refund in all {
        match each.iter_mut().find(|known| known.refund_id == refund.refund_id) {
            // Messages come in any order: it only moves forward.
            Some(known) if reach(refund.status) > reach(known.status) => *known = refund,
            Some(_) => {}
            None => each.push(refund),
        }
    }
    each.sort_by(|a, b| (a.at.instant(), &a.refund_id).cmp(&(b.at.instant(), &b.refund_id)));
    let stand: Vec<&SaidRefund> = each.iter().filter(|refund| refund.status != RefundStatus::Failed).collect();
    let [.., last] = stand[..] else { return (each.pop(), None) };
    let status = stand.iter().map(|refund| refund.status).min_by_key(|status| reach(*status)).unwrap_or(last.status);
    let units = stand.iter().map(|refund| refund.units).fold(0, u64::saturating_add);
    let one = SaidRefund { units, status, ..(*last).clone() };
    (Some(one), (stand.len() > 1).then_some("a payment has several refunds: their sum was written as one"))
}

fn reach(status: RefundStatus) -> u8 {
    match status {
        RefundStatus::Initiated => 0,
        RefundStatus::Processing => 1,
        RefundStatus::Failed => 2,
        RefundStatus::Completed => 3,
    }
}
