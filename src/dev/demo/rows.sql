-- The rows of the events in `demo_batch`.
--
-- Values that a row repeats from another (names, times, refunds, cache figures) come from the same facts, so that the
-- tables agree. A note without a row in `internal.session_notes` was written by another program, so it is submitted.

analyze demo_batch (event, kind);

insert into all_clients_table (client_id, client_name, phone_number, email_id, no_of_sessions, therapist_id, assigned_therapist)
select client_id, b.name, b.phone, b.email, sessions, assigned, t.name
from demo_batch b
left join demo_therapist t on t.id = assigned
where first and kind = 'booked' or kind = 'requested' and b.number is null
order by event;

insert into internal.clients (client_id, created_at, possible_duplicate_of)
select client_id, known_at at time zone 'UTC', duplicate_of
from demo_batch
where first and kind = 'booked' or kind = 'requested' and number is null
order by event;

insert into bookings (
    invitee_id, invitee_name, invitee_phone, invitee_email, invitee_question, invitee_token, invitee_country,
    invitee_city, invitee_timezone, invitee_created_at, invitee_cancelled_at, invitee_cancelled_reason,
    invitee_status, invitee_payment_reference_id, invitee_payment_gateway, invitee_payment_name,
    invitee_payment_currency, invitee_payment_amount, booking_user_id, booking_updated_at, booking_subject,
    booking_status, booking_resource_id, booking_resource_type, booking_resource_name, booking_checkin_url,
    booking_mode, booking_joining_link, booking_invitee_time, booking_host_user_id, booking_host_name,
    booking_host_phone, booking_host_email, booking_start_at, booking_end_at, booking_duration,
    booking_cancelled_by, booking_cancel_reason, booking_id, booking_account_id, refund_amount, refund_status,
    refund_failed_time, rescheduled_at, rescheduled_start_at, rescheduled_end_at, recheduled_from,
    emergency_contact_name, emergency_contact_relation, emergency_contact_number, therapist_id, refund_id)
select 'inv_' || pg_temp.token('invitee', number), name, typed_phone, email,
       case when pg_temp.lot('asked', number, 4) = 0 then pg_temp.pick('questions', number) end,
       pg_temp.token('token', number), country, city, zone, created_at, cancelled_at, reason, invitee_status,
       case when paid then reference end, case when paid then 'Razorpay' end, case when not free then offer end,
       case when not free then 'INR' end, amount, 'usr_' || host_id,
       coalesce(cancelled_at, noted_at, moved_at, created_at), offer || ' with ' || host, status, offer_id, 'event', offer,
       'https://booking.example.org/checkin/' || id, mode,
       case when internal.booking_mode(mode) = 'google_meet'
           then 'https://meet.example.org/' || left(pg_temp.token('token', number), 10) end,
       time_text, host_id, host, host_phone, host_email, start_at, end_at, minutes, case when reason is not null then cancelled_by end,
       reason, id, 'acc_demo', refunded, refund, case when failed then settled_at end, moved_at,
       case when moved_at is not null then start_at end, case when moved_at is not null then end_at end, moved_from,
       emergency_name, emergency_relation, emergency_number, therapist_id,
       case when refund <> 'requested' then 'rfnd_demo' || lpad((number + 1)::text, 9, '0') end
from demo_batch,
     lateral (select case when cancelled_at is not null then pg_temp.in_turn('reasons', number) end) r (reason),
     lateral (select 'pay_demo' || lpad((number + 1)::text, 9, '0')) p (reference)
where kind = 'booked'
order by event;

insert into appointment_table (
    session_id, session_timings, session_name, session_mode, client_id, client_name, contact_info, therapist_id,
    therapist_name)
select id, start_at, offer, internal.booking_mode(mode), client_id, name, coalesce(typed_phone, email), therapist_id, host
from demo_batch
where kind = 'booked'
order by event;

insert into payments (
    payment_id, booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
    payment_gateway_name, refund_amount, refund_initiation_date, refund_status, refund_failed_date, created_at,
    updated_at, refund_id)
select payment, id, name, email, 'pay_demo' || lpad((number + 1)::text, 9, '0'), amount, 'INR', paid_at, 'Razorpay', refunded,
       initiated_at, refund, case when failed then settled_at end, paid_at, coalesce(settled_at, initiated_at, paid_at),
       case when initiated_at is not null then 'rfnd_demo' || lpad((number + 1)::text, 9, '0') end
from demo, demo_batch,
     lateral (select least(created_at + interval '40 seconds', midnight - interval '1 second')) p (paid_at),
     lateral (select case when refund <> 'requested' then opened_at end) o (initiated_at)
where kind = 'booked' and paid
order by event;

insert into client_doc_form (booking_id, paperform_link, status)
select id, 'https://forms.example.org/intake/' || client + 1, pg_temp.in_turn('forms', client)
from demo_batch
where kind = 'booked' and first
order by event;

