-- What a review of the second wall (0020) found open, closed; and the wall rebuilt. `src/platform/wall.rs` says what it
-- guarantees.

-- A login of another practice of the same cluster may have been allowed to set the role (the role is the cluster's) and to
-- connect here (everybody may, by default). Only a login that reads what is the owner's alone says for whom it asks: that
-- is the owner, and who is a member of it. Plain expressions, so that PostgreSQL puts them in place of the call.
create function internal.is_trusted_login() returns boolean
    language sql stable parallel safe
    return has_table_privilege(session_user, 'internal.facts'::regclass, 'select');

create or replace function internal.current_therapist() returns text
    language sql stable parallel safe
    return case
        when internal.is_trusted_login() then nullif(current_setting('safestories.therapist_id', true), '')
    end;
create or replace function internal.current_account() returns integer
    language sql stable parallel safe
    return case
        when internal.is_trusted_login() then nullif(current_setting('safestories.user_id', true), '')::integer
    end;

-- A member of the role need not set it to call what was granted to it: that nobody is named makes nobody the practice.
create or replace function internal.asking() returns text
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.current_therapist() is null
        and (current_setting('role') = 'safestories_therapist' or not internal.is_trusted_login())
    then
        raise exception 'no therapist is named' using errcode = 'insufficient_privilege';
    end if;
    return internal.current_therapist();
end
$$;

-- Whether a note is a submitted one of a client who is assigned to the therapist: an earlier therapist's. The booking is
-- the one that the note names.
create or replace function internal.is_earlier_note(note integer, booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.client_session_notes n
        join public.appointment_table a on a.session_id = n.booking_id
        join public.all_clients_table c on c.client_id = a.client_id
        where n.note_id = note
          and n.booking_id = booking
          and c.therapist_id = internal.current_therapist()
    ) and not exists (
        select
        from internal.session_notes own
        where own.note_id = note
          and own.signed_at is null
    );
end
$$;

-- Whether the risk was high by the submitted note of the client's session before this one. For a therapist, of a session of
-- their own, and by what they may read: their own notes, and everybody's where the client is assigned to them.
create or replace function internal.was_high_before(client text, booking text) returns boolean
    language plpgsql stable security definer
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
          and (whole or b.therapist_id = asking)
          and (own.note_id is null or own.signed_at is not null)
          and (coalesce(b.booking_start_at, '-infinity'), b.booking_id)
              < (coalesce(this.booking_start_at, '-infinity'), this.booking_id)
        order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc, own.note_id is null,
                 coalesce(n.created_at, '-infinity') desc, n.note_id desc
        limit 1
    ), false);
end
$$;


-- The trail. Of an account whose therapist does not exist (another program's rows) the practice's log names the person
-- alone: its key holds for new rows.
create or replace function internal.write_trail(
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
               case
                   when internal.user_role(role) = 'therapist'
                       and length(therapist_id) <= 50
                       and exists (select from public.therapists t where t.therapist_id = users.therapist_id)
                       then therapist_id
               end as therapist_id
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

-- Notifications. A role is read as it is where it logs in.
create or replace function internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], text)
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
        cross join lateral (select internal.user_role(u.role) as role, u.id is distinct from $6 as another) v
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

-- The caches follow bookings, as they did; before, it is asked whose they are. A therapist changes one booking at a time, and
-- what is said of it is what can have been: so no call moves another's figures, nor how many sessions there are.
alter function internal.follow_bookings(text[], text[], text[], text[], timestamp) rename to move_caches;
alter function internal.move_caches(text[], text[], text[], text[], timestamp) security invoker;
create function internal.follow_bookings(text[], text[], text[], text[], timestamp) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
begin
    if asking is not null and not (
        cardinality($1) = 1
        and $2 = array[asking]
        and $4 in (array['active'], array['cancelled'], array['no_show'])
        and exists (select from public.bookings b where b.booking_id = any ($1) and b.therapist_id = asking)
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

-- What numbers the notes that therapists add, where that is not the column's own identity.
create function internal.note_sequences() returns setof regclass
    language sql stable
    set search_path = pg_catalog, pg_temp
    as $$
    select distinct s.oid::regclass
    from pg_attrdef a
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_class'::regclass
    join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
    where a.adrelid in ('public.client_session_notes'::regclass, 'public.client_additional_notes'::regclass)
$$;

-- The whole of the wall, as often as needed: a dump that was restored where the role was not known yet has lost it, and
-- somebody may have opened what it closes.
create or replace procedure internal.build_wall()
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
    number regclass;
    opened text;
begin
    -- What was opened since, and what the defaults of a database that was adopted open.
    revoke all on all tables in schema internal from public;
    revoke all on all sequences in schema internal from public;
    for opened in
        select format('%s %s', case when c.relkind = 'S' then 'sequence' else 'table' end, c.oid::regclass)
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'internal')
          and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          and pg_has_role(c.relowner, 'usage')
          and exists (
              select
              from pg_shdepend d
              where d.refclassid = 'pg_authid'::regclass
                and d.refobjid = 'safestories_therapist'::regrole
                and d.classid = 'pg_class'::regclass
                and d.objid = c.oid
                and d.dbid = (select oid from pg_database where datname = current_database())
                and d.deptype = 'a'
          )
    loop
        execute format('revoke all on %s from safestories_therapist', opened);
    end loop;
    for opened in
        select f.oid::regprocedure::text
        from pg_proc f
        join pg_namespace n on n.oid = f.pronamespace
        cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
        where n.nspname = 'internal'
          and pg_has_role(f.proowner, 'usage')
          and (acl.grantee = 'safestories_therapist'::regrole or acl.grantee = 0 and f.prosecdef)
    loop
        execute format('revoke all on routine %s from public, safestories_therapist', opened);
    end loop;
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
                           adds => my_booking, changes => my_booking,
                           -- Only a draft says anything new: what another program wrote has been submitted.
                           becomes => my_booking || ' and exists (select
                               from internal.session_notes own
                               where own.note_id = client_session_notes.note_id and own.signed_at is null)');
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
    -- Marked is the note of that booking, which is there by then: a mark makes a submitted note a draft.
    call internal.wall_off('internal.session_notes',
                           reads => my_booking || ' or internal.is_seen_note(note_id)',
                           adds => my_booking || ' and author_id = (select internal.current_account()) and exists (select
                                   from public.client_session_notes n
                                   where n.note_id = session_notes.note_id
                                     and n.booking_id = session_notes.booking_id)',
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
    for number in select internal.note_sequences() loop
        -- Where another role owns it, its owner has granted it (`safestories migrate` says so).
        if not has_sequence_privilege('safestories_therapist', number, 'usage') then
            execute format('grant usage on sequence %s to safestories_therapist', number);
        end if;
    end loop;

    revoke execute on function internal.recount_clients(text[]) from public;
    revoke execute on function internal.move_caches(text[], text[], text[], text[], timestamp) from public;
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

