-- The derived tables and columns of the twenty tables: their whole contents, and their upkeep.
--
-- The first four functions recompute everything from its sources: a rebuild writes their results, and the search for drift
-- compares with them. The others follow a write, from less; `dashboards::cache` says what the tables hold, and a test
-- compares the two.
--
-- Left out throughout, since nothing could refer to them: bookings without an id; therapists and clients without a row;
-- and, in tables whose column is too narrow, therapists whose id is longer than 50 characters.

-- Per therapist; `upcoming` depends on `at`.
create or replace function internal.therapist_figures(at timestamp)
    returns table (
        therapist_id text,
        total        integer,
        confirmed    integer,
        cancelled    integer,
        no_shows     integer,
        upcoming     integer
    )
    language sql stable parallel safe
begin atomic
    select t.therapist_id,
           coalesce(b.total, 0),
           coalesce(b.total - b.cancelled - b.no_shows, 0),
           coalesce(b.cancelled, 0),
           coalesce(b.no_shows, 0),
           coalesce(b.upcoming, 0)
    from (select distinct therapists.therapist_id from public.therapists) t
    left join (
        select b.therapist_id,
               count(*)::integer as total,
               count(*) filter (where internal.booking_status(b.booking_status) = 'cancelled')::integer as cancelled,
               count(*) filter (where internal.booking_status(b.booking_status) = 'no_show')::integer as no_shows,
               count(*) filter (where internal.is_active(b.booking_status) and b.booking_start_at > at)::integer
                   as upcoming
        from public.bookings b
        where b.booking_id is not null
        group by b.therapist_id
    ) b on b.therapist_id = t.therapist_id;
end;

-- Per therapist and client with an active booking together, as the client's record names them.
create or replace function internal.clients_summary()
    returns table (
        therapist_id text,
        client_id    text,
        client_name  text,
        client_email text,
        client_phone text,
        sessions     integer,
        last_session timestamp
    )
    language sql stable parallel safe
begin atomic
    select s.therapist_id, s.client_id, c.client_name, c.email_id, c.phone_number, s.sessions, s.last_session
    from (
        select b.therapist_id,
               a.client_id,
               count(*)::integer as sessions,
               max(b.booking_start_at) filter (where isfinite(b.booking_start_at)) as last_session
        from public.bookings b
        join public.appointment_table a on a.session_id = b.booking_id
        where internal.is_active(b.booking_status)
          and length(b.therapist_id) <= 50
        group by b.therapist_id, a.client_id
    ) s
    join public.all_clients_table c on c.client_id = s.client_id
    where exists (select from public.therapists t where t.therapist_id = s.therapist_id);
end;

-- Per booking with a therapist.
create or replace function internal.appointments_cache()
    returns table (
        booking_id      text,
        therapist_id    text,
        session_timings text,
        session_name    text,
        client_name     text,
        contact_info    text,
        mode            text,
        booking_date    timestamp,
        booking_status  text
    )
    language sql stable parallel safe
begin atomic
    select b.booking_id,
           b.therapist_id,
           left(b.booking_invitee_time, 500),
           left(b.booking_resource_name, 500),
           left(b.invitee_name, 255),
           left(coalesce(nullif(btrim(b.invitee_phone), ''), b.invitee_email), 100),
           left(internal.booking_mode(b.booking_mode), 100),
           b.booking_start_at,
           left(internal.booking_status(b.booking_status), 50)
    from public.bookings b
    where b.booking_id is not null
      and length(b.therapist_id) <= 50
      and exists (select from public.therapists t where t.therapist_id = b.therapist_id);
end;

-- Per client.
create or replace function internal.client_figures()
    returns table (client_id text, sessions integer)
    language sql stable parallel safe
begin atomic
    select c.client_id, coalesce(s.sessions, 0)
    from public.all_clients_table c
    left join (
        select a.client_id, count(*)::integer as sessions
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where internal.is_active(b.booking_status)
        group by a.client_id
    ) s on s.client_id = c.client_id;
end;

