-- What the server and other programs write, tracked by triggers in the writer's own transaction.
--
-- A trigger appends rows, and writes the facts of the bookings that its statement wrote (`facts.sql`). It locks no other row,
-- so that no program waits or deadlocks because of it, and it fails on no value. It sees the rows that its statement wrote,
-- runs as the owner, and needs nothing granted to the writer.

-- Whether the server itself is writing: its units of work say so. All others are other programs, whose rows it takes up
-- (`arrivals`). A therapist's login has no other business here.
create or replace function internal.is_server() returns boolean
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if current_setting('safestories.writer', true) = 'server' then
        return true;
    end if;
    if exists (
        select
        from pg_roles r
        where r.rolname = 'safestories_therapist'
          and pg_has_role(session_user, r.oid, 'member')
    ) and not pg_has_role(session_user, current_user, 'member') then
        raise exception 'not a unit of work of the server' using errcode = 'insufficient_privilege';
    end if;
    return false;
end
$$;

-- Of rows that one statement wrote: more than these are a load.
create or replace function internal.is_load(written bigint) returns boolean
    language sql immutable parallel safe
    return written > 200;

-- Whether a booking can be taken up: its id fits into the columns that refer to it. Of others only counts are kept, and the
-- checks of `integrity` name them.
create or replace function internal.can_arrive(booking text) returns boolean
    language sql immutable parallel safe
    return coalesce(length(booking) between 1 and 255, false);

-- Of bookings, the columns that a cache shows or counts. A booking whose id changed is another one.
create or replace function internal.track_bookings() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    written text[];
begin
    -- Their facts.
    case tg_op
        when 'INSERT' then
            written := array(select n.booking_id from new_rows n where n.booking_id is not null);
        when 'DELETE' then
            written := array(select o.booking_id from old_rows o where o.booking_id is not null);
        when 'UPDATE' then
            written := array(
                select coalesce(o.booking_id, n.booking_id)
                from (select * from old_rows where booking_id is not null) o
                full join (select * from new_rows where booking_id is not null) n on n.booking_id = o.booking_id
                where (o.booking_id, o.therapist_id, o.booking_start_at, o.booking_end_at, o.booking_duration, o.booking_status,
                       o.booking_mode, o.invitee_created_at, o.invitee_name, o.invitee_phone, o.invitee_email,
                       o.invitee_status, o.invitee_payment_amount, o.invitee_payment_currency, o.refund_status)
                      is distinct from
                      (n.booking_id, n.therapist_id, n.booking_start_at, n.booking_end_at, n.booking_duration, n.booking_status,
                       n.booking_mode, n.invitee_created_at, n.invitee_name, n.invitee_phone, n.invitee_email,
                       n.invitee_status, n.invitee_payment_amount, n.invitee_payment_currency, n.refund_status)
            );
    end case;
    if cardinality(written) = 0 then
        null;
    elsif current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
        perform internal.refresh_booking_facts(written);
    else
        -- The fact may have followed another row since this transaction's snapshot was taken, and would refuse to be written.
        insert into internal.fact_changes (booking_id) select unnest(written);
    end if;

    -- How the caches count them.
    case tg_op
        when 'INSERT' then
            insert into internal.booking_changes (booking_id, therapist_after, counted_after)
            select n.booking_id, n.therapist_id, internal.counts_as(n.booking_status)
            from new_rows n
            where n.booking_id is not null;
        when 'DELETE' then
            insert into internal.booking_changes (booking_id, therapist_before, counted_before)
            select o.booking_id, o.therapist_id, internal.counts_as(o.booking_status)
            from old_rows o
            where o.booking_id is not null;
        when 'UPDATE' then
            insert into internal.booking_changes
                (booking_id, therapist_before, counted_before, therapist_after, counted_after)
            select coalesce(o.booking_id, n.booking_id),
                   o.therapist_id,
                   case when o.booking_id is not null then internal.counts_as(o.booking_status) end,
                   n.therapist_id,
                   case when n.booking_id is not null then internal.counts_as(n.booking_status) end
            from (select * from old_rows where booking_id is not null) o
            full join (select * from new_rows where booking_id is not null) n on n.booking_id = o.booking_id
            where (o.booking_id, o.therapist_id, o.booking_start_at, o.booking_end_at, o.booking_duration,
                   o.invitee_payment_amount, o.booking_invitee_time, o.booking_resource_name, o.invitee_name,
                   o.invitee_phone, o.invitee_email)
                  is distinct from
                  (n.booking_id, n.therapist_id, n.booking_start_at, n.booking_end_at, n.booking_duration,
                   n.invitee_payment_amount, n.booking_invitee_time, n.booking_resource_name, n.invitee_name,
                   n.invitee_phone, n.invitee_email)
               or (o.booking_status, o.booking_mode) is distinct from (n.booking_status, n.booking_mode)
                  -- Another spelling of the same word changes nothing.
                  and (internal.booking_status(o.booking_status), internal.booking_mode(o.booking_mode))
                      is distinct from (internal.booking_status(n.booking_status), internal.booking_mode(n.booking_mode));
    end case;

    if internal.is_server() then
        return null;
    end if;
    case tg_op
        when 'INSERT' then
            insert into internal.arrivals (what, booking_id, was_there, status_after, start_after, is_load)
            select 'booking', n.booking_id, false, internal.booking_status(n.booking_status), n.booking_start_at,
                   internal.is_load(count(*) over ())
            from new_rows n
            where internal.can_arrive(n.booking_id);
        when 'DELETE' then
            insert into internal.arrivals
                (what, booking_id, was_there, status_before, start_before, refund_before, is_load)
            select 'booking', o.booking_id, true, internal.booking_status(o.booking_status), o.booking_start_at,
                   internal.refund_status(o.refund_status), internal.is_load(count(*) over ())
            from old_rows o
            where internal.can_arrive(o.booking_id);
        when 'UPDATE' then
            insert into internal.arrivals
                (what, booking_id, was_there, status_before, start_before, refund_before, status_after, start_after, is_load)
            select 'booking',
                   coalesce(o.booking_id, n.booking_id),
                   o.booking_id is not null,
                   internal.booking_status(o.booking_status),
                   o.booking_start_at,
                   internal.refund_status(o.refund_status),
                   internal.booking_status(n.booking_status),
                   n.booking_start_at,
                   internal.is_load(count(*) over ())
            from (select * from old_rows where booking_id is not null) o
            full join (select * from new_rows where booking_id is not null) n on n.booking_id = o.booking_id
            where internal.can_arrive(coalesce(o.booking_id, n.booking_id))
              and (o.booking_id, o.therapist_id, internal.booking_status(o.booking_status),
                   internal.invitee_status(o.invitee_status), o.booking_start_at, o.booking_end_at,
                   o.booking_duration, o.invitee_payment_amount, internal.refund_status(o.refund_status),
                   o.refund_amount)
                  is distinct from
                  (n.booking_id, n.therapist_id, internal.booking_status(n.booking_status),
                   internal.invitee_status(n.invitee_status), n.booking_start_at, n.booking_end_at,
                   n.booking_duration, n.invitee_payment_amount, internal.refund_status(n.refund_status),
                   n.refund_amount);
    end case;
    return null;
