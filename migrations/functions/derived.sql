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
               count(*) filter (
                   where internal.is_active(b.booking_status)
                     and b.booking_start_at > at
                     and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount) > at
               )::integer
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
        select m.therapist_id,
               m.client_id,
               count(*)::integer as sessions,
               max(m.starts_at) filter (where isfinite(m.starts_at)) as last_session
        from internal.meanings_of_bookings() m
        where m.counted_as = 'active'
          and length(m.therapist_id) <= 50
        group by m.therapist_id, m.client_id
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

-- Per booking: what its appointment repeats. Whose session it is, `client_id`, is a fact of its own, and so is the name that
-- the therapist had.
create or replace function internal.appointments() returns setof internal.appointment
    language sql stable parallel safe
begin atomic
    select b.booking_id,
           b.booking_start_at,
           left(b.booking_resource_name, 255),
           left(internal.booking_mode(b.booking_mode), 50),
           left(case when btrim(b.invitee_name) <> '' then b.invitee_name else '(no name)' end, 255),
           case when btrim(b.invitee_phone) <> '' then b.invitee_phone else b.invitee_email end,
           (select t.therapist_id from public.therapists t where t.therapist_id = b.therapist_id limit 1)
    from public.bookings b
    where b.booking_id is not null;
end;

-- Per client.
create or replace function internal.client_figures()
    returns table (client_id text, sessions integer)
    language sql stable parallel safe
begin atomic
    select c.client_id, coalesce(s.sessions, 0)
    from public.all_clients_table c
    left join (
        select m.client_id, count(*)::integer as sessions
        from internal.meanings_of_bookings() m
        where m.counted_as = 'active'
        group by m.client_id
    ) s on s.client_id = c.client_id;
end;

-- The bookings whose appointment repeats other values, with the right ones. Of a session that an adopted table contains twice
-- nobody knows which row is its own.
create or replace function internal.drifted_appointments() returns setof internal.appointment
    language sql stable parallel safe
begin atomic
    select d.*
    from internal.appointments() d
    join public.appointment_table a on a.session_id = d.booking_id
    where (a.session_timings, a.session_name, a.session_mode, a.client_name, a.contact_info, a.therapist_id)
          is distinct from
          (d.session_timings, d.session_name, d.session_mode, d.client_name, d.contact_info, d.therapist_id)
      and (select count(*) from public.appointment_table o where o.session_id = d.booking_id) = 1;
end;

-- Lets the appointments of these bookings repeat them. Returns how many did not.
create or replace function internal.refresh_appointments(bookings text[]) returns bigint
    language plpgsql
    -- Planned once: to plan it for the ids costs more than to run it.
    set plan_cache_mode = 'force_generic_plan'
    set search_path = pg_catalog, pg_temp
    as $$
declare
    refreshed bigint;
begin
    update public.appointment_table a
    set session_timings = d.session_timings,
        session_name = d.session_name,
        session_mode = d.session_mode,
        client_name = d.client_name,
        contact_info = d.contact_info,
        therapist_id = d.therapist_id,
        therapist_name = case
            when a.therapist_id is not distinct from d.therapist_id then a.therapist_name
            else (select left(t.name, 255) from public.therapists t where t.therapist_id = d.therapist_id limit 1)
        end
    from internal.drifted_appointments() d
    where d.booking_id = any (bookings)
      and a.session_id = d.booking_id;
    get diagnostics refreshed = row_count;
    return refreshed;
end
$$;

-- What the bookings of a client come to, or those with a therapist, as of an instant.
create or replace function internal.sums_of_client(client text, therapist text, at timestamp)
    returns table (
        bookings     integer,
        standing     integer,
        latest       timestamp,
        sessions     integer,
        last_session timestamp,
        next_session timestamp,
        active_until timestamp
    )
    language sql stable parallel safe rows 1
