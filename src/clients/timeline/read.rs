//! The one statement that reads a timeline.
//!
//! The client's bookings are read once, by the index of their client; payments and notes are looked up by booking. Each
//! kind is limited to a page of its own before all are sorted together. So the cost grows with the client's bookings.

use sqlx::PgConnection;

use super::{Timeline, TimelineEntry, TimelineKind};
use crate::{
    domain::{
        ids::{BookingId, TherapistId},
        money::Amount,
        time::Timestamp,
    },
    error::Result,
    http::page::Position,
};

/// A statement about events (`e`): takes its reach, the columns, the limit of each kind, and the clauses after.
macro_rules! of_timeline {
    // Money is none of a therapist's business: their statement does not name its tables.
    (practice $macro:ident!($($row:ty)?), $what:tt, [$($cut:literal)+], $tail:tt, $($rest:tt)+) => {
        of_timeline!(
            @ $macro!($($row)?),
            $what,
            [$($cut)+],
            [
                r#"(select e.*
                     from (
                         select coalesce(p.payment_date, p.created_at, m.invitee_created_at, '-infinity') as at,
                                'payment' as kind,
                                p.payment_id::text as id,
                                coalesce('payment ' || p.payment_id, 'paid ' || m.booking_id) as entry,
                                m.booking_id,
                                m.therapist_id,
                                m.booking_host_name,
                                null::text,
                                null::text,
                                null::text,
                                null::text,
                                case when p.payment_id is null then m.invitee_payment_amount else p.amount end,
                                case when p.payment_id is null then m.invitee_payment_currency else p.currency end,
                                null::text
                         from mine m
                         left join payments p on p.booking_id = m.booking_id
                         where $2::text is null
                           and (p.payment_id is not null
                                or internal.booking_paid(m.invitee_payment_amount) > 0
                                    and internal.invitee_status(m.invitee_status) is distinct from 'waiting')
                     ) e "# $($cut)+ r#") union all (select e.*
                     from (
                         select coalesce(p.refund_initiation_date, p.updated_at, m.refund_failed_time,
                                         m.booking_updated_at, '-infinity') as at,
                                'refund' as kind,
                                r.id::text as id,
                                coalesce('refund ' || p.payment_id, 'refunded ' || m.booking_id) as entry,
                                m.booking_id,
                                m.therapist_id,
                                m.booking_host_name,
                                null::text,
                                null::text,
                                null::text,
                                case when p.payment_id is null then internal.refund_status(m.refund_status)
                                     else internal.refund_status(p.refund_status)
                                end,
                                case when p.payment_id is null then m.refund_amount else p.refund_amount end,
                                case when p.payment_id is null then m.invitee_payment_currency else p.currency end,
                                null::text
                         from mine m
                         left join payments p on p.booking_id = m.booking_id
                         left join lateral (
                             select min(r.id) as id
                             from refund_cancellation_table r
                             where r.session_id = m.booking_id
                               and (p.payment_id is null
                                    or r.payment_id is null
                                    or r.payment_id in (p.payment_id::text, p.payment_reference_id))
                         ) r on true
                         where $2::text is null
                           and case when p.payment_id is null then internal.refund_status(m.refund_status)
                                    else internal.refund_status(p.refund_status)
                               end is not null
                     ) e "# $($cut)+ ") union all "
            ],
            $tail,
            $($rest)+
        )
    };
    (own $macro:ident!($($row:ty)?), $what:tt, $cut:tt, $tail:tt, $($rest:tt)+) => {
        of_timeline!(@ $macro!($($row)?), $what, $cut, [], $tail, $($rest)+)
    };
    (@ $macro:ident!($($row:ty)?), [$($what:literal)+], [$($cut:literal)+], [$($money:literal)*], [$($tail:literal)*],
     $timeline:expr $(, $argument:expr)* $(,)?) => {
        sqlx::$macro!(
            $($row,)?
            r#"with mine as materialized (
                   select b.*
                   from appointment_table a
                   join bookings b on b.booking_id = a.session_id
                   where a.client_id = $1
                     and ($2::text is null or b.therapist_id = $2)
               ), moved as (
                   select internal.client_transfers($1) as transfer_id
               )
               select "# $(+ $what)+ + r#"
               from (
                   (select e.*
                    from (
                        select coalesce(m.booking_start_at, '-infinity') as at,
                               'booking' as kind,
                               m.booking_id as id,
                               'booking ' || m.booking_id as entry,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name as therapist_name,
                               null::text as from_therapist_id,
                               null::text as from_therapist_name,
                               m.booking_resource_name as title,
                               null::text as status,
                               m.invitee_payment_amount as amount,
                               m.invitee_payment_currency as currency,
                               null::text as reason
                        from mine m
                    ) e "# $(+ $cut)+ + r#")
                   union all
                   (select e.*
                    from (
                        select coalesce(k.cancelled_at, k.created_at, m.invitee_cancelled_at, m.booking_updated_at,
                                        '-infinity') as at,
                               'cancellation' as kind,
                               k.id::text as id,
                               coalesce('cancellation ' || k.id, 'cancelled ' || m.booking_id) as entry,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null::text,
                               null::text,
                               null::text,
                               null::text,
                               null::numeric,
                               null::text,
                               coalesce(k.cancel_reason, m.booking_cancel_reason, m.invitee_cancelled_reason)
                        from mine m
                        left join booking_cancelled k on k.booking_id = m.booking_id
                        where k.id is not null
                           or internal.booking_status(m.booking_status) = 'cancelled'
                    ) e "# $(+ $cut)+ + r#")
                   union all "# $(+ $money)* + r#"
                   (select e.*
                    from (
                        select coalesce(h.transfer_date, '-infinity') as at,
                               'transfer' as kind,
                               h.transfer_id::text as id,
                               'transfer ' || h.transfer_id as entry,
                               null::text as booking_id,
                               h.to_therapist_id,
                               h.to_therapist_name,
                               h.from_therapist_id,
                               h.from_therapist_name,
                               null::text,
                               null::text,
                               null::numeric,
                               null::text,
                               case when internal.current_therapist() is null then h.reason end
                        from moved
                        join client_transfer_history h on h.transfer_id = moved.transfer_id
                        where $2::text is null
                           or $2::text in (h.from_therapist_id, h.to_therapist_id)
                    ) e "# $(+ $cut)+ + r#")
                   union all
                   (select e.*
                    from (
                        select coalesce(m.invitee_created_at, '-infinity') as at,
                               'form' as kind,
                               f.link_id::text as id,
                               'form ' || f.link_id as entry,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null::text,
                               null::text,
                               null::text,
                               internal.form_status(f.status),
                               null::numeric,
                               null::text,
                               null::text
                        from mine m
                        join client_doc_form f on f.booking_id = m.booking_id
                    ) e "# $(+ $cut)+ + r#")
                   union all
                   (select e.*
                    from (
                        select coalesce(n.created_at, '-infinity') as at,
                               'session_note' as kind,
                               n.note_id::text as id,
                               'session_note ' || n.note_id as entry,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null::text,
                               null::text,
                               null::text,
                               case when own.note_id is null or own.signed_at is not null then 'submitted'
                                    else 'draft'
                               end,
                               null::numeric,
                               null::text,
                               null::text
                        from mine m
                        join client_session_notes n on n.booking_id = m.booking_id
                        left join internal.session_notes own on own.note_id = n.note_id
                    ) e "# $(+ $cut)+ + r#")
                   union all
                   (select e.*
                    from (
                        select coalesce(n.created_at, '-infinity') as at,
                               'additional_note' as kind,
                               n.note_id::text as id,
                               'additional_note ' || n.note_id as entry,
                               m.booking_id,
                               n.therapist_id,
                               n.therapist_name,
                               null::text,
                               null::text,
                               null::text,
                               null::text,
                               null::numeric,
                               null::text,
                               null::text
                        from mine m
                        join client_additional_notes n on n.booking_id = m.booking_id
                        where $2::text is null
                           or n.therapist_id = $2
                    ) e "# $(+ $cut)+ + r#")
               ) e
               "# $(+ $tail)*,
            $timeline.client.as_str(),
            $timeline.scope.owner(),
            $timeline.kind.map(TimelineKind::as_str),
            $($argument),*
        )
    };
}

