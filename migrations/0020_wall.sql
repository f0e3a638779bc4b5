-- The second wall: what the role of therapists' requests reaches, whatever the code asks for. `src/platform/wall.rs` says how
-- requests come to run under it, and why.
--
-- The role owns nothing and was granted little; row-level security says which rows of it. The owner is not subject to it
-- (nothing is forced), so programs that write as the owner go on as before. Other roles meet a policy that lets pass what
-- they were granted. So the therapists' policies are restrictive ones: they take away from that one, and stand as plain
-- conditions that an index is entered by.
--
-- The therapist and the account come from settings of the transaction. What has to look beyond the therapist's own rows is
-- a function that runs as the owner, with a fixed search_path, and says itself what it does for whom; each is listed in
-- `tests/api/wall`. No other function may look there.

-- The role belongs to the cluster. `safestories migrate` has made it by now, or said what an administrator runs; this is
-- for whoever runs these files by hand.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'safestories_therapist') then
        create role safestories_therapist nologin;
    end if;
end
$$;

-- Who is asking: the therapist, and their account. None: the practice, or a task.
create function internal.current_therapist() returns text
    language sql stable parallel safe
    return nullif(current_setting('safestories.therapist_id', true), '');
create function internal.current_account() returns integer
    language sql stable parallel safe
    return nullif(current_setting('safestories.user_id', true), '')::integer;

-- The same for what runs as the owner, whom the role does not bind: whoever is in the role and says no name gets nothing.
create function internal.asking() returns text
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.current_therapist() is null and current_setting('role') = 'safestories_therapist' then
        raise exception 'no therapist is named' using errcode = 'insufficient_privilege';
    end if;
    return internal.current_therapist();
end
$$;

-- What lies across therapists, and is read.

-- Whether a note is a submitted one of a client who is assigned to the therapist: an earlier therapist's.
create function internal.is_earlier_note(note integer, booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.appointment_table a
        join public.all_clients_table c on c.client_id = a.client_id
        where a.session_id = booking
          and c.therapist_id = internal.current_therapist()
    ) and not exists (
        select
        from internal.session_notes own
        where own.note_id = note
          and own.signed_at is null
    );
end
$$;

-- The rarer questions of the policies. As conditions they would be planned and set up wherever a table is named, one
-- within the other: a page of bookings took three times as long to plan.

-- Whether a booking is the therapist's own.
create function internal.is_own_booking(booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.bookings b
        where b.booking_id = booking
          and b.therapist_id = internal.current_therapist()
    );
end
$$;

-- Whether a client has a booking with the therapist.
create function internal.is_own_client(client text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where a.client_id = client
          and b.therapist_id = internal.current_therapist()
    );
end
$$;

-- Whether the therapist sees a note, by the booking it names.
create function internal.is_seen_note(note integer) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.client_session_notes n
        where n.note_id = note
          and (internal.is_own_booking(n.booking_id) or internal.is_earlier_note(n.note_id, n.booking_id))
    );
end
$$;

-- The session a note is of: whose, with whom, when. For a therapist only their own, and those of clients assigned to them.
create function internal.session_of_note(booking text)
    returns table (client_id text, therapist_id text, start_at timestamp)
    language plpgsql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
begin
    return query
    select a.client_id::text, b.therapist_id::text, b.booking_start_at
    from (select booking as booking_id) n
    left join public.bookings b on b.booking_id = n.booking_id
    left join public.appointment_table a on a.session_id = n.booking_id
    where asking is null
       or b.therapist_id = asking
       or exists (
           select
           from public.all_clients_table c
           where c.client_id = a.client_id
             and c.therapist_id = asking
       );
end
$$;

-- The sessions of a client, whoever held them, for the therapist whom the client is assigned to; else their own.
create function internal.sessions_of_client(client text)
    returns table (booking_id text, therapist_id text, therapist_name text, start_at timestamp, is_active boolean)
    language plpgsql stable security definer rows 20
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
    whole boolean := asking is null or exists (
        select
        from public.all_clients_table c
        where c.client_id = client
          and c.therapist_id = asking
    );