begin atomic
    select count(*)::integer,
           count(*) filter (where f.counted_as <> 'cancelled')::integer,
           coalesce(max(f.starts_at) filter (where f.counted_as <> 'cancelled'), '-infinity'),
           count(*) filter (where f.counted_as = 'active')::integer,
           coalesce(max(f.starts_at) filter (where f.counted_as = 'active' and f.starts_at <= at), '-infinity'),
           coalesce(min(f.starts_at) filter (where f.counted_as = 'active' and f.starts_at > at), 'infinity'),
           coalesce(max(f.ends_at) filter (where f.counted_as = 'active' and isfinite(f.starts_at)), '-infinity')
    from internal.booking_facts f
    where f.client_id = client
      and (therapist is null or f.therapist_id = therapist);
end;

-- The facts of a client, and of the therapists who know them, as of an instant.
create or replace function internal.facts_of_client(client text, at timestamp) returns setof internal.client_facts
    language sql stable parallel safe rows 1
begin atomic
    select c.client_id,
           c.therapist_id,
           internal.fold(coalesce(c.client_name, '')),
           internal.search_text(c.client_name, c.email_id, c.phone_number) || E'\n'
               || internal.fold(coalesce(c.assigned_therapist, '')),
           internal.fold(coalesce(c.assigned_therapist, '')),
           internal.phone_key(c.phone_number),
           coalesce(i.created_at, '-infinity'),
           s.bookings,
           s.standing,
           s.latest,
           s.sessions,
           s.last_session,
           s.next_session
    from public.all_clients_table c
    left join internal.clients i on i.client_id = c.client_id
    cross join lateral internal.sums_of_client(client, null, at) s
    where c.client_id = client;
end;

create or replace function internal.facts_of_therapists_client(client text, at timestamp)
    returns setof internal.therapist_client_facts
    language sql stable parallel safe rows 2
begin atomic
    select p.therapist_id,
           c.client_id,
           internal.fold(coalesce(c.client_name, '')),
           c.therapist_id is not distinct from p.therapist_id,
           s.bookings,
           s.standing,
           s.latest,
           s.sessions,
           s.last_session,
           s.next_session,
           s.active_until
    from public.all_clients_table c
    cross join lateral (
        select f.therapist_id
        from internal.booking_facts f
        where f.client_id = client
        union
        select c.therapist_id
    ) p
    cross join lateral internal.sums_of_client(client, p.therapist_id, at) s
    where c.client_id = client
      and p.therapist_id is not null;
end;

-- How many rows of the facts of clients are others than these. What is still to be followed does not count, nor what the clock
-- alone changes: the last session and the next one are compared as of the last.
create or replace function internal.drifted_client_facts() returns bigint
    language sql stable parallel safe
begin atomic
    select (
        select count(*)
        from (
            select s.*
            from public.all_clients_table c
            cross join lateral internal.facts_of_client(c.client_id, 'infinity') s
        ) s
        full join internal.client_facts f on f.client_id = s.client_id
        where not exists (select from internal.client_changes c where c.client_id in (f.client_id, s.client_id))
          and ((f.client_id, f.therapist_id, f.name, f.search, f.therapist, f.phone, f.created_at, f.bookings, f.standing, f.latest,
                f.sessions)
              is distinct from
              (s.client_id, s.therapist_id, s.name, s.search, s.therapist, s.phone, s.created_at, s.bookings, s.standing, s.latest,
                s.sessions)
           or exists (
               select
               from internal.sums_of_client(f.client_id, null, f.last_session) t
               where (t.last_session, t.next_session) is distinct from (f.last_session, f.next_session)
           ))
    ) + (
        select count(*)
        from (
            select s.*
            from public.all_clients_table c
            cross join lateral internal.facts_of_therapists_client(c.client_id, 'infinity') s
        ) s
        full join internal.therapist_client_facts f on f.client_id = s.client_id and f.therapist_id = s.therapist_id
        where not exists (select from internal.client_changes c where c.client_id in (f.client_id, s.client_id))
          and ((f.client_id, f.name, f.assigned, f.bookings, f.standing, f.latest, f.sessions, f.active_until)
              is distinct from
              (s.client_id, s.name, s.assigned, s.bookings, s.standing, s.latest, s.sessions, s.active_until)
           or exists (
               select
               from internal.sums_of_client(f.client_id, f.therapist_id, f.last_session) t
               where (t.last_session, t.next_session) is distinct from (f.last_session, f.next_session)
           ))
    );
