-- How the words of the 20 tables are read, each in one function, and the indexes that lists and rules stand on.
--
-- Every function is total: it must not fail on any value another program left behind, since indexes call it. They are
-- plain SQL, used so that PostgreSQL inlines them: a parameter that gets an expression is named once.
-- pg_trgm is a trusted extension: the database's owner may create it.

create extension if not exists pg_trgm with schema internal;

-- `Cancelled`, `canceled`, `no show`, `no-show`... as the written word; an unknown word stays as it is.
create function internal.booking_status(word text) returns text
    language sql immutable parallel safe
    return case translate(lower(btrim(word)), ' -', '__')
        when 'confirmed' then 'confirmed'
        when 'rescheduled' then 'rescheduled'
        when 'cancelled' then 'cancelled'
        when 'canceled' then 'cancelled'
        when 'no_show' then 'no_show'
        when 'noshow' then 'no_show'
        when 'completed' then 'completed'
        else word
    end;

create function internal.invitee_status(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word))
        when 'confirmed' then 'confirmed'
        when 'waiting' then 'waiting'
        when 'cancelled' then 'cancelled'
        when 'canceled' then 'cancelled'
        else word
    end;

-- `Pending` and empty mean that nothing was started.
create function internal.refund_status(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word))
        when 'initiated' then 'initiated'
        when 'processing' then 'processing'
        when 'completed' then 'completed'
        when 'processed' then 'completed'
        when 'failed' then 'failed'
        when 'requested' then 'requested'
        when 'pending' then null
        when '' then null
        else word
    end;

create function internal.booking_mode(word text) returns text
    language sql immutable parallel safe
    return case
        when word is null then 'google_meet'
        when translate(lower(btrim(word)), ' -', '__') in ('google_meet', 'googlemeet', 'online') then 'google_meet'
        when translate(lower(btrim(word)), ' -', '__') = 'physical' then 'in_person'
        when translate(lower(btrim(word)), ' -', '__') like 'in\_person%' then 'in_person'
        when lower(btrim(word)) = 'phone' then 'phone'
        else word
    end;

-- Active bookings take up a therapist's time and count as a client's sessions.
create function internal.is_active(booking_status text) returns boolean
    language sql immutable parallel safe
    return case translate(lower(btrim(booking_status)), ' -', '__')
        when 'cancelled' then false
        when 'canceled' then false
        when 'no_show' then false
        when 'noshow' then false
        else true
    end;

-- A booking without an amount, or with 0, is a free consultation; what is no number or beyond 30 digits is none.
create function internal.is_free(amount numeric) returns boolean
    language sql immutable parallel safe
    return coalesce(amount = 0 or abs(amount) >= 1e30, true);

-- When a session ends: as said, if that is after its start, else by its duration, else after 50 minutes (15 if free). At
-- most a day after its start, so that what runs at an instant is found by start. A start beyond the calendar stands for
-- the end too; without a start there is no end.
create function internal.booking_end(start_at timestamp, end_at timestamp, minutes integer, amount numeric)
    returns timestamp
    language sql immutable parallel safe
    return case
        when start_at between '0001-01-01' and '9999-12-30' then least(
            coalesce(
                case when end_at > start_at and end_at <= '9999-12-31' then end_at end,
                start_at + interval '1 minute' * least(greatest(coalesce(
                    minutes,
                    case when internal.is_free(amount) then 15 else 50 end
                ), 0), 1440)
            ),
            start_at + interval '1 day'
        )
        else start_at
    end;

-- The state of a booking; `status` is the written word, `noted` whether a session note was submitted. A start that is
-- not known counts as long past, as it does in every order and period.
create function internal.booking_state(status text, start_at timestamp, end_at timestamp, noted boolean, at timestamp)
    returns text
    language sql immutable parallel safe
    return case status
        when 'cancelled' then 'cancelled'
        when 'no_show' then 'no_show'
        when 'completed' then 'completed'
        else case
            when noted then 'completed'
            when start_at is null then 'pending_notes'
            when end_at <= at then 'pending_notes'
            when start_at <= at then 'live'
            else 'scheduled'
        end
    end;