/// A page in one direction.
macro_rules! page_of_timeline {
    ($reach:ident, $beyond:literal, $direction:literal, $timeline:expr, $position:expr) => {
        of_timeline!(
            $reach query_as!(TimelineEntry),
            [
                r#"e.at as "at!: Timestamp",
                   e.kind as "kind!: TimelineKind",
                   e.id,
                   e.booking_id as "booking_id: BookingId",
                   e.therapist_id as "therapist_id: TherapistId",
                   coalesce(internal.therapist_name(e.therapist_id), e.therapist_name) as therapist_name,
                   e.from_therapist_id as "from_therapist_id: TherapistId",
                   coalesce(internal.therapist_name(e.from_therapist_id), e.from_therapist_name) as from_therapist_name,
                   e.title,
                   case when e.kind = 'booking'
                       then internal.booking_state(
                           internal.booking_status(b.booking_status),
                           b.booking_start_at,
                           internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                                b.invitee_payment_amount),
                           exists (
                               select
                               from client_session_notes n
                               left join internal.session_notes own on own.note_id = n.note_id
                               where n.booking_id = b.booking_id
                                 and (own.note_id is null or own.signed_at is not null)
                           ),
                           $4
                       )
                       else e.status
                   end as status,
                   case when internal.current_therapist() is null then e.amount end as "amount!: Amount",
                   case when internal.current_therapist() is null then e.currency end as currency,
                   e.reason,
                   e.entry as "entry!",
                   e.at::text as "sort_key!""#
            ],
            [
                "where ($3::text is null or e.kind = $3)"
                " and ($5::text is null or (e.at, e.entry) " $beyond " ($5::timestamp, $6))"
                " order by e.at " $direction ", e.entry " $direction " limit $7"
            ],
            [
                "left join bookings b on e.kind = 'booking' and b.booking_id = e.booking_id"
                " order by e.at " $direction ", e.entry " $direction " limit $7"
            ],
            $timeline,
            Timestamp::from($timeline.now) as Timestamp,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl Timeline {
    /// The events after a position, in its direction.
    pub(super) async fn page(&self, db: &mut PgConnection, position: &Position) -> Result<Vec<TimelineEntry>> {
        Ok(match (self.scope.is_practice(), position.descending) {
            (true, true) => page_of_timeline!(practice, "<", "desc", self, position).fetch_all(db).await,
            (true, false) => page_of_timeline!(practice, ">", "asc", self, position).fetch_all(db).await,
            (false, true) => page_of_timeline!(own, "<", "desc", self, position).fetch_all(db).await,
            (false, false) => page_of_timeline!(own, ">", "asc", self, position).fetch_all(db).await,
        }?)
    }

    /// How much happened.
    pub(super) async fn count(&self, db: &mut PgConnection) -> Result<i64> {
        macro_rules! count {
            ($reach:ident) => {
                of_timeline!(
                    $reach query_scalar!(),
                    [r#"count(*) as "count!""#],
                    ["where ($3::text is null or e.kind = $3)"],
                    [],
                    self,
                )
                .fetch_one(db)
                .await
            };
        }
        Ok(if self.scope.is_practice() { count!(practice) } else { count!(own) }?)
    }
}
