-- The independence of reviewers, and the accounts that await a review.

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
    language sql stable
    return exists (
        select
        from internal.account_changes c
        where c.user_id = account
          and c.needs_review
          and c.confirmed_at is null
          and (c.opens_at is null or c.opens_at > at)
    );