begin
    return query
    select a.session_id::text,
           b.therapist_id::text,
           coalesce(b.booking_host_name, a.therapist_name),
           b.booking_start_at,
           b.booking_id is not null and internal.is_active(b.booking_status)
    from public.appointment_table a
    left join public.bookings b on b.booking_id = a.session_id
    where a.client_id = client
      and (whole or b.therapist_id = asking);
end
$$;

-- Whether the risk was high by the submitted note of the client's session before this one, whoever held it. For a
-- therapist, of a session of their own.
create function internal.was_high_before(client text, booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
begin
    return coalesce((
        select internal.risk_word(n.current_risk_level) = 'high'
        from public.bookings this
        join public.appointment_table it on it.session_id = this.booking_id and it.client_id = client
        join public.appointment_table a on a.client_id = it.client_id
        join public.bookings b on b.booking_id = a.session_id
        join public.client_session_notes n on n.booking_id = b.booking_id
        left join internal.session_notes own on own.note_id = n.note_id
        where this.booking_id = booking
          and (asking is null or this.therapist_id = asking)
          and (own.note_id is null or own.signed_at is not null)
          and (coalesce(b.booking_start_at, '-infinity'), b.booking_id)
              < (coalesce(this.booking_start_at, '-infinity'), this.booking_id)
        order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc, own.note_id is null,
                 coalesce(n.created_at, '-infinity') desc, n.note_id desc
        limit 1
    ), false);
end
$$;

-- Names of colleagues, and nothing else of them.
create function internal.account_name(account integer) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.asking();
    return (select coalesce(u.full_name, u.name) from public.users u where u.id = account);
end
$$;
create function internal.therapist_name(therapist text) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.asking();
    return (select t.name from public.therapists t where t.therapist_id = therapist limit 1);
end
$$;

-- Whether the present transaction erases a note: asked by the triggers that keep notes, whoever writes.
alter function internal.is_erased(integer) security definer;
alter function internal.is_erased(integer) set search_path = pg_catalog, pg_temp;

-- What lies across therapists, and is written.

-- The trail: a row of the summary where there is one, an entry for each subject, their place in the queue. Written with
-- the owner's rights alone, so that where those are taken away nothing is written, and nothing done, by anybody.
--
-- Takes, in order: the account; the summary's action, sentence, client's name; the address; the instant as the summary
-- writes it, and itself; the role, login, request and route of the account; how it ended and the status; and the
-- entries: actions, kinds and ids of subjects, clients, details.
create function internal.write_trail(
    integer, text, text, text, text, text, timestamptz, text, uuid, text, text, text, smallint,
    text[], text[], text[], text[], jsonb[]
) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    -- Nobody writes in another's name.
    if internal.asking() is not null and $1 is distinct from internal.current_account() then
        raise exception 'an entry names another account' using errcode = 'insufficient_privilege';
    end if;
    with actor as (
        select left(coalesce(full_name, name), 255) as name,
               case when lower(role) = 'therapist' and length(therapist_id) <= 50 then therapist_id end
                   as therapist_id
        from public.users
        where id = $1
    ), log as (
        insert into public.audit_logs
            (therapist_id, therapist_name, action_type, action_description, client_name, ip_address, timestamp)
        select (select therapist_id from actor), (select name from actor), $2::text, $3, $4, $5::text, $6
        where $2::text is not null
        returning log_id
    ), written as (
        insert into internal.audit_entries
            (log_id, at, actor_id, actor_role, session_id, request_id, route, action, subject_type, subject_id,
             client_id, outcome, status, ip_address, detail)
        select (select log_id from log), $7, $1, $8, $9, $10, $11, action, subject_type, subject_id, client_id,
               $12, $13, $5::text, detail
        from unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::jsonb[])
            as entry (action, subject_type, subject_id, client_id, detail)
        returning entry_id
    )
    insert into internal.audit_unsealed (entry_id)
    select entry_id
    from written;
end
$$;

-- Notifications, and the streams woken at the commit. Takes the kind, title, message, the id it is about, the instant,
-- whose doing it is, whether to tell the other admins, or all; which therapists; and the channel.
--
-- A therapist tells admins and their own accounts, of a session of theirs.
create function internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], text)
    returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
    woken text;
