-- Writing the audit trail.

-- Writes a row of the summary (unless `action` is null), an entry for each subject, and their places in the queue of the
-- sealer, in one round trip. It runs with the owner's rights: where those are taken away nothing is written, and so
-- nothing is done, by anybody.
--
-- `trail` is one object: the account and its `role`, `session`, `request`, `route` and `address`; the instant `at`, and as
-- the summary writes it (`at_text`); `outcome` and `status`; the summary's `action`, `sentence` and `client_name`; and
-- `entries`, each with `action`, `subject_type`, `subject_id`, `client_id` and `detail`.
--
-- The caches follow what the transaction wrote, under the locks that it has taken.
--
-- This is the one place that everything clinical goes through before it is answered: a therapist's account that awaits the
-- confirmation of who holds it is refused here what its entries say it opened or wrote.
--
-- The key of the summary holds for new rows: an account whose therapist does not exist (a row of another program) is
-- named without one.
create or replace function internal.write_trail(trail jsonb) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    r record;
    -- The seal is checked here.
    is_therapists boolean := internal.own_therapist_unless_owner() is not null;
begin
    select *
    into r
    from jsonb_to_record(trail) as given (
        account integer, role text, session uuid, request text, route text, address text, at timestamptz, at_text text,
        outcome text, status smallint, action text, sentence text, client_name text, entries jsonb
    );
    if is_therapists and r.account is distinct from current_setting('safestories.user_id')::integer then
        raise exception 'an entry names another account' using errcode = 'insufficient_privilege';
    end if;
    if r.outcome = 'done'
        and (is_therapists or r.role = 'therapist')
        and r.entries @? '$[*].action ? (@ like_regex "^(session_notes|additional_notes|risk)(_|$)")'
        and internal.awaits_confirmation(r.account, r.at)
    then
        raise exception 'the account awaits confirmation' using errcode = 'SSAWC';
    end if;
    if r.outcome = 'done'
        and (exists (select from internal.fact_changes c where c.xid = pg_current_xact_id())
             or exists (select from internal.booking_changes c where c.xid = pg_current_xact_id())
             or exists (select from internal.client_changes c where c.xid = pg_current_xact_id()))
    then
        perform internal.follow_facts();
        perform internal.follow_changes(r.at at time zone 'UTC');
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
        where id = r.account
    ), log as (
        insert into public.audit_logs
            (therapist_id, therapist_name, action_type, action_description, client_name, ip_address, timestamp)
        select (select therapist_id from actor), (select name from actor), r.action, r.sentence, r.client_name, r.address,
               r.at_text
        where r.action is not null
        returning log_id
    ), written as (
        insert into internal.audit_entries
            (log_id, at, actor_id, actor_role, session_id, request_id, route, action, subject_type, subject_id,
             client_id, outcome, status, ip_address, detail)
        select (select log_id from log), r.at, r.account, r.role, r.session, r.request, r.route, entry.action,
               entry.subject_type, entry.subject_id, entry.client_id, r.outcome, r.status, r.address, entry.detail
        from jsonb_to_recordset(r.entries)
            as entry (action text, subject_type text, subject_id text, client_id text, detail jsonb)
        returning entry_id
    )
    insert into internal.audit_unsealed (entry_id)
    select entry_id
    from written;
end
$$;
