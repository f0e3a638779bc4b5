-- The independence of reviewers, and the accounts that await a review.

-- Whether an admin may review what another opened: somebody else, whose account is older, and whom the opener did not make,
-- enable, reset or give a role within the 30 days before or since, nor anybody did whom the opener had.
create or replace function internal.is_independent(reviewer integer, opener integer, opened_at timestamptz)
    returns boolean
    language sql stable
    return not exists (
        with recursive dependent (user_id) as (
            select opener
            union
            select c.user_id
            from internal.account_changes c
            join dependent d on d.user_id = c.changed_by
            where c.changed_at > opened_at - interval '30 days'
        )
        select
        from dependent
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
    language sql stable
    return exists (
        select
        from internal.account_changes c
        where c.user_id = account
          and c.needs_review
          and c.confirmed_at is null
          and (c.opens_at is null or c.opens_at > at)
    );