begin
    if asking is not null and not (
        $6 is not distinct from internal.current_account()
        and $1 in ('no_show', 'session_notes_submitted', 'sos_ticket', 'risk_raised')
        and $9 <@ array[asking]
        and (exists (select from public.bookings b where b.booking_id = $4 and b.therapist_id = asking)
             -- The column is narrower than an id of another program may be.
             or length($4) = 50
                and exists (
                    select
                    from public.bookings b
                    where b.therapist_id = asking
                      and left(b.booking_id, 50) = $4
                ))
    ) then
        raise exception 'not for this therapist to tell' using errcode = 'insufficient_privilege';
    end if;
    with told as (
        insert into public.notifications
            (user_id, user_role, notification_type, title, message, related_id, is_read, created_at)
        select u.id, v.role, $1, $2, $3, $4, false, $5
        from public.users u
        cross join lateral (select lower(btrim(u.role)) as role, u.id is distinct from $6 as another) v
        left join internal.accounts a on a.user_id = u.id
        where a.disabled_at is null
          and (v.role = 'admin' and ($8 or $7 and v.another)
               or v.role = 'therapist' and u.therapist_id = any ($9) and v.another)
        order by u.id
        returning notification_id
    )
    select pg_notify($10, '')::text
    into woken
    from told
    limit 1;
end
$$;

