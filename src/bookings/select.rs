//! The statements that read and count bookings.
//!
//! `select_bookings!` takes how it is run (see [`pruned`](crate::db::pruned)), the key of the order, the clauses after the source,
//! the source of the facts `f`, and the arguments: `$1` is the present instant, `$2` the therapist for whom the answer is.
//!
//! A list finds its bookings by their facts alone, and joins the wide rows of those shown. Within a transaction the facts of one
//! booking are worked out from what it has written (`internal.meanings_of_bookings`).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::filter::Criteria;
use crate::{
    db::{found::Found, scope::Scope},
    error::Result,
};

/// Reads bookings; see the module.
macro_rules! select_bookings {
    (
        $fetch:ident($db:expr, $sort:expr), $key:literal, [$($tail:literal)*], [$($source:literal)+], $($arguments:tt)*
    ) => {
        $crate::db::pruned::pruned!(
            $fetch($db, $sort),
            query_as!(Booking),
            [
                r#"select
               f.booking_id as "booking_id!: BookingId",
               f.client_id as "client_id: ClientId",
               f.therapist_id as "therapist_id: TherapistId",
               case
                   when f.phase <> 'open' then f.phase
                   when f.ends_at <= $1 then 'pending_notes'
                   when f.starts_at <= $1 then 'live'
                   else 'scheduled'
               end as "state!: BookingState",
               f.noted as "has_session_note!",
               f.free as "is_free_consultation!",
               (true
                   and exists (select from internal.contact_shown($2, f.client_id, f.counted_as, f.ends_at, $1))
               ) as "contact_visible!",
               f.status as booking_status,
               b.booking_subject,
               b.booking_start_at as "booking_start_at!: Timestamp",
               b.booking_end_at as "booking_end_at!: Timestamp",
               f.ends_at as "ends_at!: Timestamp",
               b.booking_duration,
               b.booking_invitee_time,
               f.mode as "booking_mode!",
               b.booking_joining_link,
               b.booking_checkin_url,
               b.booking_resource_id,
               b.booking_resource_type,
               b.booking_resource_name,
               b.booking_user_id,
               b.booking_account_id,
               b.booking_host_user_id,
               b.booking_host_name,
               b.booking_host_phone,
               b.booking_host_email,
               b.booking_updated_at as "booking_updated_at!: Timestamp",
               b.booking_cancelled_by,
               b.booking_cancel_reason,
               b.invitee_id,
               b.invitee_name,
               b.invitee_phone,
               b.invitee_email,
               b.invitee_question,
               null::text as invitee_token,
               b.invitee_country,
               b.invitee_city,
               b.invitee_timezone,
               b.invitee_created_at as "invitee_created_at!: Timestamp",
               b.invitee_cancelled_at as "invitee_cancelled_at!: Timestamp",
               b.invitee_cancelled_reason,
               internal.invitee_status(b.invitee_status) as invitee_status,
               b.invitee_payment_reference_id,
               b.invitee_payment_gateway,
               b.invitee_payment_name,
               b.invitee_payment_currency,
               b.invitee_payment_amount as "invitee_payment_amount!: Amount",
               (
                   select l.state
                   from internal.payment_links l
                   where l.booking_id = f.booking_id
                   order by l.link_id desc
                   limit 1
               ) as "payment_link_state: PaymentLinkState",
               b.refund_amount as "refund_amount!: Amount",
               internal.refund_status(b.refund_status) as refund_status,
               b.refund_failed_time as "refund_failed_time!: Timestamp",
               b.refund_id,
               b.rescheduled_at as "rescheduled_at!: Timestamp",
               b.rescheduled_start_at as "rescheduled_start_at!: Timestamp",
               b.rescheduled_end_at as "rescheduled_end_at!: Timestamp",
               b.recheduled_from as "rescheduled_from!: Timestamp",
               b.emergency_contact_name,
               b.emergency_contact_relation,
               b.emergency_contact_number,
               b.xmin::text as "version!",
               "# $key r#"::text as "sort_key!"
            from "# $($source)+ r#" f
            join bookings b on b.booking_id = f.booking_id
            "# $($tail)*
            ],
            $($arguments)*
        )
    };
}
pub(super) use select_bookings;

/// The bookings that a scope reaches and a filter wants.
pub(super) struct BookingList {
    pub(super) scope: Scope,
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

impl BookingList {
    /// What its search finds; a therapist's is a condition of the statement.
    pub(super) async fn found(&self, db: &mut PgConnection) -> Result<Found<'_>> {
        let q = self.criteria.search.as_deref().filter(|_| self.scope.is_practice());
        Ok(Found::bookings(db, q).await?)
    }

