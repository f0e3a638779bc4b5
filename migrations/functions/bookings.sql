-- Bookings: their state, the right to read contact data, and the revision that tells calendars of changes.

-- The state of a booking; `status` is the written word, `end_at` by `internal.booking_end`, `noted` whether a session note was
-- submitted. A start that is not known (none, or infinite) counts as long past, as it does in every order and period.
create or replace function internal.booking_state(
    status text, start_at timestamp, end_at timestamp, noted boolean, at timestamp
) returns text
    language sql immutable parallel safe
    return case status
        when 'cancelled' then 'cancelled'
        when 'no_show' then 'no_show'
        when 'completed' then 'completed'
        else case
            when noted then 'completed'
            when start_at is null or end_at is null then 'pending_notes'
            when end_at <= at then 'pending_notes'
            when start_at <= at then 'live'
            else 'scheduled'
        end
    end;

-- The clients whose contact data a therapist sees: those assigned to them, and those with a session with them ahead. The
-- result is a set, so that PostgreSQL inlines the function and looks up one client by index.
create or replace function internal.contact_clients(therapist text, at timestamp) returns setof text
    language sql stable parallel safe
begin atomic
    select k.client_id
    from internal.therapist_client_facts k
    where k.therapist_id = therapist
      and (k.assigned or k.active_until > at);
end;

-- A row if a therapist may read the contact data of a booking of theirs: by its client; and where no program has named a
-- client yet, by the session itself being ahead. The result is a set, likewise.
create or replace function internal.contact_shown(
    therapist text, client text, counted_as text, end_at timestamp, at timestamp
) returns setof boolean
    language sql stable parallel safe rows 1
begin atomic
    select true
    where case
              when client is null then counted_as = 'active' and isfinite(end_at) and end_at > at
              else exists (
                  select
                  from internal.therapist_client_facts k
                  where k.therapist_id = therapist
                    and k.client_id = client
                    and (k.assigned or k.active_until > at)
              )
          end;
end;

-- The bookings of a therapist whose name holds what is searched for, or whose contact data, where they may read it. As the owner,
-- since the therapists' role cannot read the text, nor look anything up in it by index.
create or replace function internal.bookings_found(therapist text, q text, at timestamp) returns setof text
    language plpgsql stable security definer rows 100
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
begin
    return query
    select f.booking_id
    from internal.booking_facts f
    where f.therapist_id = therapist
      and therapist = coalesce(own_therapist, therapist)
      and f.search like any (internal.search_patterns(q))
      and (
          f.name like any (internal.like_words(q))
          or exists (select from internal.contact_shown(therapist, f.client_id, f.counted_as, f.ends_at, at))
      );
end
$$;

-- The appointment of a booking. An adopted table may contain a session twice, and a join would list the booking twice:
-- this is always the same one of them, with a client where any has one.
create or replace function internal.appointment_of(booking text) returns table (client_id text, client_name text)
    language sql stable parallel safe rows 1
begin atomic
    select a.client_id, a.client_name
    from public.appointment_table a
    where a.session_id = booking
    order by a.client_id
    limit 1;
end;

-- How the caches count a booking by its status: `active`, `cancelled` or `no_show`.
create or replace function internal.counts_as(booking_status text) returns text
    language sql immutable parallel safe
    return case when internal.is_active(booking_status) then 'active' else internal.booking_status(booking_status) end;

-- What all bookings mean but for their money, from the tables themselves.
create or replace function internal.meanings_of_bookings()
    returns table (
        booking_id    text,
        therapist_id  text,
        client_id     text,
        starts_at     timestamp,
        ends_at       timestamp,
        created_at    timestamp,
        status        text,
        mode          text,
        refund_status text,
        counted_as    text,
        noted         boolean,
        phase         text,
        free          boolean,
        name          text,
        search        text,
        begun         boolean
    )
    language sql stable parallel safe
begin atomic
    select b.booking_id,
           b.therapist_id,
           a.client_id,
           case when w.ends_at is null then '-infinity' else b.booking_start_at end,
           coalesce(w.ends_at, '-infinity'),
           coalesce(b.invitee_created_at, '-infinity'),
           w.status,
           internal.booking_mode(b.booking_mode),
           internal.refund_status(b.refund_status),
           internal.counts_as(b.booking_status),
           w.noted,
           case when w.status in ('cancelled', 'no_show', 'completed') then w.status when w.noted then 'completed' else 'open' end,
           internal.is_free(b.invitee_payment_amount),
           internal.fold(coalesce(b.invitee_name, '')),
           internal.search_text(b.invitee_name, b.invitee_email, b.invitee_phone),
           w.begun
    from public.bookings b
    cross join lateral (
        select internal.booking_status(b.booking_status) as status,
               internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration, b.invitee_payment_amount)
                   as ends_at,
               count(*) > 0 as begun,
               coalesce(bool_or(own.note_id is null or own.signed_at is not null), false) as noted
        from public.client_session_notes n
        left join internal.session_notes own on own.note_id = n.note_id
        where n.booking_id = b.booking_id
        offset 0
    ) w
    left join lateral internal.appointment_of(b.booking_id) a on true
    where b.booking_id is not null;
end;

-- Counts in the database and not in the operations, so that changes by other programs count too. It runs as the owner, with
-- a fixed search_path: programs that write to the table need not, and may not, read `internal`.
create or replace function internal.count_calendar_revision() returns trigger
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

-- A calendar learns of a session that is cancelled or restored, but not of one that took place.
create or replace trigger bookings_count_calendar_revision
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