end
$$;

-- Of appointments, whose sessions they are. A new one is to repeat its booking.
create or replace function internal.track_appointments() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    case tg_op
        when 'INSERT' then
            insert into internal.fact_changes (booking_id)
            select n.session_id from new_rows n where n.session_id is not null;
            insert into internal.booking_changes (booking_id)
            select n.session_id from new_rows n where n.session_id is not null;
        when 'DELETE' then
            insert into internal.fact_changes (booking_id)
            select o.session_id from old_rows o where o.session_id is not null;
        when 'UPDATE' then
            insert into internal.fact_changes (booking_id)
            select changed.session_id
            from (
                (select o.session_id, o.client_id from old_rows o except select n.session_id, n.client_id from new_rows n)
                union all
                (select n.session_id, n.client_id from new_rows n except select o.session_id, o.client_id from old_rows o)
            ) changed
            where changed.session_id is not null;
            insert into internal.booking_changes (booking_id)
            select n.session_id
            from old_rows o
            join new_rows n on n.session_id = o.session_id
            where (o.session_timings, o.session_name, o.session_mode, o.client_name, o.contact_info, o.therapist_id)
                  is distinct from
                  (n.session_timings, n.session_name, n.session_mode, n.client_name, n.contact_info, n.therapist_id)
            union
            select n.session_id
            from new_rows n
            where n.session_id is not null
              and not exists (select from old_rows o where o.session_id = n.session_id);
    end case;
    return null;
end
$$;

