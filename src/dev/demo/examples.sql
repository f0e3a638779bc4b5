-- The rows that the examples of the OpenAPI document are about, so that each operation does something when it is tried as
-- it stands there.
--
-- Their ids are those of the examples (`src/domain/ids.rs`, `src/api/examples.rs`, and the bodies'). Serial numbers are 9001
-- and 9002, above those of the rows made by chance, and go on after 9999. Written as the server writes, they are no
-- arrivals; the caches are rebuilt afterwards. `demo` has the instant of the load, `demo_user` the accounts.

set local safestories.writer = 'server';

-- The first therapist holds the sessions. Of the others, one can retire and one return.
insert into therapists (therapist_id, name, specialization, contact_info, created_at)
select 'th_0199c0de00007000800000000000000' || letter, name, 'Individual Therapy', contact, opened
from demo, (values ('a', 'Leela Thomas', '+919700099001'), ('b', 'Uday Bose', '+919700099002')) v (letter, name, contact);
insert into internal.retirements (therapist_id, retired_at)
select 'th_0199c0de00007000800000000000000b', midnight at time zone 'UTC' from demo;

-- A client, and another record of the same person.
insert into all_clients_table (client_id, client_name, phone_number, email_id, therapist_id, assigned_therapist)
select 'cl_0199c0de00007000800000000000000' || letter, v.name, phone, email, t.therapist_id, t.name
from (values ('b', 'Meera Iyer', '+919800012345', 'meera.iyer@example.org', '58701'),
             ('c', 'Meera R. Iyer', '+919800054321', null, null)) v (letter, name, phone, email, assigned)
left join therapists t on t.therapist_id = assigned;
insert into internal.clients (client_id, created_at)
select 'cl_0199c0de00007000800000000000000' || letter, midnight at time zone 'UTC' - interval '90 days'
from demo, unnest('{b,c}'::text[]) letter;

-- Sessions: ahead and paid; over since the last hour and not paid yet; cancelled though it is ahead, with a refund under way;
-- over with a draft of a note; over with a signed one.
create temporary table demo_example on commit drop as
select 'bk_0199c0de00007000800000000000000' || letter as booking_id, start_at, status, paid, t.therapist_id, t.name as host
from demo, therapists t,
     lateral (values ('a', midnight + interval '400 days 10 hours', 'confirmed', true),
                     ('b', date_trunc('hour', now) - interval '2 hours', 'confirmed', false),
                     ('c', midnight + interval '401 days 10 hours', 'cancelled', true),
                     ('d', midnight - interval '1 day 16 hours', 'confirmed', true),
                     ('e', midnight - interval '8 days 16 hours', 'completed', true)) v (letter, start_at, status, paid)
where t.therapist_id = '58701';

insert into bookings (
    invitee_id, invitee_name, invitee_phone, invitee_email, invitee_timezone, invitee_created_at, invitee_cancelled_at,
    invitee_status, invitee_payment_name, invitee_payment_currency, invitee_payment_amount, booking_updated_at,
    booking_subject, booking_status, booking_resource_name, booking_mode, booking_host_name, booking_start_at,
    booking_end_at, booking_duration, booking_cancelled_by, booking_cancel_reason, booking_id, refund_amount, refund_status,
    refund_id, therapist_id, booking_invitee_time)
select 'inv_' || booking_id, 'Meera Iyer', '+919800012345', 'meera.iyer@example.org', 'Asia/Kolkata',
       midnight - interval '20 days', case when cancelled then midnight - interval '1 hour' end,
       case when cancelled then 'cancelled' when paid then 'confirmed' else 'waiting' end, 'Individual Therapy Session',
       'INR', 1700.00, midnight - interval '1 hour', 'Individual Therapy Session with ' || host, status,
       'Individual Therapy Session', 'google_meet', host, start_at, start_at + interval '50 minutes', 50,
       case when cancelled then 'client' end, case when cancelled then 'Travelling that week' end, booking_id,
       case when cancelled then 1700.00 end, case when cancelled then 'initiated' end,
       case when cancelled then 'rfnd_demo_example' end, therapist_id,
       pg_temp.invitee_time(start_at, 50, interval '5:30')
from demo, demo_example, lateral (select status = 'cancelled') c (cancelled);
insert into appointment_table (session_id, client_id, therapist_id, therapist_name)
select booking_id, 'cl_0199c0de00007000800000000000000b', therapist_id, host from demo_example;

-- Their money.
insert into payments (
    payment_id, booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
    payment_gateway_name, refund_amount, refund_initiation_date, refund_status, refund_id, created_at, updated_at)
select 9000 + row_number() over (order by booking_id), booking_id, 'Meera Iyer', 'meera.iyer@example.org',
       'pay_demo_' || booking_id, 1700.00, 'INR', paid_at, 'Razorpay', case when cancelled then 1700.00 end,
       case when cancelled then midnight - interval '1 hour' end, case when cancelled then 'initiated' end,
       case when cancelled then 'rfnd_demo_example' end, paid_at, paid_at
from demo, demo_example, lateral (select status = 'cancelled', midnight - interval '20 days') c (cancelled, paid_at)
where paid;
insert into booking_cancelled (
    id, booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by, cancel_reason,
    created_at)
select 9001, booking_id, invitee_id, invitee_name, invitee_phone, invitee_email, invitee_cancelled_at, booking_cancelled_by,
       booking_cancel_reason, invitee_cancelled_at
from bookings
where booking_id = 'bk_0199c0de00007000800000000000000c';
insert into refund_cancellation_table (
    id, client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id)
select 9001, 'cl_0199c0de00007000800000000000000b', b.invitee_name, booking_id, booking_resource_name, booking_start_at,
       payment_id::text, 'initiated', 'rfnd_demo_example'
from bookings b
join payments using (booking_id)
where booking_id = 'bk_0199c0de00007000800000000000000c';

-- Their notes, of the first therapist's account: a draft, a signed one, and an additional note that was just written.
insert into client_session_notes (
    note_id, booking_id, client_name, session_timing, host_name, session_status, concerns_discussed, current_risk_level,
    created_at, updated_at)
select 9000 + row_number() over (order by booking_id), booking_id, 'Meera Iyer', pg_temp.ist_text(start_at), host,
       'Completed', 'Sleeps badly before presentations.', 'low', written, written
from demo_example, lateral (select start_at + interval '2 hours') w (written)
where booking_id ~ '[de]$';
insert into internal.session_notes (note_id, booking_id, author_id, started_at, signed_at)
select note_id, booking_id, author, created_at at time zone 'UTC',
       case when signed then created_at at time zone 'UTC' end
from client_session_notes, (select id from demo_user where number = 0) u (author),
     lateral (select note_id = 9002) s (signed)
where note_id > 9000;
insert into internal.note_versions (note_id, version, saved_at, author_id, event, changes)
select note_id, version, started_at, author_id, event,
       case version when 1 then '{"concerns_discussed": {"from": null, "to": "Sleeps badly before presentations."},
                                  "current_risk_level": {"from": null, "to": "low"}}' else '{}' end::jsonb