-- The clients whose contact data a therapist sees: those assigned to them, and those with an active session with them
-- ahead. A set, so that PostgreSQL inlines it and looks up one client by index.
create function internal.contact_clients(therapist text, at timestamp) returns setof text
    language sql stable parallel safe
begin atomic
    select c.client_id
    from public.all_clients_table c
    where c.therapist_id = therapist
    union all
    select a.client_id
    from public.appointment_table a
    join public.bookings b on b.booking_id = a.session_id
    where b.therapist_id = therapist
      and internal.is_active(b.booking_status)
      and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                               b.invitee_payment_amount) > at;
end;

create function internal.digits(words text) returns text
    language sql immutable parallel safe
    return regexp_replace(words, '[^0-9]', '', 'g');

-- The national number, which is what different notations of one Indian number share.
create function internal.phone_tail(phone text) returns text
    language sql immutable parallel safe
    return right(regexp_replace(phone, '[^0-9]', '', 'g'), 10);

-- What `q=` looks into: name, e-mail and the digits of the phone.
create function internal.search_text(name text, email text, phone text) returns text
    language sql immutable parallel safe
    return lower(coalesce(name, '')) || E'\n' || lower(coalesce(email, '')) || E'\n'
        || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g');

-- Bookings: the lists of all and of one therapist, in each order offered.
create index bookings_by_start on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id);
create index bookings_by_therapist_start on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'), booking_id);
-- Cut, because another program's name may be longer than an index entry can be.
create index bookings_by_name on public.bookings (left(lower(coalesce(invitee_name, '')), 100), booking_id);
create index bookings_by_created on public.bookings (coalesce(invitee_created_at, '-infinity'), booking_id);
-- The tabs of what did not take place: few rows, which a walk by start alone would search the whole history for.
create index bookings_off_by_start on public.bookings
    (coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.booking_status(booking_status) in ('cancelled', 'no_show');
create index bookings_off_by_therapist_start on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.booking_status(booking_status) in ('cancelled', 'no_show');
-- Who is busy when, and who has how much ahead.
create index bookings_by_therapist_end on public.bookings
    (therapist_id, internal.booking_end(booking_start_at, booking_end_at, booking_duration, invitee_payment_amount))
    where internal.is_active(booking_status);
create index bookings_search on public.bookings
    using gin (internal.search_text(invitee_name, invitee_email, invitee_phone) internal.gin_trgm_ops);

-- What belongs to a booking.
create index client_session_notes_of_booking on public.client_session_notes (booking_id);
create index client_additional_notes_of_booking on public.client_additional_notes (booking_id);
create index client_doc_form_of_booking on public.client_doc_form (booking_id);
create index payments_of_booking on public.payments (booking_id);
create index booking_cancelled_of_booking on public.booking_cancelled (booking_id);
create index refund_cancellation_of_booking on public.refund_cancellation_table (session_id);

-- Who is a client, and which bookings are theirs.
create index all_clients_by_phone on public.all_clients_table (internal.phone_tail(phone_number));
create index all_clients_by_email on public.all_clients_table (lower(btrim(email_id)));
create index all_clients_of_therapist on public.all_clients_table (therapist_id);
create index appointments_of_client on public.appointment_table (client_id, session_id);

-- A therapist's, a user's.
create index therapist_clients_summary_of_therapist on public.therapist_clients_summary (therapist_id);
create index therapist_appointments_cache_of_therapist on public.therapist_appointments_cache (therapist_id);
create index notifications_of_user on public.notifications (user_id, notification_id);
create index audit_logs_of_therapist on public.audit_logs (therapist_id, log_id);
create index users_of_therapist on public.users (therapist_id);
