-- The indexes of the twenty tables, and the functions that they call: each reads one kind of value of other programs.
--
-- A function that an index calls cannot be replaced while the index stands, so these are migrations; all others are in
-- `functions/`. Every function is total: it does not fail on any value another program left behind. Most are plain SQL
-- that PostgreSQL inlines, so a parameter that gets an expression is named once. Values of the type `text`, and amounts,
-- are cut or left out where they may be too long for an index entry, and no index is unique: no row of another program can
-- fail on one. pg_trgm is a trusted extension: the database's owner may create it.

create extension if not exists pg_trgm with schema internal;

-- Words

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

-- The progress of a refund, as a word of a closed set: `pending` where nothing was started.
create function internal.refund_state(word text) returns text
    language sql immutable parallel safe
    return case coalesce(internal.refund_status(word), 'pending')
        when 'pending' then 'pending'
        when 'requested' then 'requested'
        when 'initiated' then 'initiated'
        when 'processing' then 'processing'
        when 'failed' then 'failed'
        when 'completed' then 'completed'
        else 'unknown'
    end;

-- An empty word is `sent`, the column's default.
create function internal.request_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(lower(btrim(word)), '')
        when '' then 'sent'
        when 'sent' then 'sent'
        when 'booked' then 'booked'
        when 'expired' then 'expired'
        else word
    end;

-- An empty word is `pending`.
create function internal.form_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(translate(lower(btrim(word)), ' -', '__'), '')
        when '' then 'pending'
        when 'pending' then 'pending'
        when 'completed' then 'completed'
        when 'no_show' then 'no_show'
        when 'noshow' then 'no_show'
        else word
    end;

-- The risk level as a list may show it: the word, or that there is another text.
create function internal.risk_word(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word))
        when 'none' then 'none'
        when 'low' then 'low'
        when 'moderate' then 'moderate'
        when 'high' then 'high'
        when '' then null
        else case when word is null then null else 'other' end
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

-- Time and money

-- A booking without an amount, or with 0, is a free consultation; NaN, infinity and amounts beyond 30 digits are no amount.
create function internal.is_free(amount numeric) returns boolean
    language sql immutable parallel safe
    return coalesce(amount = 0 or abs(amount) >= 1e30, true);

-- Whether an amount counts as money: above 0, and a number that an answer can show. This also keeps amounts out of the
-- indexes that would be too long for an entry.
create function internal.is_money(amount numeric) returns boolean
    language sql immutable parallel safe
    return coalesce(amount > 0 and amount < 1e30 and scale(amount) <= 30, false);

-- The amount paid for a booking or by a payment, never negative: gross figures are sums of this.
create function internal.booking_paid(amount numeric) returns numeric
    language sql immutable parallel safe
    return case when internal.is_free(amount) then 0 else greatest(amount, 0) end;

-- The amount refunded: refunded figures are sums of this.
create function internal.booking_refunded(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) = 'completed' and not internal.is_free(amount) then greatest(amount, 0)
        else 0
    end;

-- The amount of a refund under way.
create function internal.booking_refunding(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) in ('initiated', 'processing') and not internal.is_free(amount)
            then greatest(amount, 0)
        else 0
    end;

-- The end of a session: its own, if that is after its start, else by its duration, else after 50 minutes (15 if free). It
-- is at most a day after the start, so that the sessions of an instant are found by start. A start beyond the calendar
-- stands for the end too; without a start there is no end.
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

-- The instant (UTC) that a text in `audit_logs.timestamp` names in ISO 8601. Text without an offset is India's time, as the
-- column's default is. A text that names no instant is long past, as everywhere. Intervals are added, since they take any
-- numbers: make_timestamp fails on the thirtieth of February.
create function internal.iso_instant(words text) returns timestamp
    language plpgsql immutable parallel safe
    set search_path = pg_catalog, pg_temp