    /// Whether the sums of bookings know how many it holds.
    pub(super) fn is_summed(&self) -> bool {
        self.criteria.client_id.is_none() && self.criteria.search.is_none() && self.criteria.payment_link.is_none()
    }
}

/// A statement about the facts that a list wants: takes the macro that runs it, with what that takes before the statement; the
/// statement's beginning, which ends before the facts' table, and its end; the list, and what its search finds; and the arguments of
/// beginning and end, from `$29` on.
macro_rules! of_bookings {
    (
        $macro:ident!($($before:tt)*), [$($select:literal)+], [$($tail:literal)*], $list:expr, $found:expr
        $(, $argument:expr $(=> $type:ty)?)* $(,)?
    ) => {{
        let criteria = &$list.criteria;
        let found = $found;
        let search = criteria.search.as_deref();
        $macro!(
            $($before)*
            [
                $($select)+
                "
                internal.booking_facts f
                where true
                  and f.therapist_id = $3
                  and f.therapist_id = $4
                  and f.client_id = $5
                  and f.status = $6
                  and f.mode = $7
                  and f.phase = $8
                  and f.starts_at >= $9
                  and f.starts_at < $10
                  and f.ends_at > $11
                  and f.ends_at <= $12
                  and f.free = $13
                  and f.noted = $14
                  and (f.counted_as = 'active' and $15)
                  and (f.counted_as <> 'active' and $16)
                  and f.refund_status = $17
                  and (f.therapist_id in (select t.therapist_id from therapists t) and $18)
                  and ((f.therapist_id is null or f.therapist_id = any (array(select internal.unknown_therapists()))) and $19)
                  and f.status = any ($23::text[]) -- planned anew
                  and f.mode = any ($24::text[]) -- planned anew
                  and f.refund_status = any ($25::text[]) -- planned anew
                  and (
                      f.phase = any ($26::text[]) -- planned anew
                      and (
                          f.phase <> 'open'
                          or case when f.ends_at <= $1 then 'pending_notes' when f.starts_at <= $1 then 'live' else 'scheduled'
                             end = any ($27::text[])
                      )
                  )
                  and exists (
                      select
                      from internal.payment_links l
                      where l.booking_id = f.booking_id
                        and l.state = any ($28::text[]) -- planned anew
                        and not exists (
                            select
                            from internal.payment_links o
                            where o.booking_id = l.booking_id
                              and o.link_id > l.link_id
                        )
                  )
                  and f.booking_id = any ($20)
                  and f.search like any (internal.search_patterns($21)) -- planned anew
                  and f.booking_id in (select internal.bookings_found($2, $22, $1))
                "
                $($tail)*
            ],
            $crate::domain::time::Timestamp::from($list.now) => $crate::domain::time::Timestamp,
            $list.scope.therapist().map($crate::domain::ids::TherapistId::as_str),
            $list.scope.owner(),
            criteria.therapist_id.as_ref().map($crate::domain::ids::TherapistId::as_str),
            criteria.client_id.as_ref().map($crate::domain::ids::ClientId::as_str),
            criteria.status.word(),
            criteria.mode.word(),
            criteria.phase,
            criteria.start_from.map($crate::domain::time::Timestamp::from) => Option<$crate::domain::time::Timestamp>,
            criteria.start_before.map($crate::domain::time::Timestamp::from) => Option<$crate::domain::time::Timestamp>,
            criteria.ends_after.map($crate::domain::time::Timestamp::from) => Option<$crate::domain::time::Timestamp>,
            criteria.ends_by.map($crate::domain::time::Timestamp::from) => Option<$crate::domain::time::Timestamp>,
            criteria.free,
            criteria.has_note,
            criteria.active.filter(|active| *active),
            criteria.active.map(|active| !active).filter(|off| *off),
            criteria.refund_status.word(),
            criteria.has_therapist.filter(|has| *has),
            criteria.has_therapist.map(|has| !has).filter(|has_not| *has_not),
            found.few(),
            found.many(),
            search.filter(|_| !$list.scope.is_practice()),
            criteria.status.several() => Option<Vec<&str>>,
            criteria.mode.several() => Option<Vec<&str>>,
            criteria.refund_status.several() => Option<Vec<&str>>,
            criteria.phases.as_deref() => Option<&[&str]>,
            criteria.open_states.as_deref() => Option<&[&str]>,
            criteria.payment_link.as_deref() => Option<&[&str]>,
            $($argument $(=> $type)?),*
        )
    }};
}
pub(super) use of_bookings;
