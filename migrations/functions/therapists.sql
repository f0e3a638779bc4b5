-- Therapists and their accounts: the words of their rows, and their figures.

-- The role of an account, written in any letter case; null for one that cannot log in.
create or replace function internal.user_role(word text) returns text
    language sql immutable parallel safe
    return case internal.word(word)
        when 'admin' then 'admin'
        when 'therapist' then 'therapist'
    end;

-- The therapies that a therapist offers: the words between the commas, each once whatever its letter case and spaces, in
-- order.
create or replace function internal.therapies(specialization text) returns text[]
    language sql immutable parallel safe
    return array(
        select word
        from (
            select distinct on (internal.fold(word)) word, place
            from (
                select left(btrim(regexp_replace(part, '\s+', ' ', 'g')), 255) as word, place
                from unnest(string_to_array(specialization, ',')) with ordinality as parts (part, place)
            ) words
            where word <> ''
            order by internal.fold(word), place
        ) distinct_words
        order by place
    );

-- The number of active sessions of a therapist that are ahead. A session that starts later ends later, and the index of
-- active bookings is ordered by the end.
create or replace function internal.therapist_upcoming(therapist text, at timestamp) returns bigint
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
create or replace function internal.therapist_live(therapist text, at timestamp) returns text
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

-- The figures of one therapist, of the bookings that start in a period (null: unbounded): sessions (neither cancelled nor
-- no-shows), amounts paid and refunded. A start that is not known is long past.
create or replace function internal.therapist_sums(therapist text, since timestamp, before timestamp)
    returns table (sessions bigint, paid numeric, refunded numeric)
    language sql stable parallel safe
begin atomic
    select count(*) filter (where f.counted_as = 'active'),
           coalesce(sum(f.paid), 0),
           coalesce(sum(f.refunded), 0)
    from internal.booking_facts f
    where f.therapist_id = therapist
      and (since is null or f.starts_at >= since)
      and (before is null or f.starts_at < before);
end;

-- The therapists that bookings name and the practice does not have.
create or replace function internal.unknown_therapists() returns setof text
    language sql stable parallel safe
begin atomic
    -- From one name in the index to the next.
    with recursive named as (
        (select f.therapist_id from internal.booking_facts f where f.therapist_id is not null order by f.therapist_id limit 1)
        union all
        select (
            select f.therapist_id
            from internal.booking_facts f
            where f.therapist_id > named.therapist_id
            order by f.therapist_id
            limit 1
        )
        from named
        where named.therapist_id is not null
    )
    select named.therapist_id
    from named
    where named.therapist_id is not null
      and not exists (select from public.therapists t where t.therapist_id = named.therapist_id);
end;