-- What is derived of clients, counted anew from their bookings. Their rows are locked.
create function internal.recount_clients(text[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if cardinality($1) = 0 then
        return;
    end if;
    with held as materialized (
        select a.client_id, b.therapist_id, b.booking_start_at
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where a.client_id = any ($1)
          and internal.is_active(b.booking_status)
    ), counted as (
        update public.all_clients_table c
        set no_of_sessions = s.sessions
        from (
            select c.client_id, count(held.client_id)::integer as sessions
            from public.all_clients_table c
            left join held on held.client_id = c.client_id
            where c.client_id = any ($1)
            group by c.client_id
        ) s
        where c.client_id = s.client_id
          and c.no_of_sessions is distinct from s.sessions
    ), due as materialized (
        select s.*, c.client_name, c.email_id, c.phone_number
        from (
            select held.client_id,
                   held.therapist_id,
                   count(*)::integer as sessions,
                   max(held.booking_start_at) filter (where isfinite(held.booking_start_at)) as last_session
            from held
            where length(held.therapist_id) <= 50
            group by held.client_id, held.therapist_id
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

-- The caches follow bookings: which; whose they were, by therapist and client, and what each counted for; the instant.
-- `src/dashboards/cache` says what they hold. A client's row counts the sessions with everybody, so this is beyond a
-- therapist's rows; for one, the bookings are their own, before and after.
create function internal.follow_bookings(text[], text[], text[], text[], timestamp) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
    clients text[];
begin
    if asking is not null and (
        exists (select from unnest($2) as before (therapist_id) where before.therapist_id is distinct from asking)
        or exists (
            select
            from public.bookings b
            where b.booking_id = any ($1)
              and b.therapist_id is distinct from asking
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

    -- The figures of the therapists move.
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
              -- What starts later ends later, which is what the index of active bookings is ordered by.
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
        -- Before the count of a whole history, so that it is made for nobody else.
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

    -- The rows in the list of sessions are written, or taken away.
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

-- Whose bookings are whose. A function and not a view: a view would read with its owner's rights, past every policy.
create function internal.client_bookings()
    returns table (
        client_id    text,
        booking_id   text,
        therapist_id text,
        start_at     timestamp,
        is_cancelled boolean,
        is_active    boolean
    )
    language sql stable parallel safe
begin atomic
    select a.client_id,
           b.booking_id,
           b.therapist_id,
           coalesce(b.booking_start_at, '-infinity'),
           internal.booking_status(b.booking_status) is not distinct from 'cancelled',
           internal.is_active(b.booking_status)
    from public.appointment_table a
    join public.bookings b on b.booking_id = a.session_id;
end;

create or replace function internal.last_sessions(at timestamp) returns table (client_id text, start_at timestamp)
    language sql stable parallel safe
begin atomic
    select s.client_id, s.start_at
    from internal.client_bookings() s
    where s.is_active
      and s.start_at > '-infinity'
      and s.start_at <= at
      and not exists (
          select
          from internal.client_bookings() l
          where l.client_id = s.client_id
            and l.is_active
            and l.start_at <= at
            and (l.start_at, l.booking_id) > (s.start_at, s.booking_id)
      );
end;

create or replace function internal.reachable_clients(therapist text) returns setof text
    language sql stable parallel safe
begin atomic
    -- One type in both, or a condition on it is asked of all rows instead of an index.
    select c.client_id::text
    from public.all_clients_table c
    where c.therapist_id = therapist
    union all
    select b.client_id
    from internal.client_bookings() b
    where b.therapist_id = therapist;
end;

drop view internal.client_bookings;

-- One table's part of the wall: under which condition a therapist's request reads, adds, changes (by what a row is, and
-- by what it becomes) and removes its rows. What is not said is refused.
create procedure internal.wall_off(
    walled regclass,
    reads text default 'false',
    adds text default 'false',
    changes text default 'false',
    becomes text default 'false',
    removes text default 'false'
)
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    policy name;
    -- Where another program has secured rows before, and that was accepted, its policies decide for all others.
    others text := 'public';
begin
    if (select c.relrowsecurity from pg_class c where c.oid = walled)
        and not exists (select from pg_policy p where p.polrelid = walled and p.polname = 'wall_lets_pass')
        or exists (
            select
            from pg_policy p
            where p.polrelid = walled
              and p.polname = 'wall_lets_pass'
              and p.polroles <> '{0}'
        )
    then
        others := 'safestories_therapist';
    end if;
    for policy in
        select p.polname
        from pg_policy p
        where p.polrelid = walled
          and p.polname in ('wall_lets_pass', 'wall_reads', 'wall_adds', 'wall_changes', 'wall_removes')
    loop
        execute format('drop policy %I on %s', policy, walled);
    end loop;
    execute format('create policy wall_lets_pass on %s to %s using (true) with check (true)', walled, others);
    execute format('create policy wall_reads on %s as restrictive for select to safestories_therapist using (%s)',
                   walled, reads);
    execute format('create policy wall_adds on %s as restrictive for insert to safestories_therapist with check (%s)',
                   walled, adds);
    execute format('create policy wall_changes on %s as restrictive for update to safestories_therapist '
                       || 'using (%s) with check (%s)', walled, changes, becomes);
    execute format('create policy wall_removes on %s as restrictive for delete to safestories_therapist using (%s)',
                   walled, removes);
    execute format('alter table %s enable row level security', walled);
    execute format('revoke all on %s from safestories_therapist', walled);
end
$$;

-- The whole of it, as often as needed: a dump that was restored where the role was not known yet has lost it.
create procedure internal.build_wall()
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    mine constant text := 'therapist_id = (select internal.current_therapist())';
    my_account constant text := 'user_id = (select internal.current_account())';
    -- Bookings are the therapist's own wherever a policy looks into them: it looks as the role.
    of_my_booking constant text := 'exists (select from public.bookings b where b.booking_id = %I.%I)';
    my_booking text;
    my_note text;
    number record;
begin
    grant usage on schema public, internal to safestories_therapist;

    call internal.wall_off('public.bookings', reads => mine, changes => mine, becomes => mine);
    grant select, update (booking_status, booking_updated_at) on public.bookings to safestories_therapist;

    -- Held, while a booking of theirs is changed, and never changed: an update has to be allowed for that, and what a row
    -- becomes is refused.
    call internal.wall_off('public.therapists', reads => mine, changes => mine);
    grant select, update (sessions_booked) on public.therapists to safestories_therapist;
    call internal.wall_off('public.all_clients_table',
                           reads => mine || ' or internal.is_own_client(client_id)',
                           changes => mine || ' or internal.is_own_client(client_id)');
    grant select, update (no_of_sessions) on public.all_clients_table to safestories_therapist;

    call internal.wall_off('public.appointment_table',
                           reads => mine || ' or ' || format(of_my_booking, 'appointment_table', 'session_id'));
    call internal.wall_off('public.booking_cancelled',
                           reads => format(of_my_booking, 'booking_cancelled', 'booking_id'));
    call internal.wall_off('public.client_doc_form', reads => format(of_my_booking, 'client_doc_form', 'booking_id'));
    call internal.wall_off('public.therapist_resources', reads => mine);
    call internal.wall_off('public.client_transfer_history',
                           reads => 'from_therapist_id = (select internal.current_therapist())
                                     or to_therapist_id = (select internal.current_therapist())');
    grant select on public.appointment_table, public.booking_cancelled, public.client_doc_form,
        public.therapist_resources, public.client_transfer_history
        to safestories_therapist;

    my_booking := format(of_my_booking, 'client_session_notes', 'booking_id');
    call internal.wall_off('public.client_session_notes',
                           reads => my_booking || ' or internal.is_earlier_note(note_id, booking_id)',
                           adds => my_booking, changes => my_booking, becomes => my_booking);
    grant select,
        insert (booking_id, client_name, session_timing, host_name, created_at, updated_at),
        update (session_status, client_age, gender, occupation, marital_status, concerns_discussed, somatic_cues,
                interventions_used, interventions_helpful, client_participation, goal_progress, client_values,
                self_harm_mention, self_harm_details, current_risk_level, protective_factors, health_history,
                past_diagnoses, next_session_plan, homework_suggested, updated_at)
        on public.client_session_notes to safestories_therapist;

    call internal.wall_off('public.client_additional_notes', reads => mine,
                           adds => mine || ' and ' || format(of_my_booking, 'client_additional_notes', 'booking_id'),
                           changes => mine, becomes => mine, removes => mine);
    grant select, delete,
        insert (booking_id, therapist_id, therapist_name, note_text, created_at, updated_at),
        update (note_text, updated_at)
        on public.client_additional_notes to safestories_therapist;

    call internal.wall_off('public.audit_logs', reads => mine || ' and is_visible is not false');
    grant select on public.audit_logs to safestories_therapist;

    call internal.wall_off('public.notifications', reads => my_account, changes => my_account, becomes => my_account,
                           removes => my_account);
    grant select, delete, update (is_read) on public.notifications to safestories_therapist;

    -- None of a therapist's business.
    call internal.wall_off('public.users');
    call internal.wall_off('public.booking_requests');
    call internal.wall_off('public.payments');
    call internal.wall_off('public.refund_cancellation_table');
    call internal.wall_off('public.aisensy_campaign_api');
    -- Derived, and with contact data that is not hidden.
    call internal.wall_off('public.therapist_dashboard_stats');
    call internal.wall_off('public.therapist_clients_summary');
    call internal.wall_off('public.therapist_appointments_cache');

    -- Beside the twenty. What is not named here was never granted.
    call internal.wall_off('internal.sessions', reads => my_account);
    grant select (session_id, user_id, expires_at, ended_at) on internal.sessions to safestories_therapist;
    call internal.wall_off('internal.idempotency_keys', reads => my_account, adds => my_account,
                           changes => my_account, becomes => my_account);
    grant select, insert, update on internal.idempotency_keys to safestories_therapist;
    call internal.wall_off('internal.audit_entries', reads =>
        'exists (select from public.audit_logs l where l.log_id = audit_entries.log_id)');
    grant select (entry_id, log_id, at, actor_id, actor_role, client_id) on internal.audit_entries to safestories_therapist;
    call internal.wall_off('internal.clients', reads =>
        'exists (select from public.all_clients_table c where c.client_id = clients.client_id)');
    grant select on internal.clients to safestories_therapist;
    call internal.wall_off('internal.calendar_revisions', reads => format(of_my_booking, 'calendar_revisions', 'booking_id'));
    grant select on internal.calendar_revisions to safestories_therapist;
    call internal.wall_off('internal.transfer_clients', reads =>
        'exists (select from public.client_transfer_history h where h.transfer_id = transfer_clients.transfer_id)');
    grant select on internal.transfer_clients to safestories_therapist;

    call internal.wall_off('internal.retirements', reads => mine);
    grant select on internal.retirements to safestories_therapist;

    -- Wherever a note is seen, whether it is a draft is seen too.
    my_booking := format(of_my_booking, 'session_notes', 'booking_id');
    call internal.wall_off('internal.session_notes',
                           reads => my_booking || ' or internal.is_seen_note(note_id)',
                           adds => my_booking || ' and author_id = (select internal.current_account())',
                           changes => my_booking, becomes => my_booking,
                           removes => my_booking || ' and signed_at is null');
    grant select, insert, delete, update (signed_at) on internal.session_notes to safestories_therapist;
    foreach my_note in array array['note_versions', 'note_addenda'] loop
        call internal.wall_off(format('internal.%I', my_note)::regclass,
                               reads => format('exists (select
                                   from public.client_session_notes n
                                   where n.note_id = %I.note_id)', my_note),
                               adds => format('author_id = (select internal.current_account()) and exists (select
                                   from public.client_session_notes n
                                   join public.bookings b on b.booking_id = n.booking_id
                                   where n.note_id = %I.note_id)', my_note));
        execute format('grant select, insert on internal.%I to safestories_therapist', my_note);
    end loop;

    -- What numbers the rows that a therapist adds.
    for number in
        select distinct d.refobjid::regclass as sequence
        from pg_attrdef a
        join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_class'::regclass
        join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
        where a.adrelid in ('public.client_session_notes'::regclass, 'public.client_additional_notes'::regclass)
    loop
        execute format('grant usage on sequence %s to safestories_therapist', number.sequence);
    end loop;

    revoke execute on function
        internal.is_earlier_note(integer, text),
        internal.is_own_booking(text),
        internal.is_own_client(text),
        internal.is_seen_note(integer),
        internal.session_of_note(text),
        internal.sessions_of_client(text),
        internal.was_high_before(text, text),
        internal.account_name(integer),
        internal.therapist_name(text),
        internal.is_erased(integer),
        internal.write_trail(integer, text, text, text, text, text, timestamptz, text, uuid, text, text, text, smallint,
                             text[], text[], text[], text[], jsonb[]),
        internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], text),
        internal.recount_clients(text[]),
        internal.follow_bookings(text[], text[], text[], text[], timestamp)
        from public;
    grant execute on function
        internal.is_earlier_note(integer, text),
        internal.is_own_booking(text),
        internal.is_own_client(text),
        internal.is_seen_note(integer),
        internal.session_of_note(text),
        internal.sessions_of_client(text),
        internal.was_high_before(text, text),
        internal.account_name(integer),
        internal.therapist_name(text),
        internal.is_erased(integer),
        internal.write_trail(integer, text, text, text, text, text, timestamptz, text, uuid, text, text, text, smallint,
                             text[], text[], text[], text[], jsonb[]),
        internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], text),
        internal.follow_bookings(text[], text[], text[], text[], timestamp)
        to safestories_therapist;
    revoke execute on procedure
        internal.wall_off(regclass, text, text, text, text, text), internal.build_wall()
        from public;

    delete from internal.facts where name = 'wall';
    insert into internal.facts (name, value) select 'wall', internal.wall_extent();
end
$$;

-- How much of the wall stands: the policies that bind the role, and what it was granted.
create function internal.wall_extent() returns text
    language sql stable
begin atomic
    select (
        select count(*)
        from pg_catalog.pg_policy p
        join pg_catalog.pg_roles r on r.oid = any (p.polroles)
        join pg_catalog.pg_class c on c.oid = p.polrelid
        where r.rolname = 'safestories_therapist'
          and c.relrowsecurity
    ) || ' policies, ' || (
        select count(*)
        from pg_catalog.pg_shdepend d
        join pg_catalog.pg_roles r on r.oid = d.refobjid
        where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
          and d.dbid = (select oid from pg_catalog.pg_database where datname = current_database())
          and d.deptype = 'a'
          and r.rolname = 'safestories_therapist'
    ) || ' grants';
end;

call internal.build_wall();
