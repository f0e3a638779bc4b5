-- Writing notifications, and reading them in the order of their transactions.

-- Writes notifications, and wakes the streams of all instances at the commit. The arguments are the kind, title, message,
-- the id it is about, the instant, the account that caused it, whether to notify the other admins, or all admins, the
-- therapists to notify, the accounts to notify, and the channel.
--
-- What no account caused is not said twice of the same subject within ten minutes: triggers of the practice's own may have said it.
--
-- A therapist notifies admins and their own accounts, of a session of theirs.
create or replace function internal.notify(text, text, text, text, timestamp, integer, boolean, boolean, text[], integer[], text)
    returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
    woken text;
begin
    if own_therapist is not null and not (
        $6 is not distinct from internal.own_account()
        and $1 in ('no_show', 'session_notes_submitted', 'sos_ticket', 'risk_raised')
        and $9 <@ array[own_therapist]
        and $10 = '{}'
        and (exists (select from public.bookings b where b.booking_id = $4 and b.therapist_id = own_therapist)
             -- The column is narrower than an id of another program may be.
             or length($4) = 50
                and exists (
                    select
                    from public.bookings b
                    where b.therapist_id = own_therapist
                      and left(b.booking_id, 50) = $4
                ))
    ) then
        raise exception 'a therapist may not send this notification' using errcode = 'insufficient_privilege';
    end if;
    with notified as (
        insert into public.notifications
            (user_id, user_role, notification_type, title, message, related_id, is_read, created_at)
        select u.id, v.role, $1, $2, $3, $4, false, $5
        from public.users u
        cross join lateral (select internal.user_role(u.role) as role, u.id is distinct from $6 as another) v
        left join internal.accounts a on a.user_id = u.id
        where a.disabled_at is null
          and (v.role = 'admin' and ($8 or $7 and v.another)
               or v.role = 'therapist' and u.therapist_id = any ($9) and v.another
               or v.role in ('admin', 'therapist') and u.id = any ($10))
          and ($6 is not null
               or not exists (
                   select
                   from public.notifications n
                   where n.user_id = u.id
                     and n.notification_type = $1
                     and n.related_id = $4
                     and n.created_at > $5 - interval '10 minutes'
               ))
        order by u.id
        returning notification_id
    )
    select pg_notify($11, '')::text
    into woken
    from notified
    limit 1;
end
$$;

-- Deletes a notification of an account, and tells what it was about. Therapists have no right to delete rows of the table:
-- it would be one to lock the table.
create or replace function internal.delete_notification(notification integer, account integer)
    returns table (notification_type text, related_id text)
    language plpgsql security definer rows 1
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.own_therapist_unless_owner() is not null and account is distinct from internal.own_account() then
        raise exception 'a notification of another account' using errcode = 'insufficient_privilege';
    end if;
    return query
    delete from public.notifications n
    where n.notification_id = notification
      and n.user_id = account
    returning n.notification_type::text, n.related_id::text;
end
$$;

-- The full id of the transaction that wrote a row, from the row's `xmin`, which lacks the upper half: the highest id that is
-- not above `bound`. `bound` has to be above the id of every row looked at, by less than the lower half holds. A row so old
-- that the lower half has wrapped counts as later than it is, never as earlier: it is shown once more, not missed.
create or replace function internal.row_xid(row_xmin xid, bound bigint) returns bigint
    language sql immutable parallel safe
    return bound - ((bound - row_xmin::text::bigint) & 4294967295);
