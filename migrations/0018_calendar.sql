-- The calendar feed: the link that opens a therapist's, and how often the time or the standing of a session has changed.

-- The one link of a user, hashed. It stands for a therapist: should the account stand for another one, it opens nothing.
create table internal.calendar_links (
    user_id      integer     primary key,
    therapist_id text        not null,
    token_hash   bytea       not null,
    created_at   timestamptz not null
);
create unique index calendar_links_by_token on internal.calendar_links (token_hash);

-- What calendars call SEQUENCE. No row: as it was first made.
create table internal.calendar_revisions (
    booking_id text    primary key,
    sequence   integer not null
);

-- Counted here and not by the operations, so that what other programs change counts too. Runs as the owner, and with names
-- that nobody can redirect: whoever writes to the table need not, and may not, read `internal`.
create function internal.count_calendar_revision() returns trigger
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into internal.calendar_revisions as r (booking_id, sequence)
    values (new.booking_id, 1)
    on conflict (booking_id) do update
    set sequence = r.sequence + 1;
    return null;
end
$$;

-- A session that was called off, or takes place after all, is another one to a calendar; one that was held is not.
create trigger bookings_count_calendar_revision
    after update of booking_start_at, booking_end_at, booking_duration, booking_status on public.bookings
    for each row
    when (
        new.booking_id is not null
        and (
            old.booking_start_at is distinct from new.booking_start_at
            or old.booking_end_at is distinct from new.booking_end_at
            or old.booking_duration is distinct from new.booking_duration
            or (internal.booking_status(old.booking_status) is not distinct from 'cancelled')
                <> (internal.booking_status(new.booking_status) is not distinct from 'cancelled')
        )
    )
    execute function internal.count_calendar_revision();