insert into therapist_appointments_cache (
    id, therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date, booking_status, created_at)
select cached, therapist_id, time_text, offer, name, coalesce(typed_phone, email), internal.booking_mode(mode), start_at,
       internal.booking_status(status), created_at
from demo_batch
where kind = 'booked' and therapist_id is not null
order by event;

insert into internal.appointments_cache_rows (booking_id, id)
select id, cached
from demo_batch
where kind = 'booked' and therapist_id is not null
order by event;

insert into booking_cancelled (
    booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by, cancel_reason, created_at)
select id, 'inv_' || pg_temp.token('invitee', number), name, typed_phone, email, at, cancelled_by,
       pg_temp.in_turn('reasons', number), at
from demo_batch
where kind = 'cancelled'
order by event;

insert into refund_cancellation_table (
    client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id)
select client_id, name, id, offer, start_at, payment, coalesce(refund, pg_temp.spelled('Pending', number)),
       case when refund <> 'requested' then 'rfnd_demo' || lpad((number + 1)::text, 9, '0') end
from demo_batch
where kind = 'cancelled' and paid
order by event;

insert into booking_requests (
    request_id, client_name, client_whatsapp, client_email, therapy_type, therapist_name, booking_link, status, created_at,
    is_free_consultation)
select related, name, coalesce(phone, 'unknown'), email, therapy, case when free then 'SafeStories' else host end,
       'https://booking.example.org/' || host_id || '/' || client + 1,
       case when number is not null then 'booked' when at < midnight - interval '14 days' then 'expired' else 'sent' end,
       at, free
from demo, demo_batch
where kind = 'requested'
order by event;

insert into internal.request_clients (request_id, client_id)
select related, client_id
from demo_batch
where kind = 'requested'
order by event;

insert into client_transfer_history (
    transfer_id, client_name, client_email, client_phone, from_therapist_id, from_therapist_name, to_therapist_id,
    to_therapist_name, transferred_by_admin_id, transferred_by_admin_name, transfer_date, reason, notes)
select related, b.name, b.email, b.phone, host_id, host, t.id, t.name, u.id, u.name, at, pg_temp.in_turn('transfers', client),
       case client % 2 when 0 then 'Both have agreed.' end
from demo_batch b
join demo_therapist t on t.number = next
join demo_user u on u.number = -2
where kind = 'transferred'
order by event;

insert into internal.transfer_clients (transfer_id, client_id)
select related, client_id
from demo_batch
where kind = 'transferred'
order by event;

insert into client_session_notes (
    booking_id, client_name, session_timing, host_name, session_status, client_age, gender, occupation, marital_status,
    concerns_discussed, somatic_cues, interventions_used, interventions_helpful, client_participation, goal_progress,
    client_values, self_harm_mention, self_harm_details, current_risk_level, protective_factors, health_history,
    past_diagnoses, next_session_plan, homework_suggested, created_at, updated_at)
select id, name, pg_temp.ist_text(start_at) || ' - ' || pg_temp.ist_text(end_at), host, 'Completed', age, gender,
       pg_temp.in_turn('occupations', client), pg_temp.in_turn('marital', client), pg_temp.pick('concerns', number),
       case when pg_temp.lot('bare', number, 10) > 0
           then (pg_temp.words('cues'))[cue : cue - 1 + pg_temp.lot('cues', number, 3)] end,
       pg_temp.pick('interventions', number), pg_temp.pick('helpful', number), pg_temp.pick('participation', number),
       pg_temp.pick('progress', number), pg_temp.in_turn('values', client), case when high then 'Yes' else 'No' end,
       case when high then 'Thoughts in the evening, no plan; safety plan reviewed together.' end, risk,
       case when high then 'Close to her sister; looks forward to the next session.' end,
       case when pg_temp.lot('health', number, 100) < 30 then 'Thyroid treatment; nothing else reported.' end,
       case when pg_temp.lot('diagnoses', number, 100) < 15 then 'Generalised anxiety (earlier, elsewhere)' end,
       pg_temp.pick('plans', number), pg_temp.pick('homework', number), at, at
from demo_batch,
     lateral (select case note % 4 when 1 then pg_temp.in_turn('risks', note / 4) else 'none' end) r (risk),
     lateral (select coalesce(lower(risk) = 'high', false), 1 + pg_temp.lot('cue', number, 4)) h (high, cue)
where kind = 'noted'
order by event;

insert into client_additional_notes (booking_id, therapist_id, therapist_name, note_text, created_at, updated_at)
select id, therapist_id, host, pg_temp.pick('additional', number), at, at
from demo_batch
where kind = 'noted' and therapist_id is not null and pg_temp.lot('adds', number, 100) < 8
order by event;

