-- The therapist and account of a connection, and the functions that read more than a therapist's own rows.
--
-- A therapist's request logs in as a role of its own, a member of `safestories_therapist`, whose rows `policies.sql` limits.
-- The therapist and the account are settings of the connection, behind a pooler of the transaction, and a third setting seals
-- them. A function that has to look
-- beyond those rows runs as the owner, with a fixed search_path, and decides itself what it does for whom. All of them are
-- listed in `tests/api/rls/catalogue.rs`; no other function may look there.

-- The transaction, by the backend and the instant it began. No other has the same, and nobody chooses it: a seal of it is
-- good in this transaction only, whoever reads it.
create or replace function internal.this_transaction() returns text
    language sql stable parallel restricted
    return pg_backend_pid()::text || ' ' || extract(epoch from transaction_timestamp())::text;

-- The connection, by its backend. A seal of it is good as long as the backend serves it, so that nobody else may ever read it.
create or replace function internal.this_connection() returns text
    language sql stable parallel restricted
    return pg_backend_pid()::text || ' ' || extract(epoch from pg_postmaster_start_time())::text || ' connection';

-- The key that seals whom a connection or a transaction is for. Nobody but the owner reads it.
insert into internal.therapist_login (seal_key)
select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
where not exists (select from internal.therapist_login);

-- Fails unless the server has sealed the therapist and the account for this connection or this transaction (`src/db/rls.rs`).
--
-- Every statement of a therapist's request asks, for each table. An assignment is evaluated without an executor.
create or replace function internal.is_sealed() returns boolean
    language plpgsql stable security definer parallel restricted
    set search_path = pg_catalog, pg_temp
    as $$
declare
    key bytea;
    named text := chr(10) || current_setting('safestories.user_id', true)::integer
        || chr(10) || current_setting('safestories.therapist_id', true);
    seal text := current_setting('safestories.seal', true);
begin
    select l.seal_key into key from internal.therapist_login l;
    if seal = encode(sha256(key || sha256(convert_to(internal.this_connection() || named, 'UTF8'))), 'hex') then
        return true;
    end if;
    if seal = encode(sha256(key || sha256(convert_to(internal.this_transaction() || named, 'UTF8'))), 'hex') then
        return true;
    end if;
    raise exception 'this connection is no therapist''s' using errcode = 'insufficient_privilege';
end
$$;

-- The therapist and the account whom the transaction is for. Policies ask once a statement: `(select internal.own_therapist())`.
create or replace function internal.own_therapist() returns text
    language sql stable parallel restricted
    return case when internal.is_sealed() then current_setting('safestories.therapist_id', true) end;

create or replace function internal.own_account() returns integer
    language sql stable parallel restricted
    return case when internal.is_sealed() then current_setting('safestories.user_id', true)::integer end;

-- The therapist whom the answer is for; null: the practice, or a background task. It decides which columns of a row are
-- shown, and never which rows are reached: the seal is not checked. PostgreSQL inlines it.
create or replace function internal.current_therapist() returns text
    language sql stable parallel safe
    return nullif(current_setting('safestories.therapist_id', true), '');

-- For functions that run as the owner, whom no policy binds: null where the login is a member of the owner, the therapist
-- where one is named; any other login is refused.
create or replace function internal.own_therapist_unless_owner() returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    -- The function runs as the owner.
    if pg_has_role(session_user, current_user, 'member') then
        return null;
    end if;
    return internal.own_therapist();
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
          and b.therapist_id = internal.own_therapist()
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
          and b.therapist_id = internal.own_therapist()
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
          and c.therapist_id = internal.own_therapist()
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

