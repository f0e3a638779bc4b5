//! The one statement that reads a timeline.
//!
//! The client's bookings are read once, by the index of their client; payments and notes are looked up by booking. So the cost
//! grows with the client's bookings. Money is none of a therapist's business: their statement does not name its tables.

use sqlx::PgConnection;

use super::{Timeline, TimelineEntry, TimelineKind, TimelineOrder};
use crate::{
    db::pruned::pruned,
    domain::{
        ids::{BookingId, TherapistId},
        money::Amount,
        time::Timestamp,
    },
    error::Result,
    http::page::Position,
};

impl Timeline {
    /// The events after a position, in its direction.
    #[expect(clippy::too_many_lines, reason = "it is one statement")]
    pub(super) async fn page(
        &self,
        db: &mut PgConnection,
        order: TimelineOrder,
        position: &Position,
    ) -> Result<Vec<TimelineEntry>> {
        let events = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(TimelineEntry),
            [r#"
                select e.at as "at!: Timestamp",
                       e.kind as "kind!: TimelineKind",
                       e.id,
                       e.booking_id as "booking_id: BookingId",
                       e.therapist_id as "therapist_id: TherapistId",
                       coalesce(internal.therapist_name(e.therapist_id), e.therapist_name) as therapist_name,
                       e.from_therapist_id as "from_therapist_id: TherapistId",
                       coalesce(internal.therapist_name(e.from_therapist_id), e.from_therapist_name) as from_therapist_name,
                       e.title,
                       case
                           when e.kind <> 'booking' then e.status
                           when f.phase <> 'open' then f.phase
                           when f.ends_at <= $3 then 'pending_notes'
                           when f.starts_at <= $3 then 'live'
                           else 'scheduled'
                       end as status,
                       case when internal.current_therapist() is null then e.amount end as "amount!: Amount",
                       case when internal.current_therapist() is null then e.currency end as currency,
                       e.reason,
                       e.entry as "entry!",
                       e.at::text as "sort_key!"
                from ( -- counted
                    with mine as materialized (
                        select b.*
                        from appointment_table a
                        join bookings b on b.booking_id = a.session_id
                        where a.client_id = $1
                          and b.therapist_id = $2
                    ), moved as (
                        select internal.client_transfers($1) as transfer_id
                    )
                    select e.*
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
                        union all
                        select coalesce(k.cancelled_at, k.created_at, m.invitee_cancelled_at, m.booking_updated_at,
                                        '-infinity'),
                               'cancellation',
                               k.id::text,
                               coalesce('cancellation ' || k.id, 'cancelled ' || m.booking_id),
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null,
                               null,
                               null,
                               null,
                               null,
                               null,
                               coalesce(k.cancel_reason, m.booking_cancel_reason, m.invitee_cancelled_reason)
                        from mine m
                        left join booking_cancelled k on k.booking_id = m.booking_id
                        where k.id is not null
                           or internal.booking_status(m.booking_status) = 'cancelled'
                        union all ( -- with $4
                            select coalesce(p.payment_date, p.created_at, m.invitee_created_at, '-infinity'),
                                   'payment',
                                   p.payment_id::text,
                                   coalesce('payment ' || p.payment_id, 'paid ' || m.booking_id),
                                   m.booking_id,
                                   m.therapist_id,
                                   m.booking_host_name,
                                   null,
                                   null,
                                   null,
                                   null,
                                   case when p.payment_id is null then m.invitee_payment_amount else p.amount end,
                                   case when p.payment_id is null then m.invitee_payment_currency else p.currency end,
                                   null
                            from mine m
                            left join payments p on p.booking_id = m.booking_id
                            where $4
                              and (p.payment_id is not null
                                   or internal.booking_paid(m.invitee_payment_amount) > 0
                                       and internal.invitee_status(m.invitee_status) is distinct from 'waiting')
                        )
                        union all ( -- with $4
                            select coalesce(p.refund_initiation_date, p.updated_at, m.refund_failed_time,
                                            m.booking_updated_at, '-infinity'),
                                   'refund',
                                   r.id::text,
                                   coalesce('refund ' || p.payment_id, 'refunded ' || m.booking_id),
                                   m.booking_id,
                                   m.therapist_id,
                                   m.booking_host_name,
                                   null,
                                   null,
                                   null,
                                   case when p.payment_id is null then internal.refund_status(m.refund_status)
                                        else internal.refund_status(p.refund_status)
                                   end,
                                   case when p.payment_id is null then m.refund_amount else p.refund_amount end,
                                   case when p.payment_id is null then m.invitee_payment_currency else p.currency end,
                                   null
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
                            where $4
                              and case when p.payment_id is null then internal.refund_status(m.refund_status)
                                       else internal.refund_status(p.refund_status)
                                  end is not null
                        )
                        union all
                        select coalesce(h.transfer_date, '-infinity'),
                               'transfer',
                               h.transfer_id::text,
                               'transfer ' || h.transfer_id,
                               null,
                               h.to_therapist_id,
                               h.to_therapist_name,
                               h.from_therapist_id,
                               h.from_therapist_name,
                               null,
                               null,
                               null,
                               null,
                               case when internal.current_therapist() is null then h.reason end
                        from moved
                        join client_transfer_history h on h.transfer_id = moved.transfer_id
                        where true
                          and $2 in (h.from_therapist_id, h.to_therapist_id)
                        union all
                        select coalesce(m.invitee_created_at, '-infinity'),
                               'form',
                               f.link_id::text,
                               'form ' || f.link_id,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null,
                               null,
                               null,
                               internal.form_status(f.status),
                               null,
                               null,
                               null
                        from mine m
                        join client_doc_form f on f.booking_id = m.booking_id
                        union all
                        select coalesce(n.created_at, '-infinity'),
                               'session_note',
                               n.note_id::text,
                               'session_note ' || n.note_id,
                               m.booking_id,
                               m.therapist_id,
                               m.booking_host_name,
                               null,
                               null,
                               null,
                               case when own.note_id is null or own.signed_at is not null then 'submitted' else 'draft' end,
                               null,
                               null,
                               null
                        from mine m
                        join client_session_notes n on n.booking_id = m.booking_id
                        left join internal.session_notes own on own.note_id = n.note_id
                        union all
                        select coalesce(n.created_at, '-infinity'),
                               'additional_note',
                               n.note_id::text,
                               'additional_note ' || n.note_id,
                               m.booking_id,
                               n.therapist_id,
                               n.therapist_name,
                               null,
                               null,
                               null,
                               null,
                               null,
                               null,
                               null
                        from mine m
                        join client_additional_notes n on n.booking_id = m.booking_id
                        where true
                          and n.therapist_id = $2
                    ) e
                    where true
                      and e.kind = any ($5::text[])
                      and (e.at, e.entry) < ($6::text::timestamp, $7) -- by any
                    order by
                        e.at desc, -- by any
                        e.entry desc -- by any
                    limit $8
                ) e
                left join internal.booking_facts f on e.kind = 'booking' and f.booking_id = e.booking_id
                order by
                    e.at desc, -- by any
                    e.entry desc -- by any
            "#],
            self.client.as_str(),
            self.scope.owner(),
            Timestamp::from(self.now) => Timestamp,
            self.scope.is_practice().then_some(true),
            self.kinds.words() => Option<Vec<&str>>,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(events)
    }
}