-- Notifications older than two months have been cleared away.
insert into notifications (user_id, user_role, notification_type, title, message, related_id, is_read, created_at)
select u.id, case when u.number < 0 then 'admin' else 'therapist' end, type, title, message, coalesce(related::text, b.id),
       passed >= interval '10 days' or passed >= interval '2 days' and coalesce(related::text, b.id) !~ '[37]$',
       at + interval '5:30'
from demo
join demo_batch b on at >= midnight - interval '60 days'
left join demo_therapist t on t.number = next,
     lateral (select midnight - at) a (passed),
     lateral (
         select 'new_booking', 'New booking', format('%s booked %s on %s', b.name, offer, pg_temp.ist_text(start_at)),
                array[-2, -1, therapist]
         where kind = 'booked'
         union all
         select 'booking_rescheduled', 'Booking rescheduled', format('%s moved to %s', b.name, pg_temp.ist_text(start_at)),
                array[-2, -1, therapist]
         where kind = 'moved'
         union all
         select 'booking_cancelled', 'Booking cancelled',
                format('%s on %s was cancelled', b.name, pg_temp.ist_text(start_at)), array[-2, -1, therapist]
         where kind = 'cancelled'
         union all
         select case kind when 'refund_opened' then 'refund_requested' else 'refund_processed' end,
                case kind when 'refund_opened' then 'Refund requested' else 'Refund processed' end,
                format('INR %s for booking %s', refunded, b.id), array[-2, -1]
         where kind in ('refund_opened', 'refund_done')
         union all
         select 'no_show', 'No-show', format('%s did not come on %s', b.name, pg_temp.ist_text(start_at)), array[-2, -1]
         where kind = 'missed'
         union all
         select 'session_notes_submitted', 'Session notes submitted',
                format('%s submitted the notes of booking %s', host, b.id), array[-2, -1]
         where kind = 'noted'
         union all
         select 'risk_raised', 'Risk raised', format('%s, booking %s', host, b.id), array[-2, -1]
         where kind = 'noted' and note % 4 = 1 and lower(pg_temp.in_turn('risks', note / 4)) = 'high'
         union all
         select 'sos_ticket', 'SOS', format('%s asks for help in booking %s', host, b.id), array[-2, -1]
         where kind = 'alarmed'
         union all
         select v.type, 'Client transferred', format('%s transferred from %s to %s', b.name, host, t.name), v.audience
         from (values ('client_transfer', array[-2, -1]), ('client_transfer_out', array[therapist]),
                      ('client_transfer_in', array[next])) v (type, audience)
         where kind = 'transferred'
         union all
         select 'new_booking_request', 'New booking request', format('A booking link was sent to %s', b.name),
                array[-2, -1, therapist]
         where kind = 'requested'
     ) n (type, title, message, audience)
join demo_user u on u.number = any (audience)
order by event, array_position(array['client_transfer', 'client_transfer_out'], type), type desc, u.id;

-- An admin has no therapist_id. Programs of the first years did not always note the address.
insert into audit_logs (
    therapist_id, therapist_name, action_type, action_description, client_name, ip_address, is_visible, "timestamp")
select case when own then therapist_id end, case when own then host else (select name from demo_user where number = -2) end, action,
       format(text, b.id, case kind when 'moved' then pg_temp.ist_text(start_at) end, b.name, host, t.name),
       b.name, case when not iso or seconds % 3 > 0 then '203.0.113.' || case when own then 10 + therapist % 240 else 1 end end,
       seconds % 499 > 0,
       case when iso then to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') else pg_temp.ist_text(at) end
from demo
cross join demo_batch b
join (
    values ('booked', 23, 7, 'copy_appointment', 'Copied the details of booking %1$s'),
           ('booked', 19, 4, 'send_whatsapp', 'Sent a WhatsApp message about booking %1$s'),
           ('booked', 101, 50, 'client_contact_edit', 'Changed the contact data'),
           ('moved', 1, 0, 'booking_reschedule', 'Moved booking %1$s to %2$s'),
           ('cancelled', 1, 0, 'booking_cancel', 'Cancelled booking %1$s'),
           ('noted', 1, 0, 'session_notes', 'Submitted the session notes of booking %1$s'),
           ('alarmed', 1, 0, 'raise_sos', 'Raised an SOS for booking %1$s'),
           ('transferred', 1, 0, 'client_transfer', '%3$s transferred from %4$s to %5$s'),
           ('login', 1, 0, 'login', '%4$s logged in'),
           ('logout', 1, 0, 'logout', '%4$s logged out')
) a (kind, every, place, action, text) using (kind)
left join demo_therapist t on t.number = next,
     lateral (
         select therapist is not null
                    and (kind in ('noted', 'alarmed', 'login', 'logout') or kind = 'cancelled' and cancelled_by = 'therapist'),
                at < iso_until, extract(epoch from at)::bigint
     ) s (own, iso, seconds)
where coalesce(b.number, 0) % every = place
order by event, action;
