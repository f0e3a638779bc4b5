-- Requests, forms, appointments, cancellations and the metadata of notes: how their words are read, what a request's row
-- cannot say, and the indexes their lists stand on.
--
-- As in 0004: the functions are total, and no index can fail on a row that another program wrote. Columns of the type
-- `text` are cut where they are sorted or compared by, since they may be longer than an index entry can be.

-- Nothing said is `pending`. (The client's timeline reads forms by it too, and may have brought it along.)
create or replace function internal.form_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(translate(lower(btrim(word)), ' -', '__'), '')
        when '' then 'pending'
        when 'pending' then 'pending'
        when 'completed' then 'completed'
        when 'no_show' then 'no_show'
        when 'noshow' then 'no_show'
        else word
    end;

-- Nothing said is `sent`, as the column's default has it.
create function internal.request_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(lower(btrim(word)), '')
        when '' then 'sent'
        when 'sent' then 'sent'
        when 'booked' then 'booked'
        when 'expired' then 'expired'
        else word
    end;

-- What a row of public.booking_requests cannot say. No row: sent once, and no booking is known that came of it.
create table internal.request_facts (
    request_id integer primary key,
    resent     integer not null default 0,
    resent_at  timestamptz,
    -- The booking that made it `booked`.
    booking_id text
);

create index booking_requests_by_created on public.booking_requests (coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_name on public.booking_requests (left(lower(client_name), 100), request_id);
create index booking_requests_by_status on public.booking_requests
    (internal.request_status(status), coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_therapist on public.booking_requests
    (lower(btrim(therapist_name)), coalesce(created_at, '-infinity'), request_id);
-- Whose booking may have arrived: requests of other programs are linked to no client.
create index booking_requests_by_phone on public.booking_requests (internal.phone_tail(client_whatsapp));
create index booking_requests_search on public.booking_requests
    using gin (internal.search_text(client_name, client_email, client_whatsapp) internal.gin_trgm_ops);

create index client_doc_form_by_status on public.client_doc_form (internal.form_status(status), link_id);

create index appointments_by_start on public.appointment_table (coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_therapist_start on public.appointment_table
    (therapist_id, coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_name on public.appointment_table (left(lower(coalesce(client_name, '')), 100), session_id);
-- `contact_info` is a phone or an e-mail address.
create index appointments_search on public.appointment_table
    using gin (internal.search_text(client_name, contact_info, contact_info) internal.gin_trgm_ops);

create index booking_cancelled_by_time on public.booking_cancelled (coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_who on public.booking_cancelled
    (left(lower(btrim(cancelled_by)), 100), coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_name on public.booking_cancelled (left(lower(coalesce(invitee_name, '')), 100), id);
create index booking_cancelled_search on public.booking_cancelled
    using gin (internal.search_text(invitee_name, invitee_email, invitee_number) internal.gin_trgm_ops);

create index client_session_notes_by_created on public.client_session_notes
    (coalesce(created_at, '-infinity'), note_id);
create index session_notes_unsigned on internal.session_notes (note_id) where signed_at is null;
create index client_additional_notes_by_created on public.client_additional_notes
    (coalesce(created_at, '-infinity'), note_id);
create index client_additional_notes_by_therapist on public.client_additional_notes
    (therapist_id, coalesce(created_at, '-infinity'), note_id);
