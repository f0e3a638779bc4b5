-- Sessions that other programs left half told: without a client, noted twice, without a time that can be.
--
-- The functions are invoker's and inlined, as those of 0004: a therapist's request meets the wall within them.

-- As in 0004, but for a start of infinity, which reads as none: it would lie ahead for ever.
create or replace function internal.contact_clients(therapist text, at timestamp) returns setof text
    language sql stable parallel safe
begin atomic
    select c.client_id
    from public.all_clients_table c
    where c.therapist_id = therapist
    union all
    select a.client_id
    from public.appointment_table a
    join public.bookings b on b.booking_id = a.session_id
    where b.therapist_id = therapist
      and internal.is_active(b.booking_status)
      and isfinite(b.booking_start_at)
      and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                               b.invitee_payment_amount) > at;
end;

-- Whether the therapist who asks sees the contact data that a booking of theirs holds: a row if so. By its client; and
-- where no program has said yet whose it is, by the session itself being ahead. A set, so that it is inlined.
create function internal.contact_shown(client text, booking_status text, end_at timestamp, at timestamp)
    returns setof boolean
    language sql stable parallel safe rows 1
begin atomic
    select true
    where client is null
      and internal.is_active(booking_status)
      and isfinite(end_at)
      and end_at > at
    union all
    select true
    from internal.contact_clients(internal.current_therapist(), at) as seen (client_id)
    where seen.client_id = client;
end;

-- The appointment of a booking. An adopted table may hold a session twice, and a join would list the booking twice: this
-- is one of them, and always the same one, with a client where any has one.
create function internal.appointment_of(booking text) returns table (client_id text, client_name text)
    language sql stable parallel safe rows 1
begin atomic
    select a.client_id, a.client_name
    from public.appointment_table a
    where a.session_id = booking
    order by a.client_id
    limit 1;
end;

-- Finds it without sorting; and where a session stands twice, there is no primary key to find it by.
create index appointments_of_session on public.appointment_table (session_id, client_id);