as $$
declare
    part text[] := regexp_match(
        words,
        '^\s*([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]\s*([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s*'
            || '([Zz]|UTC|GMT|IST|[+-][0-9]{2}(?::?[0-9]{2})?)?\s*$'
    );
begin
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

-- The instant (UTC) that a text in `audit_logs.timestamp` names: `Tue, Jan 20, 2026, 11:05 AM IST`, or ISO 8601. The forms
-- that programs write are told by one look each, since an index works this out for every row written.
create function internal.audit_instant(words text) returns timestamp
    language sql immutable parallel safe
    return case
        when words ~ '^[A-Z][a-z][a-z], [A-Z][a-z][a-z] [0-9][0-9]?, [0-9]{4}, [0-9][0-9]?:[0-5][0-9] [AP]M IST$' then case
            when position(substr(words, 6, 3) in 'JanFebMarAprMayJunJulAugSepOctNovDec') % 3 = 1
                and rtrim(substr(words, 10, 2), ',')::integer between 1 and 31
                and split_part(split_part(words, ' ', 5), ':', 1)::integer between 1 and 12
            then timestamp '2000-01-01' + make_interval(
                left(split_part(words, ' ', 4), 4)::integer - 2000,
                position(substr(words, 6, 3) in 'JanFebMarAprMayJunJulAugSepOctNovDec') / 3,
                0,
                rtrim(substr(words, 10, 2), ',')::integer - 1,
                split_part(split_part(words, ' ', 5), ':', 1)::integer % 12
                    + case when words like '%PM IST' then 12 else 0 end,
                left(split_part(words, ':', 2), 2)::integer - 330
            )
            else '-infinity'
        end
        when translate(words, '123456789', '000000000') = '0000-00-00T00:00:00.000Z'
            and substr(words, 6, 2) between '01' and '12'
            and substr(words, 9, 2) between '01' and '31'
            and substr(words, 12, 2) <= '23'
            and substr(words, 15, 2) <= '59'
        then timestamp '2000-01-01' + make_interval(
            left(words, 4)::integer - 2000, substr(words, 6, 2)::integer - 1, 0, substr(words, 9, 2)::integer - 1,
            substr(words, 12, 2)::integer, substr(words, 15, 2)::integer, substr(words, 18, 2)::integer
        )
        else internal.iso_instant(words)
    end;

-- Phones and text

-- The ASCII digits of a text.
create function internal.digits(words text) returns text
    language sql immutable parallel safe
    return regexp_replace(words, '[^0-9]', '', 'g');

-- The last ten digits: different notations of one Indian number share them.
create function internal.phone_tail(phone text) returns text
    language sql immutable parallel safe
    return right(regexp_replace(phone, '[^0-9]', '', 'g'), 10);

-- Two phones are the same if this is: the digits with the country before them, without the zeros that are dialled before a
-- country, after one or in its place. A number of ten digits without a country is Indian. A number that is too short, or
-- one digit repeated, is no phone. (The last ten digits differ between `+971 (0)50 123 4567` and `+971501234567`, whose
-- national number has nine.)
create function internal.phone_key(phone text) returns text
    language sql immutable parallel safe
    return case
        when length(ltrim(internal.digits(phone), '0')) < 6 then null
        when btrim(regexp_replace(ltrim(internal.digits(phone), '0'), '^91', ''), right(internal.digits(phone), 1)) = ''
            then null
        when length(ltrim(internal.digits(phone), '0')) = 10
            and phone not like '%+%'
            and internal.digits(phone) not like '00%'
            then '91' || ltrim(internal.digits(phone), '0')
        else left(regexp_replace(
            ltrim(internal.digits(phone), '0'),
            '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]'
                || '|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])[0-9])0+',
            '\1'
        ), 20)
    end;

-- The text that `q=` searches: name, e-mail and the digits of the phone.
create function internal.search_text(name text, email text, phone text) returns text
    language sql immutable parallel safe
    return lower(coalesce(name, '')) || E'\n' || lower(coalesce(email, '')) || E'\n'
        || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g');

