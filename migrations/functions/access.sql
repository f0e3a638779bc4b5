-- The therapist and account of a transaction, and the functions that read more than a therapist's own rows.
--
-- A therapist's request runs under the role `safestories_therapist`, whose rows `policies.sql` limits; the therapist
-- and the account come from settings of the transaction. A function that has to read more than those rows runs as the
-- owner, with a fixed search_path, and checks the caller's rights itself. All of them are listed in
-- `tests/api/rls/catalogue.rs`; no other function may read more.

-- Whether the settings of the login are trusted: it has to read a table that only the owner, and members of the owner,
-- may. A login of another practice of the same cluster may have been allowed to set the role (the role is the
-- cluster's) and to connect here (everybody may, by default). These three are plain expressions that PostgreSQL
-- inlines.
create or replace function internal.is_trusted_login() returns boolean
    language sql stable parallel safe
    return has_table_privilege(session_user, 'internal.facts'::regclass, 'select');

-- The therapist and the account that are asking; null: the practice, or a background task.
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

-- The same for functions that run as the owner, whom no policy binds: a caller under the role, or by a login that is not
-- trusted (it need not set the role to call its functions), is refused where no therapist is named.
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

-- The rarer questions of the policies. As conditions they would be planned and set up wherever a table is named, one within
-- the other: a page of bookings took three times as long to plan. Their cost is the measured one (30 to 50 microseconds):
-- if taken for cheap, they were asked of every row of a table where a few were wanted.

-- Whether a booking is the therapist's own.
create or replace function internal.is_own_booking(booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.bookings b
        where b.booking_id = booking
          and b.therapist_id = internal.current_therapist()
    );
end
$$;

-- Whether a client has a booking with the therapist.
create or replace function internal.is_own_client(client text) returns boolean
    language plpgsql stable security definer cost 5000
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where a.client_id = client
          and b.therapist_id = internal.current_therapist()
    );
end
$$;

-- Whether a note is a submitted one of a client who is assigned to the therapist: an earlier therapist's. The booking is
-- the one that the note names.
create or replace function internal.is_earlier_note(note integer, booking text) returns boolean
    language plpgsql stable security definer cost 5000
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

-- Whether the therapist sees a note, by the booking it names.
create or replace function internal.is_seen_note(note integer) returns boolean
    language plpgsql stable security definer cost 5000
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from public.client_session_notes n
        where n.note_id = note
          and (internal.is_own_booking(n.booking_id) or internal.is_earlier_note(n.note_id, n.booking_id))
    );
end
$$;

-- The session of a note: its client, therapist and start. For a therapist only their own sessions, and those of clients
-- assigned to them.
create or replace function internal.session_of_note(booking text)
    returns table (client_id text, therapist_id text, start_at timestamp)
    language plpgsql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
    as $$
declare
    asking text := internal.asking();
begin
    return query
    select a.client_id::text, b.therapist_id::text, b.booking_start_at
    from (select booking as booking_id) n
    left join public.bookings b on b.booking_id = n.booking_id
    left join public.appointment_table a on a.session_id = n.booking_id
    where asking is null
       or b.therapist_id = asking
       or exists (
           select
           from public.all_clients_table c
           where c.client_id = a.client_id
             and c.therapist_id = asking
       );
end
$$;

-- The sessions of a client, with any therapist, for the therapist whom the client is assigned to; else their own.
create or replace function internal.sessions_of_client(client text)
    returns table (booking_id text, therapist_id text, therapist_name text, start_at timestamp, is_active boolean)
    language plpgsql stable security definer rows 20
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
    return query
    select a.session_id::text,
           b.therapist_id::text,
           coalesce(b.booking_host_name, a.therapist_name),
           b.booking_start_at,
           b.booking_id is not null and internal.is_active(b.booking_status)
    from public.appointment_table a
    left join public.bookings b on b.booking_id = a.session_id
    where a.client_id = client
      and (whole or b.therapist_id = asking);
end
$$;

-- Whether the risk was high by the submitted note of the client's session before this one. For a therapist, of a session of
-- their own, and by the notes they may read: their own, and everybody's where the client is assigned to them.
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

-- The names of colleagues, and nothing else of them.
create or replace function internal.account_name(account integer) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.asking();
    return (select coalesce(u.full_name, u.name) from public.users u where u.id = account);
end
$$;

create or replace function internal.therapist_name(therapist text) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.asking();
    return (select t.name from public.therapists t where t.therapist_id = therapist limit 1);
end
$$;
