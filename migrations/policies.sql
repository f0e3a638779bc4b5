-- Row-level security: the rows, columns and functions that a therapist's request reaches, whatever the code asks for.
-- `src/db/rls.rs` says how requests come to run under it, and why.
--
-- The role owns nothing and was granted little, by the column: what is granted on a whole table lets its holder lock the
-- table. It is a group that cannot log in; the login of therapists' requests is a member. Row-level security says which rows. The owner is not subject to it
-- (nothing is forced), so programs that write as the owner go on as before. Other roles meet a policy that lets them do all
-- they were granted. So the therapists' policies are restrictive: they take away from that one, and stand as plain
-- conditions that an index is entered by.
--
-- This file is run whenever its text changes, and whenever the policies and grants are not those that it made: a dump that
-- was restored where the role did not exist has lost them, and somebody may have opened what they close.

-- The role belongs to the cluster. `safestories migrate` has made it by now, or said what an administrator runs; this is
-- for people who run these files by hand.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'safestories_therapist') then
        create role safestories_therapist nologin;
    end if;
    -- Booking links are opened as this role. The owner becomes it for a transaction.
    if not exists (select from pg_catalog.pg_roles where rolname = 'safestories_guest') then
        create role safestories_guest nologin;
        execute format('grant safestories_guest to %I', current_user);
    end if;
end
$$;

-- The sequences that number the notes therapists add, where the column is no identity.
create or replace function internal.note_sequences() returns setof regclass
    language sql stable
    set search_path = pg_catalog, pg_temp
    as $$
    select distinct s.oid::regclass
    from pg_attrdef a
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_class'::regclass
    join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
    where a.adrelid in ('public.client_session_notes'::regclass, 'public.client_additional_notes'::regclass)
$$;