-- Of clients, what a cache repeats of them, and their count.
create or replace function internal.track_clients() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    case tg_op
        when 'INSERT' then
            insert into internal.client_changes (client_id)
            select n.client_id from new_rows n;
        when 'DELETE' then
            insert into internal.client_changes (client_id)
            select o.client_id from old_rows o;
        when 'UPDATE' then
            insert into internal.client_changes (client_id)
            select coalesce(n.client_id, o.client_id)
            from old_rows o
            full join new_rows n on n.client_id = o.client_id
            where (o.client_id, o.client_name, o.phone_number, o.email_id, o.therapist_id, o.assigned_therapist, o.no_of_sessions)
                  is distinct from
                  (n.client_id, n.client_name, n.phone_number, n.email_id, n.therapist_id, n.assigned_therapist, n.no_of_sessions);
            -- What they were called by goes on finding them, but for an erasure.
            insert into internal.former_contacts (client_id, client_name, phone_number)
            select o.client_id, o.client_name, o.phone_number
            from old_rows o
            join new_rows n on n.client_id = o.client_id
            where (o.client_name, o.phone_number) is distinct from (n.client_name, n.phone_number)
              and n.client_name is distinct from '(erased)'
              and (internal.name_key(o.client_name) is distinct from internal.name_key(n.client_name)
                   or internal.phone_key(o.phone_number) <> internal.phone_key(n.phone_number)
                   or internal.phone_key(o.phone_number) is not null and internal.phone_key(n.phone_number) is null);
    end case;
    return null;
end
$$;

-- Of what the server knows of clients, since when.
create or replace function internal.track_client_records() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if tg_op = 'DELETE' then
        insert into internal.client_changes (client_id) select o.client_id from old_rows o;
    else
        insert into internal.client_changes (client_id) select n.client_id from new_rows n;
    end if;
    return null;
end
$$;

-- That more was written than can be told: a table was emptied, or a therapist added who had bookings before.
create or replace function internal.track_all() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into internal.booking_changes (booking_id) values (null);
    if tg_table_name = 'bookings' then
        delete from internal.booking_facts;
        insert into internal.booking_sum_changes
            (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free, bookings)
        select * from internal.drifted_booking_sums();
    elsif tg_table_name = 'appointment_table' then
        insert into internal.fact_changes (booking_id)
        select f.booking_id from internal.booking_facts f where f.client_id is not null;
    end if;
    return null;
end
$$;

create or replace function internal.track_therapists() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into internal.booking_changes (booking_id)
    select null
    where exists (select from new_rows n join public.bookings b on b.therapist_id = n.therapist_id);
    return null;
end
$$;

-- Keeps what another program overwrites or deletes of a session note (`after` is null then) as a version of it, unless it is
-- being erased. The writer holds the note, so that nobody else numbers a version of it.
create or replace function internal.keep_version(before jsonb, after jsonb) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into internal.note_versions (note_id, version, saved_at, event, changes, booking_id)
    select note.id,
           coalesce((select max(v.version) from internal.note_versions v where v.note_id = note.id), 0) + 1,
           now(),
           case when after is null then 'deleted' else 'overwritten' end,
           coalesce(changed.fields, '{}'),
           before ->> 'booking_id'
    from (select (before ->> 'note_id')::integer as id) note
    cross join (
        select jsonb_object_agg(b.key, jsonb_build_object('from', b.value, 'to', after -> b.key)) as fields
        from jsonb_each(before - array['note_id', 'created_at', 'updated_at']) b
        where b.value is distinct from coalesce(after -> b.key, 'null')
    ) changed
    where (changed.fields is not null or after is null)
      and not internal.is_erased(note.id);
end
$$;

