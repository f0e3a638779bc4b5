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

-- The number of active sessions of a therapist that are ahead: of this week one by one, of those after it by the sums.
create or replace function internal.therapist_upcoming(therapist text, at timestamp) returns bigint
    language sql stable parallel safe
begin atomic
    select count(*) + coalesce(
               (
                   select sum(s.sessions)
                   from (
                       select w.sessions
                       from internal.therapist_weeks w
                       where w.therapist_id = therapist
                         and w.week > date_trunc('week', at)
                       union all
                       select c.sessions
                       from internal.therapist_week_changes c
                       where c.therapist_id = therapist
                         and c.week > date_trunc('week', at)
                   ) s
               ),
               0
           )
    from internal.booking_facts f
    where f.therapist_id = therapist
      and f.counted_as = 'active'
      and f.starts_at > at
      and f.starts_at < date_trunc('week', at) + interval '7 days';
end;

-- The session that a therapist is in, the latest begun where another program left several; null if in none.
create or replace function internal.therapist_live(therapist text, at timestamp) returns text
    language sql stable parallel safe
begin atomic
    select f.booking_id
    from internal.booking_facts f
    where f.therapist_id = therapist
      and f.phase = 'open'
      and f.ends_at > at
      and f.starts_at <= at
      -- No session takes more than a day.
      and f.starts_at >= at - interval '1 day'
    order by f.starts_at desc, f.booking_id
    limit 1;
end;

-- The figures of one therapist, of the bookings that start in a period (null: unbounded): sessions (neither cancelled nor
-- no-shows), amounts paid and refunded. A start that is not known is long past.
create or replace function internal.therapist_sums(therapist text, since timestamp, before timestamp)
    returns table (sessions bigint, paid numeric, refunded numeric)
    language sql stable parallel safe
begin atomic
    select coalesce(sum(c.sessions), 0)::bigint, coalesce(sum(c.paid), 0), coalesce(sum(c.refunded), 0)
    from (
        -- The whole weeks in the period; before and after them, booking by booking.
        select p.since, w.first, greatest(date_trunc('week', p.before), w.first) as last, p.before
        from (select coalesce(since, '-infinity') as since, coalesce(before, 'infinity') as before) p
        cross join lateral (
            select least(date_trunc('week', p.since + interval '7 days' - interval '1 microsecond'), p.before) as first
        ) w
    ) period
    cross join lateral (
        select w.sessions, w.paid, w.refunded
        from internal.weeks_of_therapists() w
        where w.therapist_id = therapist
          and w.week >= period.first
          and (w.week < period.last or period.before = 'infinity')
        union all
        select (f.counted_as = 'active')::integer, f.paid, f.refunded
        from internal.booking_facts f
        where f.therapist_id = therapist
          and (f.starts_at >= period.since and f.starts_at < period.first
               or f.starts_at >= period.last and f.starts_at < period.before)
    ) c;
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