from internal.session_notes, (values (1, 'created'), (2, 'signed')) v (version, event)
where note_id > 9000
  and (version = 1 or signed_at is not null);
insert into client_additional_notes (
    note_id, booking_id, therapist_id, therapist_name, note_text, created_at, updated_at)
select 9001, booking_id, therapist_id, host, 'Asked to move to evenings next month.', now, now
from demo, demo_example
where booking_id = 'bk_0199c0de00007000800000000000000d';

-- What else is about the client: a form, a link to book, entries of the log, notifications, a grant to read that another
-- admin had.
insert into client_doc_form (link_id, booking_id, paperform_link, status)
values (9001, 'bk_0199c0de00007000800000000000000a', 'https://forms.example.org/intake/meera', 'pending');
insert into booking_requests (
    request_id, client_name, client_whatsapp, client_email, therapy_type, therapist_name, booking_link, status, created_at)
select 9001, 'Meera R. Iyer', '+919800054321', null, 'Individual Therapy', name, 'https://booking.example.org/58701/meera',
       'sent', midnight
from demo, therapists
where therapist_id = '58701';
insert into internal.request_clients (request_id, client_id) values (9001, 'cl_0199c0de00007000800000000000000c');
insert into audit_logs (log_id, therapist_id, therapist_name, action_type, action_description, client_name, "timestamp")
select 9000 + n, therapist_id, name, 'copy_appointment', 'Copied the details of booking bk_0199c0de00007000800000000000000a',
       'Meera Iyer', pg_temp.ist_text(midnight)
from demo, therapists, generate_series(1, 2) n
where therapist_id = '58701';
insert into notifications (notification_id, user_id, user_role, notification_type, title, message, related_id, created_at)
select 9000 + place, u.id, role, 'new_booking', 'New booking', 'Meera Iyer booked Individual Therapy Session',
       'bk_0199c0de00007000800000000000000a', now + interval '5:30'
