//! The one statement that reads payments; callers choose the columns.
//!
//! It joins two sets: the rows of `payments`, and, as pending, the bookings whose payment is awaited, which have no
//! such row until it arrives. Each set is read by the index of the order up to a page's rows, then the two pages are
//! merged. A place in an order is the order's key, the payment's id (0 for an awaited one) and the booking's id (empty
//! for a payment).
//!
//! Two filters depend on another table, and would scan the whole order: pending payments, and those of a short period
//! (by the start of its sessions). Their ids are looked up first, as an array by other indexes, and PostgreSQL finds
//! the payments by these ids.
//!
//! `select_payments!` takes the row type, the columns of the joined rows `f` and of each set, the clauses after each
//! set and after the join, the criteria, and the arguments from `$12` on.

use chrono::TimeDelta;

use crate::{
    domain::{
        contact::Search,
        ids::{BookingId, ClientId, PaymentId, TherapistId},
    },
    http::period::Period,
};

/// How long a short period is at most: a quarter, and then some.
const SHORT: TimeDelta = TimeDelta::days(100);

/// Whether a period has so few sessions that searching by them is best.
pub(super) fn is_short(period: Period) -> bool {
    period.from.zip(period.before).is_some_and(|(from, before)| before - from <= SHORT)
}

/// A filter as the statement takes it.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    pub(super) payment_id: Option<PaymentId>,
    pub(super) state: Option<&'static str>,
    /// The state of the refund, where that is the payment's: there is an index of those.
    pub(super) refund: Option<&'static str>,
    pub(super) gateway: Option<String>,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) booking_id: Option<BookingId>,
    pub(super) period: Period,
    pub(super) search: Option<Search>,
}

impl Criteria {
    /// One payment.
    pub(super) fn one(id: PaymentId) -> Self {
        Self { payment_id: Some(id), ..Self::default() }
    }
}

/// Reads payments; see the module.
macro_rules! select_payments {
    (
        $row:ty, $select:literal, [$($columns:literal)*], [$($awaited_columns:literal)*],
        [$($each:literal)*], [$($awaited:literal)*], [$($rest:literal)*], $criteria:expr $(, $argument:expr)* $(,)?
    ) => {
        sqlx::query_as!(
            $row,
            "select " + $select + r#"
             from (
                 (
                     select "# $(+ $columns)* + r#"
                     from payments p
                     left join bookings b on b.booking_id = p.booking_id
                     where ($1::integer is null or p.payment_id = $1)
                       and ($2::text is null
                            or internal.payment_state(p.refund_status, p.amount, b.booking_status, b.invitee_status) = $2)
                       and ($2::text is distinct from 'pending'
                            or p.payment_id = any (array(
                                select o.payment_id
                                from payments o
                                where internal.booking_paid(o.amount) = 0
                                union all
                                select o.payment_id
                                from bookings w
                                join payments o on o.booking_id = w.booking_id
                                where internal.invitee_status(w.invitee_status) = 'waiting'
                            )))
                       and ($3::text is null
                            or (internal.refund_state(p.refund_status) = $3
                                and internal.refund_status(p.refund_status) is not null))
                       and ($4::text is null or internal.fold(p.payment_gateway_name) = internal.fold($4))
                       and ($5::text is null or b.therapist_id = $5)
                       and ($6::text is null
                            or p.booking_id = any (array(
                                select session_id
                                from appointment_table
                                where client_id = $6
                            )))
                       and ($7::text is null or p.booking_id = $7)
                       and ($8::timestamp is null
                            or (b.booking_start_at >= $8 and coalesce(b.booking_start_at, '-infinity') >= $8))
                       and ($9::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $9)
                       and ($11::boolean is null
                            or p.booking_id = any (array(
                                select n.booking_id
                                from bookings n
                                where coalesce(n.booking_start_at, '-infinity') >= $8
                                  and coalesce(n.booking_start_at, '-infinity') < $9
                            )))
                       and ($10::text is null
                            or internal.search_words(p.invitee_name, p.invitee_email, p.payment_reference_id)
                                like internal.like_words($10))
                       "# $(+ $each)* + r#"
                 )
                 union all
                 (
                     select "# $(+ $awaited_columns)* + r#"
                     from bookings b
                     where $1::integer is null
                       and ($2::text is null or $2 = 'pending')
                       and internal.invitee_status(b.invitee_status) = 'waiting'
                       and internal.booking_status(b.booking_status) is distinct from 'cancelled'
                       and internal.booking_paid(b.invitee_payment_amount) > 0
                       and b.booking_id is not null
                       and not exists (select from payments o where o.booking_id = b.booking_id)
                       and $3::text is null
                       and ($4::text is null or internal.fold(b.invitee_payment_gateway) = internal.fold($4))
                       and ($5::text is null or b.therapist_id = $5)
                       and ($6::text is null
                            or b.booking_id = any (array(
                                select session_id
                                from appointment_table
                                where client_id = $6
                            )))
                       and ($7::text is null or b.booking_id = $7)
                       and ($8::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $8)
                       and ($9::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $9)
                       and ($10::text is null
                            or internal.search_words(b.invitee_name, b.invitee_email, b.invitee_payment_reference_id)
                                like internal.like_words($10))
                       "# $(+ $awaited)* + r#"
                 )
             ) f
             "# $(+ $rest)*,
            $criteria.payment_id.map(|id| id.0),
            $criteria.state,
            $criteria.refund,
            $criteria.gateway,
            $criteria.therapist_id.as_ref().map(TherapistId::as_str),
            $criteria.client_id.as_ref().map(ClientId::as_str),
            $criteria.booking_id.as_ref().map(BookingId::as_str),
            $criteria.period.from.map(Timestamp::from) as Option<Timestamp>,
            $criteria.period.before.map(Timestamp::from) as Option<Timestamp>,
            $criteria.search.as_deref(),
            $crate::payments::select::is_short($criteria.period).then_some(true),
            $($argument),*
        )
    };
}
pub(super) use select_payments;
