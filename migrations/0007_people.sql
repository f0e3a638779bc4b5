-- Users and therapists: what their rows cannot say, and what the therapists' figures are counted by.
--
-- Figures of all times are counted for every therapist of a list, so they are read from indexes alone: what was paid, what
-- was not, what was given back, each in an index of its own.

-- Therapists who do not take sessions any more. No row: at work.
create table internal.retirements (
    therapist_id text        primary key,
    retired_at   timestamptz not null
);

-- The role as it is written, in any letter case; null for one that cannot log in.
create function internal.user_role(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word, E' \t\n\r\f\x0b'))
        when 'admin' then 'admin'
        when 'therapist' then 'therapist'
    end;

-- What a therapist offers: the words between the commas, each once whatever its letter case and spaces, in order.
create function internal.therapies(specialization text) returns text[]
    language sql immutable parallel safe
    return array(
        select word
        from (
            select distinct on (lower(word)) word, place
            from (
                select left(btrim(regexp_replace(part, '\s+', ' ', 'g')), 255) as word, place
                from unnest(string_to_array(specialization, ',')) with ordinality as parts (part, place)
            ) words
            where word <> ''
            order by lower(word), place
        ) distinct_words
        order by place
    );

-- How many active sessions of a therapist are ahead. What starts later ends later, which is what the index of active
-- bookings is ordered by.
create function internal.therapist_upcoming(therapist text, at timestamp) returns bigint
    language sql stable parallel safe
begin atomic
    select count(*)
    from public.bookings b
    where b.therapist_id = therapist
      and internal.is_active(b.booking_status)
      and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount) > at
      and b.booking_start_at > at
      and b.booking_id is not null;
end;

-- The session that a therapist is in, the latest begun where another program left several; null if in none.
create function internal.therapist_live(therapist text, at timestamp) returns text
    language sql stable parallel safe
begin atomic
    select b.booking_id
    from public.bookings b
    where b.therapist_id = therapist
      and internal.is_active(b.booking_status)
      and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount) > at
      -- No session takes more than a day.
      and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount)
          <= at + interval '1 day'
      and b.booking_start_at <= at
      and internal.booking_status(b.booking_status) is distinct from 'completed'
      and b.booking_id is not null
      and not exists (
          select
          from public.client_session_notes n
          left join internal.session_notes own on own.note_id = n.note_id
          where n.booking_id = b.booking_id
            and (own.note_id is null or own.signed_at is not null)
      )
    order by b.booking_start_at desc, b.booking_id
    limit 1;
end;

-- Whether something is to be counted as money: above 0, and a number that an answer can show. It also keeps out of the
-- indexes what would be too long for an entry.
create function internal.is_money(amount numeric) returns boolean
    language sql immutable parallel safe
    return coalesce(amount > 0 and amount < 1e30 and scale(amount) <= 30, false);

create index bookings_paid_of_therapist on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'))
    include (booking_start_at, invitee_payment_amount)
    where booking_id is not null and internal.is_money(invitee_payment_amount);
create index bookings_unpaid_of_therapist on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'))
    include (booking_start_at)
    where booking_id is not null and not internal.is_money(invitee_payment_amount);
create index bookings_refunded_of_therapist on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'))
    include (booking_start_at, refund_amount)
    where booking_id is not null
      and internal.refund_status(refund_status) = 'completed'
      and internal.is_money(refund_amount);

create index bookings_refunding_of_therapist on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'))
    where booking_id is not null and internal.refund_status(refund_status) in ('initiated', 'processing');

-- The figures of one therapist, of the bookings that start in a period (null: unbounded): bookings, sessions (those
-- neither cancelled nor no-shows), what was paid, what was given back. A start that is not known is long past.
create function internal.therapist_sums(therapist text, since timestamp, before timestamp)
    returns table (bookings bigint, sessions bigint, paid numeric, refunded numeric)
    language sql stable parallel safe
begin atomic
    select p.bookings + u.bookings, p.bookings + u.bookings - o.bookings, p.paid, r.refunded
    from (
        select count(*) as bookings, coalesce(sum(b.invitee_payment_amount), 0) as paid
        from public.bookings b
        where b.therapist_id = therapist
          and b.booking_id is not null
          and internal.is_money(b.invitee_payment_amount)
          and (since is null or coalesce(b.booking_start_at, '-infinity') >= since)
          and (before is null or coalesce(b.booking_start_at, '-infinity') < before)
    ) p
    cross join (
        select count(*) as bookings
        from public.bookings b
        where b.therapist_id = therapist
          and b.booking_id is not null
          and not internal.is_money(b.invitee_payment_amount)
          and (since is null or coalesce(b.booking_start_at, '-infinity') >= since)
          and (before is null or coalesce(b.booking_start_at, '-infinity') < before)
    ) u
    cross join (
        select count(*) as bookings
        from public.bookings b
        where b.therapist_id = therapist
          and b.booking_id is not null
          and internal.booking_status(b.booking_status) in ('cancelled', 'no_show')
          and (since is null or coalesce(b.booking_start_at, '-infinity') >= since)
          and (before is null or coalesce(b.booking_start_at, '-infinity') < before)
    ) o
    cross join (
        select coalesce(sum(b.refund_amount), 0) as refunded
        from public.bookings b
        where b.therapist_id = therapist
          and b.booking_id is not null
          and internal.refund_status(b.refund_status) = 'completed'
          and internal.is_money(b.refund_amount)
          and (since is null or coalesce(b.booking_start_at, '-infinity') >= since)
          and (before is null or coalesce(b.booking_start_at, '-infinity') < before)
    ) r;
end;

-- Who came to a therapist, read off the appointments alone; and those whose therapist only the booking knows.
create index appointments_of_therapist on public.appointment_table (therapist_id, client_id);
create index appointments_of_nobody on public.appointment_table (session_id) where therapist_id is null;

create index therapist_resources_of_therapist on public.therapist_resources (therapist_id, id);
