-- Functions that a check of the data and the repair of its findings share. They scan whole tables.

-- Whether the API can name a row by this id: 1 to 255 characters, none of them a control character. Rows with
-- other ids are left out of repairs, which would fail on the narrower columns that an id is copied to.
create or replace function internal.is_possible_id(id text) returns boolean
    language sql immutable parallel safe
    return coalesce(length(id) between 1 and 255 and id !~ '[\u0001-\u001f\u007f-\u009f]', false);

-- Bookings without an appointment, or whose appointment names no client that exists.
create or replace function internal.bookings_without_client()
    returns table (booking_id text, start_at timestamp)
    language sql stable parallel safe
begin atomic
    select b.booking_id, b.booking_start_at
    from public.bookings b
    left join public.appointment_table a on a.session_id = b.booking_id
    left join public.all_clients_table c on c.client_id = a.client_id
    where c.client_id is null
      and internal.is_possible_id(b.booking_id);
end;

-- Cancelled bookings with a payment that has no row in refund_cancellation_table; and those that say they were paid and
-- have neither.
create or replace function internal.bookings_without_refund_row()
    returns table (booking_id text, start_at timestamp)
    language sql stable parallel safe
begin atomic
    select b.booking_id, b.booking_start_at
    from public.bookings b
    where internal.booking_status(b.booking_status) = 'cancelled'
      and internal.is_possible_id(b.booking_id)
      and (
          exists (
              select
              from public.payments p
              where p.booking_id = b.booking_id
                and p.amount > 0
                and p.amount < 'infinity'
                and not exists (
                    select
                    from public.refund_cancellation_table r
                    where r.session_id = b.booking_id
                      and (r.payment_id is null or r.payment_id in (p.payment_id::text, p.payment_reference_id))
                )
          )
          or b.invitee_payment_amount > 0
             and b.invitee_payment_amount < 'infinity'
             and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
             and not exists (select from public.payments p where p.booking_id = b.booking_id)
             and not exists (
                 select
                 from public.refund_cancellation_table r
                 where r.session_id = b.booking_id
                   and (r.payment_id is null or r.payment_id = b.invitee_payment_reference_id)
             )
      );
end;