-- The text that `q=` searches, of payments and refunds.
create function internal.money_text(name text, email text, reference text) returns text
    language sql immutable parallel safe
    return lower(coalesce(name, '')) || E'\n' || lower(coalesce(email, '')) || E'\n' || lower(coalesce(reference, ''));

-- The words of a name for the search, each also without each one of its letters. Trigrams find a part of a name, but not a
-- short word with one letter wrong: `asja` shares two trigrams of eight with `asha`, less than any useful threshold. Two
-- words are at most a typo apart (a letter too many, too few, another one, or two swapped) only if they become equal when
-- at most one letter is taken from each. So names are indexed by these variants and looked up by the same.
--
-- Words stand between spaces and ASCII punctuation (not "letters": the vowel signs of Indian scripts are none to every C
-- library): the first twelve of a name, the first 24 characters of each; and all of them without the spaces, in case one
-- was forgotten. To compute them costs 70 µs a name.
create function internal.word_variants(words text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(
        select distinct case when i = 0 then word else left(word, i - 1) || substr(word, i + 1) end
        from (
            select left(word, 24) as word
            from regexp_split_to_table(lower(left(words, 255)), '[\s!-/:-@[-`{-~]+') word
            where length(word) > 1
            limit 12
        ) split
        cross join generate_series(0, length(word)) i
        union
        select left(regexp_replace(lower(left(words, 255)), '[\s!-/:-@[-`{-~]+', '', 'g'), 24)
        where words is not null
    );

-- Bookings

-- The lists of all and of one therapist, in each order offered.
create index bookings_by_start on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id);
create index bookings_by_therapist_start on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'), booking_id);
create index bookings_by_name on public.bookings (left(lower(coalesce(invitee_name, '')), 100), booking_id);
create index bookings_by_created on public.bookings (coalesce(invitee_created_at, '-infinity'), booking_id);
-- The tabs of cancelled bookings and no-shows: few rows, for which a walk by start alone would search the whole history.
create index bookings_off_by_start on public.bookings
    (coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.booking_status(booking_status) in ('cancelled', 'no_show');
create index bookings_off_by_therapist_start on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.booking_status(booking_status) in ('cancelled', 'no_show');
-- A therapist's occupied times and number of sessions ahead.
create index bookings_by_therapist_end on public.bookings
    (therapist_id, internal.booking_end(booking_start_at, booking_end_at, booking_duration, invitee_payment_amount))
    where internal.is_active(booking_status);
create index bookings_search on public.bookings
    using gin (internal.search_text(invitee_name, invitee_email, invitee_phone) internal.gin_trgm_ops);
-- Bookings whose payment is awaited stand among the payments, as pending.
create index bookings_awaiting_payment on public.bookings (booking_id)
    where internal.invitee_status(invitee_status) = 'waiting';
-- Bookings with a refund are few: the figures of refunds and the reconciliation look for them.
create index bookings_refunded on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.refund_status(refund_status) is not null;
-- Prefixes of ids and references, whatever the collation of the database.
create index bookings_id_prefix on public.bookings (left(lower(booking_id), 100) text_pattern_ops);
create index bookings_reference_prefix on public.bookings
    (left(lower(btrim(invitee_payment_reference_id)), 100) text_pattern_ops)
    where invitee_payment_reference_id is not null;

-- Notes, forms, cancellations and appointments

create index client_session_notes_of_booking on public.client_session_notes (booking_id);
-- Notes of a high risk: few of the many.
create index client_session_notes_high on public.client_session_notes (booking_id)
    where internal.risk_word(current_risk_level) = 'high';
create index client_session_notes_by_created on public.client_session_notes
    (coalesce(created_at, '-infinity'), note_id);
create index client_additional_notes_of_booking on public.client_additional_notes (booking_id);
create index client_additional_notes_by_created on public.client_additional_notes
    (coalesce(created_at, '-infinity'), note_id);
create index client_additional_notes_by_therapist on public.client_additional_notes
    (therapist_id, coalesce(created_at, '-infinity'), note_id);
create index client_doc_form_of_booking on public.client_doc_form (booking_id);
create index client_doc_form_by_status on public.client_doc_form (internal.form_status(status), link_id);
create index booking_cancelled_of_booking on public.booking_cancelled (booking_id);
create index booking_cancelled_by_time on public.booking_cancelled (coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_who on public.booking_cancelled
    (left(lower(btrim(cancelled_by)), 100), coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_name on public.booking_cancelled (left(lower(coalesce(invitee_name, '')), 100), id);
create index booking_cancelled_search on public.booking_cancelled
    using gin (internal.search_text(invitee_name, invitee_email, invitee_number) internal.gin_trgm_ops);
create index appointments_of_client on public.appointment_table (client_id, session_id);
-- The clients of a therapist, read from the appointments alone; and appointments whose therapist only the booking names.
create index appointments_of_therapist on public.appointment_table (therapist_id, client_id);
create index appointments_of_nobody on public.appointment_table (session_id) where therapist_id is null;
create index appointments_by_start on public.appointment_table (coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_therapist_start on public.appointment_table
    (therapist_id, coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_name on public.appointment_table (left(lower(coalesce(client_name, '')), 100), session_id);
-- `contact_info` is a phone or an e-mail address.
create index appointments_search on public.appointment_table
    using gin (internal.search_text(client_name, contact_info, contact_info) internal.gin_trgm_ops);
-- Finds the one appointment of a booking without sorting; where a session stands twice, there is no primary key.
create index appointments_of_session on public.appointment_table (session_id, client_id);

-- Payments and refunds

create index payments_of_booking on public.payments (booking_id);
create index refund_cancellation_of_booking on public.refund_cancellation_table (session_id);
-- Payments, in each order offered, and by each filter.
create index payments_by_date on public.payments (coalesce(payment_date, '-infinity'), payment_id);
create index payments_by_amount on public.payments (round(internal.booking_paid(amount), 2), payment_id);
create index payments_by_name on public.payments (left(lower(coalesce(invitee_name, '')), 100), payment_id);
create index payments_search on public.payments
    using gin (internal.money_text(invitee_name, invitee_email, payment_reference_id) internal.gin_trgm_ops);
create index payments_by_reference on public.payments (left(lower(btrim(payment_reference_id)), 100))
    where payment_reference_id is not null;
-- Payments with a refund are few, and looked for by its progress.
create index payments_refunded on public.payments
    (internal.refund_state(refund_status), coalesce(payment_date, '-infinity'), payment_id)
    where internal.refund_status(refund_status) is not null;
-- Pending payments are fewer still.
create index payments_without_amount on public.payments (payment_id) where internal.booking_paid(amount) = 0;
create index payments_without_booking on public.payments (payment_id) where booking_id is null;
-- Refunds, likewise.
create index refunds_by_state on public.refund_cancellation_table (internal.refund_state(refund_status), id);
create index refunds_by_session on public.refund_cancellation_table (coalesce(session_timings, '-infinity'), id);
create index refunds_by_name on public.refund_cancellation_table (left(lower(coalesce(client_name, '')), 100), id);
create index refunds_of_client on public.refund_cancellation_table (client_id, id);
create index refunds_search on public.refund_cancellation_table
    using gin (internal.money_text(client_name, refund_id, payment_id) internal.gin_trgm_ops);
create index refunds_of_payment on public.refund_cancellation_table (payment_id);

-- Clients and therapists

create index all_clients_by_email on public.all_clients_table (lower(btrim(email_id)));
create index all_clients_of_therapist on public.all_clients_table (therapist_id);
create index all_clients_by_phone_key on public.all_clients_table (internal.phone_key(phone_number));
-- The orders of the list.
create index all_clients_by_name on public.all_clients_table
    (left(lower(coalesce(client_name, '')), 100), client_id);
create index all_clients_by_sessions on public.all_clients_table (coalesce(no_of_sessions, 0), client_id);
create index all_clients_search on public.all_clients_table
    using gin (internal.search_text(client_name, email_id, phone_number) internal.gin_trgm_ops);
-- Without fastupdate: every search would read the pending list from end to end.
create index all_clients_words on public.all_clients_table
    using gin (internal.word_variants(client_name)) with (fastupdate = off);
create index all_clients_name_prefix on public.all_clients_table
    (left(lower(coalesce(client_name, '')), 100) text_pattern_ops);
create index all_clients_id_prefix on public.all_clients_table (left(lower(client_id), 100) text_pattern_ops);
-- Transfers of other programs do not say which client they are about.
create index client_transfer_history_by_phone_key on public.client_transfer_history
    (internal.phone_key(client_phone));
-- The list of transfers, in each order offered, and by each filter.
create index client_transfers_by_date on public.client_transfer_history
    (coalesce(transfer_date, '-infinity'), transfer_id);
create index client_transfers_by_name on public.client_transfer_history
    (left(lower(coalesce(client_name, '')), 100), transfer_id);
create index client_transfers_from on public.client_transfer_history (from_therapist_id, transfer_id);
create index client_transfers_to on public.client_transfer_history (to_therapist_id, transfer_id);
create index client_transfers_search on public.client_transfer_history
    using gin (internal.search_text(client_name, client_email, client_phone) internal.gin_trgm_ops);
create index therapists_words on public.therapists
    using gin (internal.word_variants(name)) with (fastupdate = off);
create index therapist_resources_of_therapist on public.therapist_resources (therapist_id, id);
create index therapist_clients_summary_of_therapist on public.therapist_clients_summary (therapist_id);
create index therapist_appointments_cache_of_therapist on public.therapist_appointments_cache (therapist_id);
create index users_of_therapist on public.users (therapist_id);

-- Requests

create index booking_requests_by_created on public.booking_requests (coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_name on public.booking_requests (left(lower(client_name), 100), request_id);
create index booking_requests_by_status on public.booking_requests
    (internal.request_status(status), coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_therapist on public.booking_requests
    (lower(btrim(therapist_name)), coalesce(created_at, '-infinity'), request_id);
-- Requests whose booking may have arrived: those of other programs are linked to no client.
create index booking_requests_by_phone on public.booking_requests (internal.phone_tail(client_whatsapp));
create index booking_requests_search on public.booking_requests
    using gin (internal.search_text(client_name, client_email, client_whatsapp) internal.gin_trgm_ops);

-- Notifications and the audit log

create index notifications_of_user on public.notifications (user_id, notification_id);
create index audit_logs_of_therapist on public.audit_logs (therapist_id, log_id);
-- Ten million rows: newest first by the key; of one kind, of one therapist and kind, of one client as the rows name them,
-- of a period.
create index audit_logs_by_action on public.audit_logs (action_type, log_id);
create index audit_logs_by_therapist_action on public.audit_logs (therapist_id, action_type, log_id)
    where therapist_id is not null;
create index audit_logs_by_client_name on public.audit_logs (lower(btrim(client_name)), log_id);
create index audit_logs_by_instant on public.audit_logs (internal.audit_instant("timestamp"), log_id);
create index audit_logs_hidden on public.audit_logs (log_id) where is_visible is false;
-- A user's notifications: the unread ones, which are few, and those of one kind.
create index notifications_unread on public.notifications (user_id, notification_id) where is_read is not true;
create index notifications_by_type on public.notifications (user_id, notification_type, notification_id);
-- The notifications about a booking, a transfer, a request.
create index notifications_by_related on public.notifications (related_id) where related_id is not null;
