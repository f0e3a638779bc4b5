-- User names; sessions that end, whoever ends them; the independence of reviewers, and the accounts that await a review.

-- Two user names are the same if this is: NFKC, and folded.
create or replace function internal.user_key(name text) returns text
    language sql immutable parallel safe
    return internal.fold(normalize(name, nfkc));

-- Tells every instance to look at a session anew.
create or replace function internal.tell_of_session() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform pg_notify('safestories_sessions', old.session_id::text);
    return null;
end
$$;

create or replace trigger sessions_tell_update
    after update on internal.sessions
    for each row
    when (
        old.ended_at is null
        and (
            new.ended_at is not null
            or new.expires_at < old.expires_at
            or (new.session_id, new.user_id) <> (old.session_id, old.user_id)
        )
    )
    execute function internal.tell_of_session();

create or replace trigger sessions_tell_delete
    after delete on internal.sessions
    for each row
    when (old.ended_at is null)
    execute function internal.tell_of_session();

-- Ends the sessions of an account whose password or rights another program changed, or that it deleted, and revokes the link to
-- its calendar; as the operations of the server do themselves.
create or replace function internal.end_sessions_of_user() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.is_server() then
        return null;
    end if;
    update internal.sessions
    set ended_at = clock_timestamp(),
        end_reason = case
            when tg_op = 'DELETE' then 'disabled'
            when new.password is distinct from old.password then 'password'
            else 'rights'
        end
    where user_id = old.id
      and ended_at is null;
    delete from internal.calendar_links where user_id = old.id;
    return null;
end
$$;

create or replace trigger users_end_sessions_update
    after update on public.users
    for each row
    when (
        (old.id, old.password, old.role, old.therapist_id) is distinct from (new.id, new.password, new.role, new.therapist_id)
    )
    execute function internal.end_sessions_of_user();

create or replace trigger users_end_sessions_delete
    after delete on public.users
    for each row
    execute function internal.end_sessions_of_user();

-- The same of an account that was disabled by SQL.
create or replace function internal.end_sessions_of_account() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    update internal.sessions
    set ended_at = clock_timestamp(),
        end_reason = 'disabled'
    where user_id = new.user_id
      and ended_at is null;
    return null;
end
$$;

create or replace trigger accounts_end_sessions
    after insert or update on internal.accounts
    for each row
    when (new.disabled_at is not null)
    execute function internal.end_sessions_of_account();

-- Whether an admin may review what another opened: somebody else, whose account is older, and not linked to the opener's.
-- Whoever made, enabled, reset or re-roled an admin's account within the 30 days before or since is linked to it, in both
-- directions and on from account to account: one of the two may hold both. An admin thus reviews nothing of an account that
-- they made, and of two accounts that a third admin made neither reviews the other's.
create or replace function internal.is_independent(reviewer integer, opener integer, opened_at timestamptz)
    returns boolean
    language sql stable
    return not exists (
        with recursive recent as (
            select user_id, changed_by, former_role
            from internal.account_changes
            where changed_at > opened_at - interval '30 days'
        ), links (one, other) as (
            select c.user_id, c.changed_by
            from recent c
            where c.changed_by is not null
              -- A therapist's account links no two others: any admin resets its password.
              and (
                  c.user_id in (reviewer, opener)
                  or exists (select from public.users u where u.id = c.user_id and internal.user_role(u.role) = 'admin')
                  or exists (select from recent f where f.user_id = c.user_id and f.former_role = 'admin')
              )
        ), linked (user_id) as (
            select opener
            union
            select case l.user_id when k.one then k.other else k.one end
            from linked l
            join links k on l.user_id in (k.one, k.other)
        )
        select
        from linked
        where user_id = reviewer
    )
    and not exists (
        select
        from internal.account_changes
        where user_id = reviewer
          and kind = 'created'
          and changed_at > opened_at
    );

-- Whether some enabled admin may review it.
create or replace function internal.has_independent(opener integer, opened_at timestamptz) returns boolean
    language sql stable
    return exists (
        select
        from public.users u
        left join internal.accounts a on a.user_id = u.id
        where internal.user_role(u.role) = 'admin'
          and a.disabled_at is null
          and internal.is_independent(u.id, opener, opened_at)
    );

-- Whether a practice has one admin only. One who was disabled or given another role within the last 30 days counts as well:
-- nobody comes to be the only one by sending the others away.
create or replace function internal.has_one_admin(at timestamptz) returns boolean
    language sql stable
    return (
        select count(*) <= 1
        from public.users u
        left join internal.accounts a on a.user_id = u.id
        where internal.user_role(u.role) = 'admin' and (a.disabled_at is null or a.disabled_at > at - interval '30 days')
           or exists (
               select
               from internal.account_changes c
               where c.user_id = u.id
                 and c.former_role = 'admin'
                 and c.changed_at > at - interval '30 days'
           )
    );

-- Whether an account opens no clinical text for now.
create or replace function internal.awaits_confirmation(account integer, at timestamptz) returns boolean
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    as $$
begin
    -- Not in SQL: it is asked with every clinical entry, and would be planned each time.
    return exists (
        select
        from internal.account_changes c
        where c.user_id = account
          and c.needs_review
          and c.confirmed_at is null
          and (c.opens_at is null or c.opens_at > at)
    );
end
$$;