-- Counts the derived columns and rows of clients anew from their bookings. Their rows are locked already.
create or replace function internal.recount_clients(text[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if cardinality($1) = 0 then
        return;
    end if;
    with active as materialized (
        select a.client_id, b.therapist_id, b.booking_start_at
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where a.client_id = any ($1)
          and internal.is_active(b.booking_status)
    ), counted as (
        update public.all_clients_table c
        set no_of_sessions = s.sessions
        from (
            select c.client_id, count(active.client_id)::integer as sessions
            from public.all_clients_table c
            left join active on active.client_id = c.client_id
            where c.client_id = any ($1)
            group by c.client_id
        ) s
        where c.client_id = s.client_id
          and c.no_of_sessions is distinct from s.sessions
    ), due as materialized (
        select s.*, c.client_name, c.email_id, c.phone_number
        from (
            select active.client_id,
                   active.therapist_id,
                   count(*)::integer as sessions,
                   max(active.booking_start_at) filter (where isfinite(active.booking_start_at)) as last_session
            from active
            where length(active.therapist_id) <= 50
            group by active.client_id, active.therapist_id
        ) s
        join public.all_clients_table c on c.client_id = s.client_id
        where exists (select from public.therapists t where t.therapist_id = s.therapist_id)
    ), refreshed as (
        update public.therapist_clients_summary s
        set client_name = d.client_name,
            client_email = d.email_id,
            client_phone = d.phone_number,
            total_sessions = d.sessions,
            last_session_date = d.last_session
        from due d
        join internal.clients_summary_rows l on l.client_id = d.client_id and l.therapist_id = d.therapist_id
        where s.id = l.id
        returning l.client_id, l.therapist_id
    ), missing as materialized (
        select *, row_number() over (order by d.client_id, d.therapist_id) as place
        from due d
        where not exists (
            select
            from refreshed r
            where r.client_id = d.client_id
              and r.therapist_id = d.therapist_id
        )
    ), added as (
        insert into public.therapist_clients_summary
            (therapist_id, client_name, client_email, client_phone, total_sessions, last_session_date)
        select m.therapist_id, m.client_name, m.email_id, m.phone_number, m.sessions, m.last_session
        from missing m
        order by m.place
        returning id
    ), linked as (
        -- Ids are drawn in the order of the insert.
        insert into internal.clients_summary_rows (client_id, therapist_id, id)
        select m.client_id, m.therapist_id, a.id
        from missing m
        join (select id, row_number() over (order by id) as place from added) a on a.place = m.place
        on conflict (client_id, therapist_id) do update
        set id = excluded.id
    ), unlinked as (
        delete from internal.clients_summary_rows l
        where l.client_id = any ($1)
          and not exists (
              select
              from due d
              where d.client_id = l.client_id
                and d.therapist_id = l.therapist_id
          )
        returning l.id
    )
    delete from public.therapist_clients_summary s
    where s.id in (select unlinked.id from unlinked);
end
$$;

-- Updates the caches after bookings changed. The arguments are the bookings; their therapists and clients before the
-- change, and the state that each was counted as; and the instant. A client's row counts the sessions with everybody,
-- so this reads more than a therapist's rows; the bookings have to be the therapist's own before and after.
create or replace function internal.move_caches(text[], text[], text[], text[], timestamp) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
    clients text[];
begin
    if own_therapist is not null and (
        exists (select from unnest($2) as before (therapist_id) where before.therapist_id is distinct from own_therapist)
        or exists (
            select
            from public.bookings b
            where b.booking_id = any ($1)
              and b.therapist_id is distinct from own_therapist
        )
    ) then
        raise exception 'a booking of another therapist' using errcode = 'insufficient_privilege';
    end if;

    -- Therapists and clients of before and after, locked.
    select coalesce(array_agg(locked.client_id), '{}')
    into clients
    from (
        with touched as (
            select therapist_id, null::text as client_id
            from unnest($2::text[]) as before (therapist_id)
            union all
            select null, client_id
            from unnest($3::text[]) as before (client_id)
            union all
            select b.therapist_id, a.client_id
            from public.bookings b
            left join public.appointment_table a on a.session_id = b.booking_id
            where b.booking_id = any ($1)
        ), locked_therapists as (
            select t.therapist_id
            from public.therapists t
            where t.therapist_id in (select touched.therapist_id from touched)
            order by t.therapist_id
            for no key update
        ), locked_clients as (
            select c.client_id
            from public.all_clients_table c
            where c.client_id in (select touched.client_id from touched)
              and (select count(*) from locked_therapists) >= 0
            order by c.client_id
            for no key update
        )
        select client_id as client_id
        from locked_clients
        where (select count(*) from locked_therapists) >= 0
    ) locked;

    -- The figures of the therapists change by the difference.
    with moved as (
        select therapist_id,
               sum(n)::integer as total,
               coalesce(sum(n) filter (where counts_as = 'active'), 0)::integer as confirmed,
               coalesce(sum(n) filter (where counts_as = 'cancelled'), 0)::integer as cancelled,
               coalesce(sum(n) filter (where counts_as = 'no_show'), 0)::integer as no_shows
        from (
            select therapist_id, counts_as, -1 as n
            from unnest($2::text[], $4::text[]) as before (therapist_id, counts_as)
            where counts_as is not null
            union all
            select b.therapist_id,
                   case when internal.is_active(b.booking_status) then 'active'
                        else internal.booking_status(b.booking_status)
                   end,
                   1
            from public.bookings b
            where b.booking_id = any ($1)
        ) counted
        group by therapist_id
    ), figures as materialized (
        select moved.*, length(t.therapist_id) <= 50 as fits, ahead.upcoming
        from moved
        join public.therapists t on t.therapist_id = moved.therapist_id
        cross join lateral (
            select count(*)::integer as upcoming
            from public.bookings b
            where b.therapist_id = moved.therapist_id
              -- A session that starts later ends later, and the index of active bookings is ordered by the end.
              and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                       b.invitee_payment_amount) > $5
              and b.booking_start_at > $5
              and internal.is_active(b.booking_status)
              and b.booking_id is not null
        ) ahead
    ), booked as (
        update public.therapists t
        set sessions_booked = f.upcoming
        from figures f
        where t.therapist_id = f.therapist_id
          and t.sessions_booked is distinct from f.upcoming
    ), counted as (
        update public.therapist_dashboard_stats s
        set total_sessions = coalesce(s.total_sessions, 0) + f.total,
            confirmed_sessions = coalesce(s.confirmed_sessions, 0) + f.confirmed,
            cancelled_sessions = coalesce(s.cancelled_sessions, 0) + f.cancelled,
            no_shows = coalesce(s.no_shows, 0) + f.no_shows,
            upcoming_bookings = f.upcoming,
            last_updated = $5
        from figures f
        where s.therapist_id = f.therapist_id
        returning s.therapist_id
    ), uncounted as materialized (
        -- Materialized before the count of a whole history, so that nobody else's is counted.
        select f.*
        from figures f
        where f.fits
          and not exists (select from counted where counted.therapist_id = f.therapist_id)
    )
    insert into public.therapist_dashboard_stats
        (therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings,
         last_updated)
    select f.therapist_id, w.total, w.total - w.cancelled - w.no_shows, w.cancelled, w.no_shows, f.upcoming, $5
    from uncounted f
    cross join lateral (
        select count(*) as total,
               count(*) filter (where internal.booking_status(b.booking_status) = 'cancelled') as cancelled,
               count(*) filter (where internal.booking_status(b.booking_status) = 'no_show') as no_shows
        from public.bookings b
        where b.therapist_id = f.therapist_id
          and b.booking_id is not null
    ) w;

    -- The rows in the list of sessions are written or removed.
    with due as materialized (
        select *
        from internal.appointments_cache() d
        where d.booking_id = any ($1)
    ), refreshed as (
        update public.therapist_appointments_cache c
        set therapist_id = d.therapist_id,
            session_timings = d.session_timings,
            session_name = d.session_name,
            client_name = d.client_name,
            contact_info = d.contact_info,
            mode = d.mode,
            booking_date = d.booking_date,
            booking_status = d.booking_status
        from due d
        join internal.appointments_cache_rows l on l.booking_id = d.booking_id
        where c.id = l.id
        returning l.booking_id
    ), missing as materialized (
        select *, row_number() over (order by d.booking_id) as place
        from due d
        where not exists (select from refreshed r where r.booking_id = d.booking_id)
    ), added as (
        insert into public.therapist_appointments_cache
            (therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date,
             booking_status, created_at)
        select m.therapist_id, m.session_timings, m.session_name, m.client_name, m.contact_info, m.mode,
               m.booking_date, m.booking_status, $5
        from missing m
        order by m.place
        returning id
    ), linked as (
        -- Ids are drawn in the order of the insert.
        insert into internal.appointments_cache_rows (booking_id, id)
        select m.booking_id, a.id
        from missing m
        join (select id, row_number() over (order by id) as place from added) a on a.place = m.place
        on conflict (booking_id) do update
        set id = excluded.id
    ), unlinked as (
        delete from internal.appointments_cache_rows l
        where l.booking_id = any ($1)
          and not exists (select from due d where d.booking_id = l.booking_id)
        returning l.id
    )
    delete from public.therapist_appointments_cache c
    where c.id in (select unlinked.id from unlinked);

    perform internal.recount_clients(clients);
end
$$;

create or replace function internal.follow_bookings(text[], text[], text[], text[], timestamp) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
begin
    if own_therapist is not null and not (
        cardinality($1) = 1
        and $2 = array[own_therapist]
        and $4 in (array['active'], array['cancelled'], array['no_show'])
        and exists (select from public.bookings b where b.booking_id = any ($1) and b.therapist_id = own_therapist)
        and not exists (
            select
            from unnest($3) as before (client_id)
            where not exists (
                select
                from public.appointment_table a
                where a.session_id = any ($1)
                  and a.client_id = before.client_id
            )
        )
    ) then
        raise exception 'not a booking of this therapist, or not what it was' using errcode = 'insufficient_privilege';
    end if;
    perform internal.move_caches($1, $2, $3, $4, $5);
end
$$;