end;

-- Works out the facts of these clients again, as of an instant.
create or replace function internal.refresh_client_facts(clients text[], at timestamp) returns void
    language plpgsql
    -- Planned once: to plan it for the ids costs more than to run it.
    set plan_cache_mode = 'force_generic_plan'
    set search_path = pg_catalog, pg_temp
    as $$
begin
    with facts as materialized (
        select f.*
        from (select distinct unnest(clients) as client_id) c
        cross join lateral internal.facts_of_client(c.client_id, at) f
    ), deleted as (
        delete from internal.client_facts f
        using (select distinct unnest(clients) as client_id) c
        where f.client_id = c.client_id
          and not exists (select from facts where facts.client_id = f.client_id)
    )
    insert into internal.client_facts as f
    select facts.*
    from facts
    on conflict (client_id) do update
    set (therapist_id, name, search, therapist, phone, created_at, bookings, standing, latest, sessions, last_session,
         next_session)
        = (excluded.therapist_id, excluded.name, excluded.search, excluded.therapist, excluded.phone, excluded.created_at,
           excluded.bookings, excluded.standing, excluded.latest, excluded.sessions, excluded.last_session, excluded.next_session)
    where f is distinct from excluded;

    with facts as materialized (
        select f.*
        from (select distinct unnest(clients) as client_id) c
        cross join lateral internal.facts_of_therapists_client(c.client_id, at) f
    ), deleted as (
        delete from internal.therapist_client_facts f
        using (select distinct unnest(clients) as client_id) c
        where f.client_id = c.client_id
          and not exists (
              select
              from facts
              where facts.client_id = f.client_id
                and facts.therapist_id = f.therapist_id
          )
    )
    insert into internal.therapist_client_facts as f
    select facts.*
    from facts
    on conflict (therapist_id, client_id) do update
    set (name, assigned, bookings, standing, latest, sessions, last_session, next_session, active_until)
        = (excluded.name, excluded.assigned, excluded.bookings, excluded.standing, excluded.latest, excluded.sessions,
           excluded.last_session, excluded.next_session, excluded.active_until)
    where f is distinct from excluded;
end
$$;