-- Of session notes, whether a booking has one; new ones, and those that came to another booking. What else is changed or deleted is
-- kept.
create or replace function internal.track_session_notes() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    case tg_op
        when 'INSERT' then
            insert into internal.fact_changes (booking_id)
            select n.booking_id from new_rows n where n.booking_id is not null;
        when 'DELETE' then
            insert into internal.fact_changes (booking_id)
            select o.booking_id from old_rows o where o.booking_id is not null;
        when 'TRUNCATE' then
            insert into internal.fact_changes (booking_id)
            select f.booking_id from internal.booking_facts f where f.noted;
        when 'UPDATE' then
            insert into internal.fact_changes (booking_id)
            select changed.booking_id
            from (
                (select o.note_id, o.booking_id from old_rows o except select n.note_id, n.booking_id from new_rows n)
                union all
                (select n.note_id, n.booking_id from new_rows n except select o.note_id, o.booking_id from old_rows o)
            ) changed
            where changed.booking_id is not null;
    end case;

    if internal.is_server() then
        return null;
    end if;
    case tg_op
        when 'INSERT' then
            insert into internal.arrivals (what, booking_id, note_id, was_there, is_load)
            select 'note', n.booking_id, n.note_id, true, internal.is_load(count(*) over ())
            from new_rows n
            where internal.can_arrive(n.booking_id);
        when 'UPDATE' then
            insert into internal.arrivals (what, booking_id, note_id, was_there, is_load)
            select 'note', n.booking_id, n.note_id, true, internal.is_load(count(*) over ())
            from new_rows n
            where internal.can_arrive(n.booking_id)
              and not exists (select from old_rows o where o.note_id = n.note_id and o.booking_id = n.booking_id);
            perform internal.keep_version(to_jsonb(o), to_jsonb(n))
            from old_rows o
            left join new_rows n on n.note_id = o.note_id;
        when 'DELETE' then
            perform internal.keep_version(to_jsonb(o), null) from old_rows o;
        when 'TRUNCATE' then
            perform internal.keep_version(to_jsonb(o), null) from public.client_session_notes o;
    end case;
    return null;
end
$$;

-- Of the notes written here, which of them are submitted.
create or replace function internal.track_note_states() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if tg_op = 'DELETE' then
        insert into internal.fact_changes (booking_id)
        select n.booking_id
        from old_rows o
        join public.client_session_notes n on n.note_id = o.note_id
        where n.booking_id is not null;
    else
        insert into internal.fact_changes (booking_id)
        select n.booking_id
        from new_rows s
        join public.client_session_notes n on n.note_id = s.note_id
        where n.booking_id is not null;
    end if;
    return null;
end
$$;

-- Of payments and of the list of refunds, amounts and how far a refund is.
create or replace function internal.track_payments() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    case tg_op
        when 'INSERT' then
            insert into internal.fact_changes (booking_id)
            select n.booking_id
            from new_rows n
            where n.booking_id is not null;
        when 'DELETE' then
            insert into internal.fact_changes (booking_id)
            select o.booking_id
            from old_rows o
            where o.booking_id is not null;
        when 'TRUNCATE' then
            insert into internal.fact_changes (booking_id)
            select f.booking_id
            from internal.booking_facts f;
        when 'UPDATE' then
            insert into internal.fact_changes (booking_id)
            select concerned.booking_id
            from old_rows o
            full join new_rows n on n.payment_id = o.payment_id
            cross join lateral (values (o.booking_id), (n.booking_id)) concerned (booking_id)
            where (o.booking_id, o.amount, o.currency, o.refund_status, o.refund_amount)
                  is distinct from (n.booking_id, n.amount, n.currency, n.refund_status, n.refund_amount)
              and concerned.booking_id is not null;
    end case;

    if internal.is_server() then
        return null;
    end if;
    case tg_op
        when 'INSERT' then
            insert into internal.arrivals (what, booking_id, was_there, is_load)
            select 'money', n.booking_id, true, internal.is_load(count(*) over ())
            from new_rows n
            where internal.can_arrive(n.booking_id);
        when 'UPDATE' then
            insert into internal.arrivals (what, booking_id, was_there, refund_before, is_load)
            select 'money', n.booking_id, true, internal.refund_status(o.refund_status), internal.is_load(count(*) over ())
            from new_rows n
            join old_rows o on o.payment_id = n.payment_id
            where internal.can_arrive(n.booking_id)
              and (o.booking_id, o.amount, o.currency, o.refund_status, o.refund_amount)
                  is distinct from (n.booking_id, n.amount, n.currency, n.refund_status, n.refund_amount);
        else null;
    end case;
    return null;
end
$$;

create or replace function internal.track_refunds() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.is_server() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        insert into internal.arrivals (what, booking_id, was_there, is_load)
        select 'money', n.session_id, true, internal.is_load(count(*) over ())
        from new_rows n
        where internal.can_arrive(n.session_id)
          and internal.refund_status(n.refund_status) is not null;
    else
        insert into internal.arrivals (what, booking_id, was_there, refund_before, is_load)
        select 'money', n.session_id, true, internal.refund_status(o.refund_status), internal.is_load(count(*) over ())
        from new_rows n
        join old_rows o on o.id = n.id
        where internal.can_arrive(n.session_id)
          and internal.refund_status(o.refund_status) is distinct from internal.refund_status(n.refund_status);
    end if;
    return null;
