-- What notifications and the audit log are read by: which transaction wrote a row, the instant that a text of the log
-- names, and the indexes of their filters.
--
-- Both functions are total, like those of 0004. Nothing here can fail on rows of other programs: what is indexed is at
-- most a `varchar(255)`, and no index is unique.

-- The full id of the transaction that wrote a row, from the row's `xmin`, which lacks the upper half: the highest that is
-- not above `bound`, which has to be above that of every row looked at, by less than the lower half holds. A row so old that
-- the lower half has come round again counts as later than it is, never as earlier: it is shown once more, not missed.
create function internal.row_xid(row_xmin xid, bound bigint) returns bigint
    language sql immutable parallel safe
    return bound - ((bound - row_xmin::text::bigint) & 4294967295);

-- The instant (UTC) that a text in `audit_logs.timestamp` names: `Tue, Jan 20, 2026, 11:05 AM IST`, or ISO 8601. Text
-- without an offset is India's time, as the column's default is. What names no instant is long past, as everywhere.
-- The form that is written today comes first and is taken apart without captures, which cost twenty times as much: an
-- index calls this for every row written. Intervals are added, since they take any numbers, where make_timestamp fails on
-- the thirtieth of February.
create function internal.audit_instant(words text) returns timestamp
    language plpgsql immutable parallel safe
as $$
declare
    part text[];
    month integer;
begin
    if words ~ '^[A-Z][a-z][a-z], [A-Z][a-z][a-z] [0-9][0-9]?, [0-9]{4}, [0-9][0-9]?:[0-9][0-9] [AP]M IST$' then
        part := string_to_array(translate(words, ',:', '  '), ' ');
        month := position(part[3] in 'JanFebMarAprMayJunJulAugSepOctNovDec') + 2;
        if month % 3 = 0 and part[4]::integer between 1 and 31 and part[8]::integer between 1 and 12
            and part[9]::integer < 60
        then
            return timestamp '2000-01-01' + make_interval(
                part[6]::integer - 2000, month / 3 - 1, 0, part[4]::integer - 1,
                part[8]::integer % 12 + case part[10] when 'PM' then 12 else 0 end, part[9]::integer - 330
            );
        end if;
        return '-infinity';
    end if;
    part := regexp_match(
        words,
        '^\s*([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]\s*([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s*'
            || '([Zz]|UTC|GMT|IST|[+-][0-9]{2}(?::?[0-9]{2})?)?\s*$'
    );
    if part is null or part[2]::integer not between 1 and 12 or part[3]::integer not between 1 and 31
        or part[4]::integer > 23 or part[5]::integer > 59
    then
        return '-infinity';
    end if;
    return timestamp '2000-01-01' + make_interval(
        part[1]::integer - 2000, part[2]::integer - 1, 0, part[3]::integer - 1, part[4]::integer,
        part[5]::integer - case
            when part[7] in ('Z', 'z', 'UTC', 'GMT') then 0
            when part[7] ~ '^[+-]' then
                (left(part[7], 1) || '1')::integer
                    * (substr(part[7], 2, 2)::integer * 60 + ('0' || ltrim(substr(part[7], 4), ':'))::integer)
            else 330
        end,
        coalesce(part[6], '0')::integer
    );
end
$$;

-- The log, ten million rows of it: newest first by its key; of one kind, of one therapist and kind, of one client as the
-- rows name them, of a period.
create index audit_logs_by_action on public.audit_logs (action_type, log_id);
create index audit_logs_by_therapist_action on public.audit_logs (therapist_id, action_type, log_id)
    where therapist_id is not null;
create index audit_logs_by_client_name on public.audit_logs (lower(btrim(client_name)), log_id);
create index audit_logs_by_instant on public.audit_logs (internal.audit_instant("timestamp"), log_id);
create index audit_logs_hidden on public.audit_logs (log_id) where is_visible is false;

-- A user's notifications: what is unread, which is little of it, and what is of one kind.
create index notifications_unread on public.notifications (user_id, notification_id) where is_read is not true;
create index notifications_by_type on public.notifications (user_id, notification_type, notification_id);