-- The policies of one table: the conditions under which a therapist's request reads, adds, changes (by the row before, and
-- by the row after) and removes its rows. A condition that is not given refuses.
create or replace procedure internal.secure_rows(
    secured regclass,
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
    if (select c.relrowsecurity from pg_class c where c.oid = secured)
        and not exists (select from pg_policy p where p.polrelid = secured and p.polname = 'safestories_others')
        or exists (
            select
            from pg_policy p
            where p.polrelid = secured
              and p.polname = 'safestories_others'
              and p.polroles <> '{0}'
        )
    then
        others := 'safestories_therapist';
    end if;
    for policy in
        select p.polname
        from pg_policy p
        where p.polrelid = secured
          and p.polname in ('safestories_others', 'safestories_reads', 'safestories_adds', 'safestories_changes', 'safestories_removes')
    loop
        execute format('drop policy %I on %s', policy, secured);
    end loop;
    execute format('create policy safestories_others on %s to %s using (true) with check (true)', secured, others);
    execute format('create policy safestories_reads on %s as restrictive for select to safestories_therapist '
                       || 'using (%s)', secured, reads);
    execute format('create policy safestories_adds on %s as restrictive for insert to safestories_therapist '
                       || 'with check (%s)', secured, adds);
    execute format('create policy safestories_changes on %s as restrictive for update to safestories_therapist '
                       || 'using (%s) with check (%s)', secured, changes, becomes);
    execute format('create policy safestories_removes on %s as restrictive for delete to safestories_therapist '
                       || 'using (%s)', secured, removes);
    execute format('alter table %s enable row level security', secured);
    execute format('revoke all on %s from safestories_therapist', secured);
end
$$;

-- Grants a right to columns; to all of them, and the version of the row, where none are named.
create or replace procedure internal.grant_columns(verb text, secured regclass, columns text default null)
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    execute format(
        'grant %s (%s) on %s to safestories_therapist',
        verb,
        coalesce(columns, (
            select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
            from pg_attribute a
            where a.attrelid = secured
              and not a.attisdropped
              and (a.attnum > 0 or a.attname = 'xmin')
        )),
        secured
    );
end
$$;

-- Lets those who open a booking link read columns of the rows about its therapist. Row security is on already.
create or replace procedure internal.show_guests(secured regclass, columns text, rows text default null)
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    execute format('drop policy if exists safestories_guests on %s', secured);
    execute format('drop policy if exists safestories_guests_read on %s', secured);
    execute format('create policy safestories_guests on %s for select to safestories_guest using (true)', secured);
    execute format('create policy safestories_guests_read on %s as restrictive for select to safestories_guest using (%s)',
                   secured, coalesce(rows, 'therapist_id = (select internal.linked_therapist())'));
    execute format('grant select (%s) on %s to safestories_guest', columns, secured);
end
$$;

-- A digest of the policies, and of all grants to the roles, or to everybody on our own objects. Other programs may open their
-- own objects in `public`.
create or replace function internal.rls_digest() returns text
    language sql stable
    set search_path = pg_catalog, pg_temp
    as $$
    with therapist as (
        select oid as role, rolname = 'safestories_guest' as is_guest
        from pg_roles
        where rolname in ('safestories_therapist', 'safestories_guest', (select l.login from internal.therapist_login l))
    ), relations as (
        select c.oid,
               c.relacl,
               c.relrowsecurity,
               format('%I.%I', n.nspname, c.relname) as name,
               n.nspname = 'internal' or exists (
                   select
                   from pg_policy p
                   where p.polrelid = c.oid
                     and p.polname ^@ 'safestories_'
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
        -- Functions that run as their caller may be open to everybody: they reach what the caller reaches.
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
        where p.polname ^@ 'safestories_'
        union all
        select concat_ws(' ', g.place, case when g.grantee = 0 then 'everybody' when therapist.is_guest then 'guests' else 'the role' end,
                         g.privilege_type, g.is_grantable)
        from granted g
        left join therapist on therapist.role = g.grantee
        where therapist.role is not null
           or g.grantee = 0 and g.ours
        union all
        select 'reaches public ' || bool_and(has_schema_privilege(therapist.role, n.oid, 'usage'))
        from therapist
        join pg_namespace n on n.nspname = 'public'
        having count(*) > 0
        union all
        select 'numbers by ' || number || ' ' || bool_and(has_sequence_privilege(therapist.role, number, 'usage'))
        from therapist
        cross join internal.note_sequences() as number
        where not therapist.is_guest
        group by number
    )
    select count(*) || ' lines, '
           || encode(sha256(convert_to(string_agg(line, E'\n' order by line collate "C"), 'UTF8')), 'hex')
    from stands
$$;

do $$
declare
    mine constant text := 'therapist_id = (select internal.own_therapist())';
    my_account constant text := 'user_id = (select internal.own_account())';
    -- A policy looks into bookings as the role, and so finds only the therapist's own.
    of_my_booking constant text := 'exists (select from public.bookings b where b.booking_id = %I.%I)';
    -- The facts of a therapist's clients are read as the role, too. The function is asked where they do not know the client yet.
    my_client constant text := mine || ' or exists (
        select from internal.therapist_client_facts k where k.client_id = all_clients_table.client_id
    ) or internal.is_own_client(client_id)';
    my_booking text;
    my_note text;
    my_draft text;
    number regclass;
    opened text;
    roles oid[];
    -- The groups and the login, as SQL.
    therapists text;
begin
    select array_agg(r.oid), string_agg(quote_ident(r.rolname), ', ')
    into roles, therapists
    from pg_roles r
    where r.rolname in ('safestories_therapist', 'safestories_guest', (select l.login from internal.therapist_login l));
    -- Close all that was opened since, or by the default privileges of an adopted database.
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
                and d.refobjid = any (roles)
                and d.classid = 'pg_class'::regclass
                and d.objid = c.oid
                and d.dbid = (select oid from pg_database where datname = current_database())
                and d.deptype = 'a'
          )
    loop
        execute format('revoke all on %s from %s', opened, therapists);
    end loop;
    for opened in
        select f.oid::regprocedure::text
        from pg_proc f
        join pg_namespace n on n.oid = f.pronamespace
        cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
        where n.nspname = 'internal'
          and pg_has_role(f.proowner, 'usage')
          and (acl.grantee = any (roles) or acl.grantee = 0 and f.prosecdef)
    loop
        execute format('revoke all on routine %s from public, %s', opened, therapists);
    end loop;
    grant usage on schema public, internal to safestories_therapist, safestories_guest;

    call internal.secure_rows('public.bookings', reads => mine, changes => mine, becomes => mine);
    call internal.grant_columns('select', 'public.bookings');
    call internal.grant_columns('update', 'public.bookings', 'booking_status, booking_updated_at');

    -- Locked while a booking of theirs is changed, but never changed: a lock needs the right to update, and every new row is
    -- refused.
    call internal.secure_rows('public.therapists', reads => mine, changes => mine, becomes => mine);
    call internal.grant_columns('select', 'public.therapists');
    call internal.grant_columns('update', 'public.therapists', 'specialization, contact_info');
    call internal.secure_rows('public.all_clients_table', reads => my_client, changes => my_client);
    call internal.grant_columns('select', 'public.all_clients_table');
    call internal.grant_columns('update', 'public.all_clients_table', 'no_of_sessions');

    call internal.secure_rows('public.appointment_table',
                              reads => mine || ' or ' || format(of_my_booking, 'appointment_table', 'session_id'));
    call internal.secure_rows('public.booking_cancelled',
                              reads => format(of_my_booking, 'booking_cancelled', 'booking_id'));
    call internal.secure_rows('public.client_doc_form', reads => format(of_my_booking, 'client_doc_form', 'booking_id'));
    call internal.secure_rows('public.therapist_resources', reads => mine);
    call internal.secure_rows('public.client_transfer_history',
                              reads => 'from_therapist_id = (select internal.own_therapist())
                                        or to_therapist_id = (select internal.own_therapist())');
    call internal.grant_columns('select', 'public.appointment_table');
    call internal.grant_columns('select', 'public.booking_cancelled');
    call internal.grant_columns('select', 'public.client_doc_form');
    call internal.grant_columns('select', 'public.therapist_resources');
    call internal.grant_columns('select', 'public.client_transfer_history');

    my_booking := format(of_my_booking, 'client_session_notes', 'booking_id');
    call internal.secure_rows('public.client_session_notes',
                              reads => my_booking || ' or internal.is_earlier_note(note_id, booking_id)',
                              adds => my_booking, changes => my_booking,
                              -- Only a draft changes: a note of another program counts as submitted.
                              becomes => my_booking || ' and exists (select
                                  from internal.session_notes own
                                  where own.note_id = client_session_notes.note_id and own.signed_at is null)');
    call internal.grant_columns('select', 'public.client_session_notes');
    call internal.grant_columns('insert', 'public.client_session_notes',
        'booking_id, client_name, session_timing, host_name, created_at, updated_at');
    call internal.grant_columns('update', 'public.client_session_notes',
        'session_status, client_age, gender, occupation, marital_status, concerns_discussed, somatic_cues, '
            || 'interventions_used, interventions_helpful, client_participation, goal_progress, client_values, '
            || 'self_harm_mention, self_harm_details, current_risk_level, protective_factors, health_history, '
            || 'past_diagnoses, next_session_plan, homework_suggested, updated_at');

    call internal.secure_rows('public.client_additional_notes', reads => mine,
                              adds => mine || ' and ' || format(of_my_booking, 'client_additional_notes', 'booking_id'),
                              changes => mine, becomes => mine);
    call internal.grant_columns('select', 'public.client_additional_notes');
    call internal.grant_columns('insert', 'public.client_additional_notes',
        'booking_id, therapist_id, therapist_name, note_text, created_at, updated_at');
    call internal.grant_columns('update', 'public.client_additional_notes', 'note_text, updated_at');

    call internal.secure_rows('public.audit_logs', reads => mine || ' and is_visible is not false');
    call internal.grant_columns('select', 'public.audit_logs');

    call internal.secure_rows('public.notifications', reads => my_account, changes => my_account, becomes => my_account);
    call internal.grant_columns('select', 'public.notifications');
    call internal.grant_columns('update', 'public.notifications', 'is_read');

    -- Not for therapists.
    call internal.secure_rows('public.users');
    call internal.secure_rows('public.booking_requests');
    call internal.secure_rows('public.payments');
    call internal.secure_rows('public.refund_cancellation_table');
    call internal.secure_rows('public.aisensy_campaign_api');
    -- Derived tables, with contact data that is not hidden.
    call internal.secure_rows('public.therapist_dashboard_stats');
    call internal.secure_rows('public.therapist_clients_summary');
    call internal.secure_rows('public.therapist_appointments_cache');

    -- Tables of `internal`. Those not named here were never granted.
    call internal.secure_rows('internal.sessions', reads => my_account);
    call internal.grant_columns('select', 'internal.sessions', 'session_id, user_id, expires_at, ended_at');
    call internal.secure_rows('internal.idempotency_keys', reads => my_account, adds => my_account,
                              changes => my_account, becomes => my_account);
    call internal.grant_columns('select', 'internal.idempotency_keys');
    call internal.grant_columns('insert', 'internal.idempotency_keys',
        'user_id, route, key, request_hash, status, resource_id, created_at');
    call internal.grant_columns('update', 'internal.idempotency_keys', 'request_hash, status, resource_id, created_at');
    call internal.secure_rows('internal.audit_entries', reads =>
        'exists (select from public.audit_logs l where l.log_id = audit_entries.log_id)');
    call internal.grant_columns('select', 'internal.audit_entries',
        'entry_id, log_id, at, actor_id, actor_role, client_id');
    call internal.secure_rows('internal.clients', reads =>
        'exists (select from public.all_clients_table c where c.client_id = clients.client_id)');
    call internal.grant_columns('select', 'internal.clients');
    call internal.secure_rows('internal.calendar_revisions', reads =>
        format(of_my_booking, 'calendar_revisions', 'booking_id'));
    call internal.grant_columns('select', 'internal.calendar_revisions');
    call internal.secure_rows('internal.transfer_clients', reads =>
        'exists (select from public.client_transfer_history h where h.transfer_id = transfer_clients.transfer_id)');
    call internal.grant_columns('select', 'internal.transfer_clients');

    -- The facts of their bookings and clients, without money and contact data.
    call internal.secure_rows('internal.booking_facts', reads => mine);
    call internal.grant_columns('select', 'internal.booking_facts',
        'booking_id, therapist_id, client_id, starts_at, ends_at, created_at, status, mode, counted_as, noted, phase, free, '
            || 'name, begun');
    call internal.secure_rows('internal.therapist_client_facts', reads => mine);
    call internal.secure_rows('internal.booking_sums', reads => 'per_therapist and ' || mine);
    call internal.grant_columns('select', 'internal.booking_sums');
    call internal.secure_rows('internal.booking_sum_changes', reads => 'per_therapist and ' || mine);
    call internal.grant_columns('select', 'internal.booking_sum_changes');
    call internal.grant_columns('select', 'internal.therapist_client_facts');
    call internal.secure_rows('internal.therapist_weeks', reads => mine);
    call internal.grant_columns('select', 'internal.therapist_weeks', 'therapist_id, week, sessions');
    call internal.secure_rows('internal.therapist_week_changes', reads => mine);
    call internal.grant_columns('select', 'internal.therapist_week_changes', 'therapist_id, week, sessions');

    -- Bookings are read with the state of their payment link, which is money: of no row here.
    -- No row, but only to a sealed connection that names a therapist.
    call internal.secure_rows('internal.payment_links', reads => '(select internal.own_therapist()) is null');
    call internal.grant_columns('select', 'internal.payment_links', 'link_id, booking_id, state');

    call internal.secure_rows('internal.retirements', reads => mine);
    call internal.grant_columns('select', 'internal.retirements');

    -- Their own hours, and what is held of their time. The rules of the practice have no therapist.
    call internal.secure_rows('internal.availability', reads => mine, adds => mine, changes => mine, becomes => mine);
    call internal.grant_columns('select', 'internal.availability');
    call internal.grant_columns('insert', 'internal.availability', 'therapist_id, schedules');
    call internal.grant_columns('update', 'internal.availability', 'schedules');
    call internal.secure_rows('internal.availability_overrides', reads => mine, adds => mine, changes => mine, becomes => mine);
    call internal.grant_columns('select', 'internal.availability_overrides');
    call internal.grant_columns('insert', 'internal.availability_overrides', 'therapist_id, day, time_zone, hours');
    call internal.grant_columns('update', 'internal.availability_overrides', 'time_zone, hours');
    call internal.secure_rows('internal.scheduling_rules', reads => 'therapist_id = '''' or ' || mine);
    call internal.grant_columns('select', 'internal.scheduling_rules');
    call internal.secure_rows('internal.holds', reads => mine);
    call internal.grant_columns('select', 'internal.holds');

    -- A therapist who sees a note also sees whether it is a draft.
    my_booking := format(of_my_booking, 'session_notes', 'booking_id');
    -- A row makes a submitted note a draft. So it has to name a note of its own booking that was inserted in the same
    -- transaction, by a statement before: a note of another program stays submitted.
    call internal.secure_rows('internal.session_notes',
                              reads => my_booking || ' or internal.is_seen_note(note_id)',
                              adds => my_booking || ' and author_id = (select internal.own_account()) and exists (select
                                      from public.client_session_notes n
                                      where n.note_id = session_notes.note_id
                                        and n.booking_id = session_notes.booking_id
                                        and n.xmin = pg_current_xact_id()::xid)',
                              changes => my_booking, becomes => my_booking);
    call internal.grant_columns('select', 'internal.session_notes');
    call internal.grant_columns('insert', 'internal.session_notes', 'note_id, booking_id, author_id, started_at');
    call internal.grant_columns('update', 'internal.session_notes', 'signed_at');
    foreach my_note in array array['note_versions', 'note_addenda'] loop
        -- The autosaves of a draft go on in its last version: a trigger knows which that is.
        my_draft := case my_note when 'note_versions' then 'author_id = (select internal.own_account())' else 'false' end;
        call internal.secure_rows(format('internal.%I', my_note)::regclass,
                                  changes => my_draft, becomes => my_draft,
                                  reads => format('exists (select
                                      from public.client_session_notes n
                                      where n.note_id = %1$I.note_id) or internal.was_own_note(%1$I.note_id)', my_note),
                                  adds => format('author_id = (select internal.own_account()) and exists (select
                                      from public.client_session_notes n
                                      join public.bookings b on b.booking_id = n.booking_id
                                      where n.note_id = %I.note_id)', my_note));
        call internal.grant_columns('select', format('internal.%I', my_note)::regclass);
    end loop;
    call internal.grant_columns('insert', 'internal.note_versions',
        'note_id, version, saved_at, author_id, event, changes');
    call internal.grant_columns('update', 'internal.note_versions', 'changes');
    call internal.grant_columns('insert', 'internal.note_addenda', 'note_id, author_id, created_at, text');

    -- What the page of a booking link is made of: when its therapist is free.
    call internal.show_guests('public.therapists', 'therapist_id, name, capacity, specialization');
    call internal.show_guests('public.bookings', 'therapist_id, booking_id, booking_resource_name');
    call internal.show_guests('internal.retirements', 'therapist_id');
    call internal.show_guests('internal.availability', 'therapist_id, schedules');
    call internal.show_guests('internal.availability_overrides', 'therapist_id, day, time_zone, hours');
    call internal.show_guests('internal.scheduling_rules',
        'therapist_id, kind, length_minutes, buffer_before_minutes, buffer_after_minutes, step_minutes, notice_minutes, '
            || 'ahead_days, sessions_a_day',
        'therapist_id = '''' or therapist_id = (select internal.linked_therapist())');
    call internal.show_guests('internal.holds', 'hold_id, therapist_id, starts_at, ends_at, expires_at, held_by');
    call internal.show_guests('internal.booking_facts', 'therapist_id, booking_id, starts_at, ends_at, counted_as, free');
    call internal.show_guests('internal.therapist_weeks', 'therapist_id, week, sessions');
    call internal.show_guests('internal.therapist_week_changes', 'therapist_id, week, sessions');

    -- The sequences of the rows that a therapist adds.
    for number in select internal.note_sequences() loop
        -- Where another role owns it, its owner has granted it (`safestories migrate` names the statement).
        if not has_sequence_privilege('safestories_therapist', number, 'usage') then
            execute format('grant usage on sequence %s to safestories_therapist', number);
        end if;
    end loop;

    revoke execute on function internal.recount_clients(text[]) from public;
    revoke execute on function internal.refresh_client_facts(text[], timestamp) from public;
    revoke execute on function internal.keep_version(jsonb, jsonb) from public;
    revoke execute on function internal.held_clients(text[]) from public;
    revoke execute on function internal.follow_changes(timestamp, integer) from public;
    revoke execute on function internal.follow_facts(integer, text[]) from public;
    revoke execute on function internal.refresh_booking_facts(text[]) from public;
    revoke execute on function internal.add_booking_sums(integer) from public;
    revoke execute on function internal.refresh_appointments(text[]) from public;
    grant execute on function
        internal.is_sealed(),
        internal.own_therapist_unless_owner(),
        internal.is_earlier_note(integer, text),
        internal.is_own_booking(text),
        internal.is_own_client(text),
        internal.is_seen_note(integer),
        internal.was_own_note(integer),
        internal.session_of_note(text),
        internal.sessions_of_client(text),
        internal.was_high_before(text, text),
        internal.clients_once_at_high_risk(),
        internal.own_audit_logs(timestamp, timestamp),
        internal.bookings_found(text, text, timestamp),
        internal.account_name(integer),
        internal.therapist_name(text),
        internal.is_erased(integer),
        internal.delete_additional_note(integer),
        internal.delete_notification(integer, integer),
        internal.forget_draft(text),
        internal.write_trail(jsonb),
        internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], integer[], text)
        to safestories_therapist;
    grant execute on function internal.linked_therapist(), internal.opened_link(timestamptz) to safestories_guest;
    grant execute on function internal.lapsed_bookings(timestamptz, text[]) to safestories_therapist, safestories_guest;
    revoke execute on procedure internal.secure_rows(regclass, text, text, text, text, text),
        internal.grant_columns(text, regclass, text), internal.show_guests(regclass, text, text) from public;

    delete from internal.properties where name = 'rls';
    insert into internal.properties (name, value) select 'rls', internal.rls_digest();
end
$$;