end
$$;

-- Of booking requests, new ones.
create or replace function internal.track_requests() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not internal.is_server() then
        insert into internal.arrivals (what, request_id, was_there, is_load)
        select 'request', n.request_id, false, internal.is_load(count(*) over ())
        from new_rows n;
    end if;
    return null;
end
$$;

-- The triggers: a table, its function, and what is tracked there. A statement's rows are seen as old and new ones.
do $$
declare
    tracked record;
begin
    for tracked in
        select v.name, v.function, verb
        from (
            values ('public.bookings', 'track_bookings', array['insert', 'update', 'delete']),
                   ('public.appointment_table', 'track_appointments', array['insert', 'update', 'delete']),
                   ('public.all_clients_table', 'track_clients', array['insert', 'update', 'delete']),
                   ('public.therapists', 'track_therapists', array['insert']),
                   ('public.client_session_notes', 'track_session_notes', array['insert', 'update', 'delete', 'truncate']),
                   ('internal.clients', 'track_client_records', array['insert', 'update', 'delete']),
                   ('internal.session_notes', 'track_note_states', array['insert', 'update', 'delete']),
                   ('public.payments', 'track_payments', array['insert', 'update', 'delete', 'truncate']),
                   ('public.refund_cancellation_table', 'track_refunds', array['insert', 'update']),
                   ('public.booking_requests', 'track_requests', array['insert']),
                   ('public.bookings', 'track_all', array['truncate']),
                   ('public.appointment_table', 'track_all', array['truncate']),
                   ('public.all_clients_table', 'track_all', array['truncate'])
        ) v (name, function, verbs)
        cross join unnest(v.verbs) verb
    loop
        execute format(
            'create or replace trigger %1$I %6$s %2$s on %5$s %3$s for each statement execute function internal.%4$I()',
            split_part(tracked.name, '.', 2) || '_track_' || tracked.verb,
            tracked.verb,
            case tracked.verb
                when 'insert' then 'referencing new table as new_rows'
                when 'update' then 'referencing old table as old_rows new table as new_rows'
                when 'delete' then 'referencing old table as old_rows'
                else ''
            end,
            tracked.function,
            tracked.name,
            -- What a table held can be seen before it is emptied.
            case tracked.verb when 'truncate' then 'before' else 'after' end
        );
    end loop;
end
$$;

-- Of rows that lists show, which were written: its arguments are what a row is, and the column of its id.
create or replace function internal.tell_of_rows() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    -- As many as show that there are more than are told.
    ids text[];
begin
    -- Not by `execute`, which would plan it each time.
    if tg_op = 'DELETE' then
        ids := array(select to_jsonb(r) ->> tg_argv[1] from old_rows r limit 201);
    else
        ids := array(select to_jsonb(r) ->> tg_argv[1] from new_rows r limit 201);
    end if;
    ids := array_remove(ids, null);
    if internal.is_load(cardinality(ids)) then
        insert into internal.row_changes (what, row_id) values (tg_argv[0], null);
    else
        insert into internal.row_changes (what, row_id) select tg_argv[0], unnest(ids);
    end if;
    return null;
end
$$;

do $$
declare
    told record;
begin
    for told in
        select v.name, v.what, v.id, verb
        from (
            values ('bookings', 'booking', 'booking_id'),
                   ('all_clients_table', 'client', 'client_id'),
                   ('payments', 'payment', 'payment_id'),
                   ('refund_cancellation_table', 'refund', 'id'),
                   ('booking_requests', 'booking_request', 'request_id'),
                   ('client_session_notes', 'session_note', 'note_id'),
                   ('client_additional_notes', 'additional_note', 'note_id'),
                   ('client_doc_form', 'document_form', 'link_id'),
                   ('client_transfer_history', 'transfer', 'transfer_id')
        ) v (name, what, id)
        cross join unnest(array['insert', 'update', 'delete']) verb
    loop
        execute format(
            'create or replace trigger %I after %s on public.%I referencing %s for each statement '
                || 'execute function internal.tell_of_rows(%L, %L)',
            told.name || '_tell_' || told.verb,
            told.verb,
            told.name,
            case told.verb when 'delete' then 'old table as old_rows' else 'new table as new_rows' end,
            told.what,
            told.id
        );
    end loop;
end
$$;