-- Whether it was a note of a session of the therapist's that another program deleted.
create or replace function internal.was_own_note(note integer) returns boolean
    language plpgsql stable security definer cost 5000
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return exists (
        select
        from internal.note_versions v
        where v.note_id = note
          and v.event = 'deleted'
          and internal.is_own_booking(v.booking_id)
    ) and not exists (
        select
        from public.client_session_notes n
        where n.note_id = note
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
    own_therapist text := internal.own_therapist_unless_owner();
begin
    return query
    select a.client_id::text, b.therapist_id::text, b.booking_start_at
    from (select booking as booking_id) n
    left join public.bookings b on b.booking_id = n.booking_id
    left join public.appointment_table a on a.session_id = n.booking_id
    where own_therapist is null
       or b.therapist_id = own_therapist
       or exists (
           select
           from public.all_clients_table c
           where c.client_id = a.client_id
             and c.therapist_id = own_therapist
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
    own_therapist text := internal.own_therapist_unless_owner();
    whole boolean := own_therapist is null or exists (
        select
        from public.all_clients_table c
        where c.client_id = client
          and c.therapist_id = own_therapist
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
      and (whole or b.therapist_id = own_therapist);
end
$$;

-- Whether the risk was high by the submitted note of the client's session before this one. For a therapist, of a session of
-- their own, and by the notes they may read: their own, and everybody's where the client is assigned to them.
create or replace function internal.was_high_before(client text, booking text) returns boolean
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
    whole boolean := own_therapist is null or exists (
        select
        from public.all_clients_table c
        where c.client_id = client
          and c.therapist_id = own_therapist
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
          and (own_therapist is null or this.therapist_id = own_therapist)
          and (whole or b.therapist_id = own_therapist)
          and (own.note_id is null or own.signed_at is not null)
          and (coalesce(b.booking_start_at, '-infinity'), b.booking_id)
              < (coalesce(this.booking_start_at, '-infinity'), this.booking_id)
        order by coalesce(b.booking_start_at, '-infinity') desc, b.booking_id desc, own.note_id is null,
                 coalesce(n.created_at, '-infinity') desc, n.note_id desc
        limit 1
    ), false);
end
$$;

-- The clients of whom any note says that the risk is high; for a therapist, those assigned to them.
create or replace function internal.clients_once_at_high_risk() returns setof text
    language plpgsql stable security definer rows 100
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
begin
    return query
    select distinct c.client_id::text
    from public.client_session_notes n
    join public.appointment_table a on a.session_id = n.booking_id
    join public.all_clients_table c on c.client_id = a.client_id
    where internal.risk_word(n.current_risk_level) = 'high'
      and (own_therapist is null or c.therapist_id = own_therapist);
end
$$;

-- The rows of the log that the therapist sees, of a period (null: unbounded).
create or replace function internal.own_audit_logs(since timestamp, before timestamp) returns setof integer
    language plpgsql stable security definer rows 1000
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
begin
    return query
    select l.log_id
    from public.audit_logs l
    where l.therapist_id = own_therapist
      and internal.audit_instant(l."timestamp") >= coalesce(since, '-infinity')
      and internal.audit_instant(l."timestamp") < coalesce(before, 'infinity')
      and l.is_visible is not false;
end
$$;

-- The names of colleagues, and nothing else of them.
create or replace function internal.account_name(account integer) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.own_therapist_unless_owner();
    return (select coalesce(u.full_name, u.name) from public.users u where u.id = account);
end
$$;

create or replace function internal.therapist_name(therapist text) returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.own_therapist_unless_owner();
    return (select t.name from public.therapists t where t.therapist_id = therapist limit 1);
end
$$;

-- Booking links. The page that one opens is read as `safestories_guest`, which has no rows but those about the therapist of the
-- link that the transaction names. Nobody names one whose token he does not have: it is named by the token's HMAC.

-- The therapist whose times the link of the transaction offers: that of its booking, once there is one.
create or replace function internal.linked_therapist() returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return (
        select coalesce(b.therapist_id, l.therapist_id)
        from internal.booking_links l
        left join internal.request_facts f on f.request_id = l.request_id
        left join public.bookings b
            on b.booking_id = coalesce(f.booking_id, l.attempt_id)
            and (f.booking_id is not null or internal.is_active(b.booking_status))
        where l.token_hash = any (string_to_array(current_setting('safestories.booking_link', true), ' ')::bytea[])
        limit 1
    );
end
$$;

-- The active bookings of therapists that were not paid in time and keep theirs no more: they block nothing, until they are
-- cancelled a moment later.
create or replace function internal.lapsed_bookings(at timestamptz, therapists text[])
    returns table (booking_id text, therapist_id text, is_ahead boolean)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return query
        select b.booking_id::text, b.therapist_id::text, b.booking_start_at > lapsed_bookings.at at time zone 'UTC'
        from internal.payment_links l
        join public.bookings b on b.booking_id = l.booking_id
        where l.holds_until <= lapsed_bookings.at
          and b.therapist_id = any (therapists)
          and internal.invitee_status(b.invitee_status) = 'waiting'
          and internal.is_active(b.booking_status);
end
$$;

-- What the link of the transaction opens at an instant; no row if nothing. Of the client it tells the first name only.
create or replace function internal.opened_link(at timestamptz) returns table (
    request_id integer, first_name text, therapist_id text, therapist_name text, session text, free boolean, amount numeric,
    currency text, expires_at timestamptz, booking_id text, start_at timestamp, end_at timestamp, updated_at timestamp,
    sequence integer, state text, mode text, zone text, pays_first boolean, is_attempt boolean, payment_url text,
    payment_until timestamptz, held_until timestamptz
)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return query
        select r.request_id,
               (regexp_match(coalesce(c.client_name, r.client_name), '\S+'))[1],
               t.therapist_id::text,
               t.name::text,
               coalesce(case when b.booking_id is null then r.therapy_type::text else b.booking_resource_name end, ''),
               case when b.booking_id is null then l.amount is null else coalesce(b.invitee_payment_amount, 0) = 0 end,
               case when b.booking_id is null then l.amount else b.invitee_payment_amount end,
               case when b.booking_id is null then l.currency else coalesce(b.invitee_payment_currency, 'INR') end,
               l.expires_at,
               b.booking_id,
               b.booking_start_at,
               v.end_at,
               greatest(b.booking_updated_at, b.invitee_created_at),
               (select v.sequence from internal.calendar_revisions v where v.booking_id = b.booking_id),
               internal.booking_state(
                   internal.booking_status(b.booking_status), b.booking_start_at, v.end_at, false,
                   opened_link.at at time zone 'UTC'
               ),
               b.booking_mode,
               b.invitee_timezone,
               exists (select from internal.scheduling_policy p where p.payment_by_link = 'required'),
               b.booking_id is not null and f.booking_id is null,
               p.short_url,
               p.expires_at,
               p.holds_until
        from internal.booking_links l
        join public.booking_requests r on r.request_id = l.request_id
        join internal.request_clients k on k.request_id = l.request_id
        join public.all_clients_table c on c.client_id = k.client_id
        left join internal.request_facts f on f.request_id = l.request_id
        -- What it has booked; or what was chosen by it and is to be paid, as long as that keeps its time.
        left join public.bookings b
            on b.booking_id = coalesce(f.booking_id, l.attempt_id)
            and (f.booking_id is not null
                 or internal.is_active(b.booking_status)
                 and not exists (
                     select
                     from internal.lapsed_bookings(opened_link.at, array[b.therapist_id::text]) o
                     where o.booking_id = b.booking_id
                 ))
        left join lateral (
            select o.short_url, o.expires_at, o.holds_until
            from internal.payment_links o
            where o.booking_id = b.booking_id
              and o.state in ('making', 'open')
              and o.cancel_asked_at is null
              and o.expires_at > opened_link.at
              and internal.invitee_status(b.invitee_status) = 'waiting'
              and internal.is_active(b.booking_status)
            limit 1
        ) p on true
        left join lateral (
            select internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                        b.invitee_payment_amount) as end_at
        ) v on true
        join public.therapists t on t.therapist_id = coalesce(b.therapist_id, l.therapist_id)
        where l.token_hash = any (string_to_array(current_setting('safestories.booking_link', true), ' ')::bytea[])
          and not exists (select from internal.clients e where e.client_id = k.client_id and e.erased_at is not null)
          and case
                  when b.booking_id is null then
                      f.booking_id is null and internal.request_status(r.status) = 'sent' and l.expires_at > opened_link.at
                  else v.end_at > opened_link.at at time zone 'UTC'
              end
        limit 1;
end
$$;
