//! The one statement that reads payments.
//!
//! It joins two sets: the rows of `payments`, and, as pending, the bookings whose payment is awaited, which have no such
//! row until it arrives. Each set is walked by the index of the order and left after a page's rows, then the two pages are
//! made one. A place in an order is the order's key, the payment's id (0 for an awaited one) and the booking's id (empty
//! for a payment).
//!
//! `select_payments!` takes what a row is, what is selected of the joined rows `f`, the key of either set, what follows in
//! each set and after the join, the criteria, and its arguments from `$11` on.

/// Reads payments; see the module.
macro_rules! select_payments {
    (
        $row:ty, $select:literal, $key:literal, $awaited_key:literal,
        [$($each:literal)*], [$($awaited:literal)*], [$($rest:literal)*], $criteria:expr $(, $argument:expr)* $(,)?
    ) => {
        sqlx::query_as!(
            $row,
            "select " + $select + r#"
             from (
                 (
                     select p.payment_id,
                            p.booking_id,
                            a.client_id,
                            b.therapist_id,
                            internal.payment_state(p.refund_status, p.amount, b.booking_status, b.invitee_status)
                                as state,
                            b.booking_start_at,
                            internal.booking_status(b.booking_status) as booking_status,
                            p.invitee_name,
                            p.invitee_email,
                            p.payment_reference_id,
                            p.amount,
                            p.currency,
                            p.payment_date,
                            p.payment_gateway_name,
                            p.refund_amount,
                            p.refund_initiation_date,
                            internal.refund_status(p.refund_status) as refund_status,
                            p.refund_failed_date,
                            p.refund_id,
                            p.created_at,
                            p.updated_at,
                            p.xmin::text as version,
                            "# + $key + r#" as place,
                            p.payment_id as nth,
                            ''::text as mark
                     from payments p
                     left join bookings b on b.booking_id = p.booking_id
                     left join appointment_table a on a.session_id = p.booking_id
                     where ($1::integer is null or p.payment_id = $1)
                       and ($2::text is null
                            or internal.payment_state(p.refund_status, p.amount, b.booking_status, b.invitee_status) = $2)
                       and ($3::text is null
                            or (internal.refund_state(p.refund_status) = $3
                                and internal.refund_status(p.refund_status) is not null))
                       and ($4::text is null or lower(btrim(p.payment_gateway_name)) = $4)
                       and ($5::text is null or b.therapist_id = $5)
                       and ($6::text is null or a.client_id = $6)
                       and ($7::text is null or p.booking_id = $7)
                       and ($8::timestamp is null
                            or (b.booking_start_at >= $8 and coalesce(b.booking_start_at, '-infinity') >= $8))
                       and ($9::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $9)
                       and ($10::text is null
                            or internal.money_text(p.invitee_name, p.invitee_email, p.payment_reference_id) like $10)
                       "# $(+ $each)* + r#"
                 )
                 union all
                 (
                     select null,
                            b.booking_id,
                            a.client_id,
                            b.therapist_id,
                            'pending',
                            b.booking_start_at,
                            internal.booking_status(b.booking_status),
                            b.invitee_name,
                            b.invitee_email,
                            b.invitee_payment_reference_id,
                            b.invitee_payment_amount,
                            b.invitee_payment_currency,
                            null,
                            b.invitee_payment_gateway,
                            null,
                            null,
                            null,
                            null,
                            null,
                            b.invitee_created_at,
                            b.booking_updated_at,
                            b.xmin::text,
                            "# + $awaited_key + r#",
                            0,
                            b.booking_id
                     from bookings b
                     left join appointment_table a on a.session_id = b.booking_id
                     where $1::integer is null
                       and ($2::text is null or $2 = 'pending')
                       and internal.invitee_status(b.invitee_status) = 'waiting'
                       and internal.booking_status(b.booking_status) is distinct from 'cancelled'
                       and internal.booking_paid(b.invitee_payment_amount) > 0
                       and b.booking_id is not null
                       and not exists (select from payments o where o.booking_id = b.booking_id)
                       and $3::text is null
                       and ($4::text is null or lower(btrim(b.invitee_payment_gateway)) = $4)
                       and ($5::text is null or b.therapist_id = $5)
                       and ($6::text is null or a.client_id = $6)
                       and ($7::text is null or b.booking_id = $7)
                       and ($8::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $8)
                       and ($9::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $9)
                       and ($10::text is null
                            or internal.money_text(b.invitee_name, b.invitee_email, b.invitee_payment_reference_id)
                                like $10)
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
            $criteria.period.from as Timestamp,
            $criteria.period.before as Timestamp,
            $criteria.words,
            $($argument),*
        )
    };
}
pub(super) use select_payments;