-- How the wall stands, as a digest of its policies and of what was granted to the role, or to everybody of ours. What other
-- programs have in `public` is theirs to open.
create or replace function internal.wall_extent() returns text
    language sql stable
    set search_path = pg_catalog, pg_temp
    as $$
    with wall as (
        select oid as role
        from pg_roles
        where rolname = 'safestories_therapist'
    ), relations as (
        select c.oid,
               c.relacl,
               c.relrowsecurity,
               format('%I.%I', n.nspname, c.relname) as name,
               n.nspname = 'internal' or exists (
                   select
                   from pg_policy p
                   where p.polrelid = c.oid
                     and p.polname ^@ 'wall_'
               ) as ours
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'internal')
          and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    ), granted (place, grantee, privilege_type, is_grantable, ours) as (
        select r.name, acl.grantee, acl.privilege_type, acl.is_grantable, r.ours
        from relations r
        cross join aclexplode(r.relacl) acl
        union all
        select r.name || '.' || a.attname, acl.grantee, acl.privilege_type, acl.is_grantable, r.ours
        from relations r
        join pg_attribute a on a.attrelid = r.oid
        cross join aclexplode(a.attacl) acl
        union all
        -- What runs as whoever calls it is open to everybody, and reaches what they reach.
        select f.oid::regprocedure::text, acl.grantee, acl.privilege_type, acl.is_grantable,
               f.prosecdef and n.nspname = 'internal'
        from pg_proc f
        join pg_namespace n on n.oid = f.pronamespace
        cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
        where n.nspname in ('public', 'internal')
          and not exists (
              select
              from pg_depend d
              where d.classid = 'pg_proc'::regclass
                and d.objid = f.oid
                and d.deptype = 'e'
          )
        union all
        select 'schema ' || n.nspname, acl.grantee, acl.privilege_type, acl.is_grantable, true
        from pg_namespace n
        cross join aclexplode(n.nspacl) acl
        where n.nspname = 'internal'
    ), stands (line) as (
        select concat_ws(
                   ' ', r.name, r.relrowsecurity, p.polname, p.polcmd, p.polpermissive,
                   array(
                       select coalesce(member.rolname, 'everybody')
                       from unnest(p.polroles) as named (oid)
                       left join pg_roles member on member.oid = named.oid
                       order by 1
                   ),
                   'using', pg_get_expr(p.polqual, p.polrelid), 'with check', pg_get_expr(p.polwithcheck, p.polrelid)
               )
        from relations r
        join pg_policy p on p.polrelid = r.oid
        where p.polname ^@ 'wall_'
        union all
        select concat_ws(' ', g.place, case when g.grantee = 0 then 'everybody' else 'the role' end, g.privilege_type,
                         g.is_grantable)
        from granted g
        left join wall on wall.role = g.grantee
        where wall.role is not null
           or g.grantee = 0 and g.ours
        union all
        select 'reaches public ' || has_schema_privilege(wall.role, n.oid, 'usage')
        from wall
        join pg_namespace n on n.nspname = 'public'
        union all
        select 'numbers by ' || number || ' ' || has_sequence_privilege(wall.role, number, 'usage')
        from wall
        cross join internal.note_sequences() as number
    )
    select count(*) || ' lines, '
           || encode(sha256(convert_to(string_agg(line, E'\n' order by line collate "C"), 'UTF8')), 'hex')
    from stands
$$;

call internal.build_wall();