-- Counts the derived columns and rows of clients anew from the facts of their bookings. Their rows are locked already.
create or replace function internal.recount_clients(text[]) returns void
    language plpgsql
    -- Planned once: to plan it for the ids costs more than to run it.
    set plan_cache_mode = 'force_generic_plan'
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if cardinality($1) = 0 then
        return;
    end if;
    with active as materialized (
        select f.client_id, f.therapist_id, f.starts_at as booking_start_at
        from (select distinct unnest($1) as client_id) c
        join internal.booking_facts f on f.client_id = c.client_id
        where f.counted_as = 'active'
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

-- Locks those of these clients that can be counted now; returns the others: another program holds their row, or that of a
-- therapist of theirs so that no row can refer to it.
create or replace function internal.held_clients(text[]) returns text[]
    language sql
    set search_path = pg_catalog, pg_temp
begin atomic
    with free as materialized (
        select array(
                   select c.client_id
                   from public.all_clients_table c
                   where c.client_id = any ($1)
                   for no key update skip locked
               ) as clients,
               array(
                   select t.therapist_id
                   from public.therapists t
                   where t.therapist_id in (
                       select f.therapist_id
                       from internal.booking_facts f
                       where f.client_id = any ($1)
                   )
                   for key share skip locked
               ) as therapists
    )
    select coalesce(array_agg(c.client_id), '{}')
    from free
    cross join public.all_clients_table c
    where c.client_id = any ($1)
      and (c.client_id <> all (free.clients) or exists (
          select
          from internal.booking_facts f
          join public.therapists t on t.therapist_id = f.therapist_id
          where f.client_id = c.client_id
            and t.therapist_id <> all (free.therapists)
      ));
end;

-- Lets the caches follow what was tracked (`changes.sql`), as of an instant: what this transaction wrote; or, where `most` is
-- given, what others committed, the oldest first, at most so many rows of each kind. Returns how many rows were followed;
-- null: more was written than can be told, and the caches have to be rebuilt.
--
-- Counts move by the difference that a row says, so that the order of rows is all the same. All else is derived anew from
-- the bookings and clients concerned, under the locks of their therapists and clients. What others committed about somebody
-- whose row another program holds is left for later, so that nobody else's caches wait.
create or replace function internal.follow_changes(at timestamp, most integer default null) returns integer
    language plpgsql
    -- Planned once: to plan it for the ids costs more than to run it.
    set plan_cache_mode = 'force_generic_plan'
    set search_path = pg_catalog, pg_temp
    as $$
declare
    of_bookings bigint[];
    of_clients bigint[];
    bookings text[];
    clients text[];
    therapists text[];
    counted text[];
    differences integer[];
    concerned text[];
    free text[];
    held_therapists text[];
    held_clients text[] := '{}';
begin
    if most is null then
        select array_agg(change_id) into of_bookings from internal.booking_changes where xid = pg_current_xact_id();
        select array_agg(change_id) into of_clients from internal.client_changes where xid = pg_current_xact_id();
    else
        -- One at a time: another is at it, or the caches are being rebuilt.
        perform from internal.properties where name = 'follows' for update skip locked;
        if not found then
            return 0;
        end if;
        -- Requests wait meanwhile, so it does not wait long for another program.
        perform set_config('lock_timeout', '500ms', true);
        concerned := array(
            select c.therapist_before from internal.booking_changes c
            union
            select c.therapist_after from internal.booking_changes c
        );
        free := array(
            select t.therapist_id
            from public.therapists t
            where t.therapist_id = any (concerned)
            for no key update skip locked
        );
        held_therapists := array(
            select t.therapist_id
            from public.therapists t
            where t.therapist_id = any (concerned)
              and t.therapist_id <> all (free)
        );
        select array_agg(change_id)
        into of_bookings
        from (
            select c.change_id
            from internal.booking_changes c
            where (c.therapist_before = any (held_therapists)) is not true
              and (c.therapist_after = any (held_therapists)) is not true
            order by c.change_id
            limit most
        ) oldest;
        select array_agg(change_id)
        into of_clients
        from (select change_id from internal.client_changes order by change_id limit most) oldest;
    end if;
    -- What is known of their bookings may lag behind another program that wrote just before; and those concern clients too.
    perform internal.follow_facts(clients => array(
        select c.client_id
        from internal.client_changes c
        where c.change_id = any (of_clients)
    ));
    select array_agg(c.change_id)
    into of_clients
    from internal.client_changes c
    where c.change_id = any (of_clients)
       or c.xid = pg_current_xact_id();
    if of_bookings is null and of_clients is null then
        return 0;
    end if;
    if exists (select from internal.booking_changes c where c.change_id = any (of_bookings) and c.booking_id is null) then
        if most is not null then
            -- A rebuild needs everybody's row, and would wait longer.
            perform from public.therapists order by therapist_id for no key update;
            perform from public.all_clients_table order by client_id for no key update;
        end if;
        return null;
    end if;

    with taken as (
        delete from internal.booking_changes c
        where c.change_id = any (of_bookings)
        returning c.*
    ), moved as (
        select m.therapist_id, m.counted_as, sum(m.n)::integer as n
        from (
            select t.therapist_before as therapist_id, t.counted_before as counted_as, -1 as n from taken t
            union all
            select t.therapist_after, t.counted_after, 1 from taken t
        ) m
        where m.counted_as is not null
        group by m.therapist_id, m.counted_as
    )
    select (select coalesce(array_agg(distinct t.booking_id), '{}') from taken t),
           coalesce(array_agg(m.therapist_id), '{}'),
           coalesce(array_agg(m.counted_as), '{}'),
           coalesce(array_agg(m.n), '{}')
    into bookings, therapists, counted, differences
    from moved m;
    perform
    from public.therapists t
    where t.therapist_id = any (therapists)
    order by t.therapist_id
    for no key update;

    with taken as (
        delete from internal.client_changes c
        where c.change_id = any (of_clients)
        returning c.client_id
    )
    select array_agg(distinct client_id) into clients from taken;
    if most is null then
        perform
        from public.all_clients_table c
        where c.client_id = any (clients)
        order by c.client_id
        for no key update;
    else
        held_clients := internal.held_clients(clients);
        clients := array(select c.client_id from unnest(clients) as c (client_id) where c.client_id <> all (held_clients));
    end if;

    -- The figures of the therapists.
    with moved as (
        select m.therapist_id,
               sum(m.n)::integer as total,
               coalesce(sum(m.n) filter (where m.counted_as = 'active'), 0)::integer as confirmed,
               coalesce(sum(m.n) filter (where m.counted_as = 'cancelled'), 0)::integer as cancelled,
               coalesce(sum(m.n) filter (where m.counted_as = 'no_show'), 0)::integer as no_shows
        from unnest(therapists, counted, differences) as m (therapist_id, counted_as, n)
        group by m.therapist_id
    ), figures as materialized (
        select moved.*, ahead.upcoming
        from moved
        join public.therapists t on t.therapist_id = moved.therapist_id
        cross join lateral (
            select count(*)::integer as upcoming
            from internal.booking_facts f
            where f.therapist_id = moved.therapist_id
              and f.starts_at > at
              and f.counted_as = 'active'
        ) ahead
    ), booked as (
        update public.therapists t
        set sessions_booked = f.upcoming
        from figures f
        where t.therapist_id = f.therapist_id
          and t.sessions_booked is distinct from f.upcoming
    ), known as (
        update public.therapist_dashboard_stats s
        set total_sessions = coalesce(s.total_sessions, 0) + f.total,
            confirmed_sessions = coalesce(s.confirmed_sessions, 0) + f.confirmed,
            cancelled_sessions = coalesce(s.cancelled_sessions, 0) + f.cancelled,
            no_shows = coalesce(s.no_shows, 0) + f.no_shows,
            upcoming_bookings = f.upcoming,
            last_updated = at
        from figures f
        where s.therapist_id = f.therapist_id
        returning s.therapist_id
    )
    insert into public.therapist_dashboard_stats
        (therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings,
         last_updated)
    select f.therapist_id, f.total, f.confirmed, f.cancelled, f.no_shows, f.upcoming, at
    from figures f
    where length(f.therapist_id) <= 50
      and not exists (select from known where known.therapist_id = f.therapist_id);

    -- The rows in the list of sessions are written or removed.
    with due as materialized (
        select *
        from internal.appointments_cache() d
        where d.booking_id = any (bookings)
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
               m.booking_date, m.booking_status, at
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
        where l.booking_id = any (bookings)
          and not exists (select from due d where d.booking_id = l.booking_id)
        returning l.id
    )
    delete from public.therapist_appointments_cache c
    where c.id in (select unlinked.id from unlinked);

    -- Appointments repeat their bookings; one of a booking that is gone goes too, unless a refund names it.
    perform internal.refresh_appointments(bookings);
    delete from public.appointment_table a
    where a.session_id = any (bookings)
      and not exists (select from public.bookings b where b.booking_id = a.session_id)
      and not exists (select from public.refund_cancellation_table r where r.session_id = a.session_id);

    perform internal.refresh_client_facts(clients, at);
    perform internal.recount_clients(clients);
    -- The counts of clients and the appointments were written just now.
    delete from internal.client_changes where xid = pg_current_xact_id();
    delete from internal.booking_changes where xid = pg_current_xact_id();
    delete from internal.fact_changes where xid = pg_current_xact_id();
    -- Behind the others, so that many of them do not stand in the way either.
    insert into internal.client_changes (client_id) select unnest(held_clients);
    return coalesce(cardinality(of_bookings), 0) + coalesce(cardinality(of_clients), 0) - cardinality(held_clients);
end
$$;