from demo, (values (1, 'admin', -2), (2, 'therapist', 0)) v (place, role, number)
join demo_user u using (number);
insert into internal.break_glass_grants (client_id, user_id, reason, opened_at, expires_at)
select client_id, u.id, 'The therapist is in hospital', opened_at, opened_at + interval '1 hour'
from demo, demo_user u, all_clients_table c, lateral (select midnight at time zone 'UTC' - interval '1 day') o (opened_at)
where u.number = -1
  and c.client_id = 'CL-000001';

-- When their therapist takes sessions: another day than usual, rules, and a time that is held.
insert into internal.availability_overrides (therapist_id, day, time_zone, hours)
values ('58701', '2026-02-04', 'Asia/Kolkata', '[{"from": "08:00", "to": "21:00"}]');
insert into internal.scheduling_rules (therapist_id, kind, length_minutes) values ('', 'free consultation', 15);
insert into internal.holds (hold_id, therapist_id, starts_at, ends_at, expires_at, held_by, held_at)
overriding system value
select 9001, '58701', start_at, start_at + interval '50 minutes', at + interval '1 hour', u.id, at
from demo, demo_user u,
     lateral (select now at time zone 'UTC', (midnight + interval '402 days 10 hours') at time zone 'UTC') h (at, start_at)
where u.number = -2;

-- What the tokens of the examples open: the first admin's session, the therapist's calendar, and a link by which another
-- therapist sets a password. A fourth account waits for its review.
insert into internal.sessions (session_id, user_id, created_at, last_used_at, expires_at)
select '0199c0de-0000-7000-8000-000000000000', id, loaded, loaded, loaded + interval '30 days'
from demo, demo_user, lateral (select now at time zone 'UTC') n (loaded)
where number = -2;
insert into internal.refresh_tokens (token_hash, session_id, issued_at)
select sha256('dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIHdyaXR0ZW4'), session_id, created_at
from internal.sessions;
insert into internal.calendar_links (user_id, therapist_id, token_hash, created_at)
select id, '58701', sha256('R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU'), now at time zone 'UTC'
from demo, demo_user
where number = 0;
insert into internal.account_links (user_id, token_hash, expires_at)
select id, sha256('R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU'), now at time zone 'UTC' + interval '1 day'
from demo, demo_user
where number = 1;
insert into internal.account_changes (user_id, kind, changed_by, changed_at, therapist_id, needs_review)
select reset.id, 'password_reset', admin.id, now at time zone 'UTC' - interval '1 hour', '58703', true
from demo, demo_user reset, demo_user admin
where reset.number = 2
  and admin.number = -1;

-- New rows come after these.
select setval(pg_get_serial_sequence(format('public.%I', table_name), column_name), 9999)
from information_schema.columns
where table_schema = 'public'
  and table_name in ('payments', 'booking_cancelled', 'refund_cancellation_table', 'client_session_notes',
                     'client_additional_notes', 'client_doc_form', 'booking_requests', 'audit_logs', 'notifications')
  and column_default like 'nextval(%';

-- Where a service sends its messages, and one that says the same as the tables.
insert into internal.inbound_endpoints (endpoint_id, public_id, name, source, mode, created_at)
overriding system value
select 9001, 'demo', 'Bookings', 'dayschedule', 'shadow', midnight at time zone 'UTC' from demo;
insert into internal.inbound_secrets (endpoint_id, hash, created_at)
select 9001, sha256(word::bytea), midnight at time zone 'UTC' from demo, unnest('{former,present}'::text[]) word;
insert into internal.inbox (message_id, endpoint_id, key, event, subject, booking_id, received_at, state, done_at)
overriding system value
select 9001, 9001, '1', 'confirmed', 'booking bk_0199c0de00007000800000000000000a', 'bk_0199c0de00007000800000000000000a',
       midnight at time zone 'UTC', 'same', midnight at time zone 'UTC'
from demo;

-- A message to a client of which nobody knows whether it arrived.
insert into internal.messages (message_id, kind, booking_id, start_at, state, reason, channel, tries, created_at, done_at)
overriding system value
select 9001, 'confirmation', b.booking_id, b.booking_start_at at time zone 'UTC', 'unclear', 'no_answer', 'whatsapp', 1,
       midnight at time zone 'UTC', midnight at time zone 'UTC'
from demo
join bookings b on b.booking_id = 'bk_0199c0de00007000800000000000000a';
