//! Every check finds the rows that break its rule, and no others.

use safestories::integrity::checks;

use super::{all, look, practice, run};

/// A statement of another program, the check that finds it, the number of rows, and a word of the first sample.
pub(super) const TRIPS: &[(&str, &str, i64, &str)] = &[
    (
        "duplicate_key",
        "alter table refund_cancellation_table drop constraint refund_cancellation_table_session_id_appointment_fkey;
         alter table appointment_table drop constraint appointment_table_pkey;
         insert into appointment_table select * from appointment_table where session_id = '56001'",
        1,
        "session_id stands 2 times",
    ),
    (
        "booking_without_id",
        "insert into bookings (therapist_id, booking_start_at, invitee_name, invitee_phone)
         values ('T1', '2026-02-09 10:00', 'Kiran', '+919800011111')",
        1,
        "therapist T1",
    ),
    ("booking_id_unusable", "insert into bookings (booking_id) values (''), (repeat('x', 256)), (E'a\\nb')", 3, ""),
    (
        "booking_without_client",
        "insert into bookings (booking_id, therapist_id, invitee_name, invitee_phone, booking_start_at)
         values ('57001', 'T1', 'Kiran', '+919800011111', '2026-02-09 10:00');
         update appointment_table set client_id = null where session_id = '56003'",
        2,
        "its appointment has no client",
    ),
    (
        "booking_status_spelling",
        "update bookings set booking_status = 'Canceled' where booking_id = '56002';
         update bookings set booking_status = ' COMPLETED' where booking_id = '56003'",
        2,
        "booking_status: Canceled → cancelled",
    ),
    (
        "invitee_status_spelling",
        "update bookings set invitee_status = 'Confirmed' where booking_id = '56001'",
        1,
        "invitee_status: Confirmed → confirmed",
    ),
    (
        "booking_mode_spelling",
        "update bookings set booking_mode = 'Google Meet' where booking_id = '56001';
         update bookings set booking_mode = 'physical' where booking_id = '56003'",
        2,
        "booking_mode: Google Meet → google_meet",
    ),
    (
        "refund_status_spelling",
        "update payments set refund_status = 'Processed' where booking_id = '56001';
         update bookings set refund_status = 'Pending' where booking_id = '56001';
         update refund_cancellation_table set refund_status = 'pending'",
        3,
        "refund_status: Pending → NULL",
    ),
    (
        "form_status_spelling",
        "insert into client_doc_form (booking_id, status) values ('56001', 'No Show'), ('56001', null), ('56001', 'pending')",
        1,
        "status: No Show → no_show",
    ),
    (
        "request_status_spelling",
        "insert into booking_requests (client_name, client_whatsapp, therapy_type, therapist_name, status)
         values ('Kiran', '+919800011111', 'Individual', 'Asha', 'Sent'), ('Kiran', '1', 'Individual', 'Asha', 'sent')",
        1,
        "status: Sent → sent",
    ),
    ("user_role_spelling", "update users set role = E'THERAPIST\\n' where username = 'asha'", 1, "role: THERAPIST\n → therapist"),
    (
        "mode_with_address",
        "update bookings set booking_mode = 'In-person (12 Example Road)' where booking_id = '56001'",
        1,
        "holds an address",
    ),
    ("risk_level_spelling", "update client_session_notes set current_risk_level = 'High'", 1, "another spelling"),
    (
        "unknown_word",
        "update bookings set booking_status = 'held in the garden', invitee_status = 'perhaps' where booking_id = '56001'",
        2,
        "booking_status: held in the garden",
    ),
    (
        "time_shifted",
        "update bookings set booking_start_at = booking_start_at + interval '5 hours 30 minutes' where booking_id = '56001'",
        1,
        "starts 2026-02-05T16:00:00Z, its text says 2026-02-05T10:30:00Z",
    ),
    (
        "time_disagrees",
        "update bookings set booking_start_at = booking_start_at + interval '1 hour' where booking_id = '56001';
         update bookings set booking_invitee_time = 'some time next week' where booking_id = '56003'",
        1,
        "starts 2026-02-05T11:30:00Z",
    ),
    (
        "unreadable_value",
        "update bookings set booking_end_at = 'infinity', rescheduled_at = '12345-01-01' where booking_id = '56001';
         update payments set amount = 'NaN' where booking_id = '56001';
         update payments set amount = 12345678901234567890123456789.55 where booking_id = '56003';
         update notifications set created_at = '-infinity'",
        3,
        "booking_end_at, rescheduled_at",
    ),
    ("note_without_booking", "insert into client_session_notes (booking_id) values ('56430'), (null)", 2, "booking 56430"),
    (
        "resource_without_therapist",
        "insert into therapist_resources (resource_id, resource_name, therapist_id) values (2, 'Free', '58605')",
        1,
        "therapist 58605 does not exist",
    ),
    (
        "draft_of_retired",
        "insert into internal.session_notes (note_id, booking_id, author_id, started_at)
         select note_id, booking_id, 1, now() from client_session_notes;
         insert into internal.retirements (therapist_id, retired_at)
         select therapist_id, '2026-02-01T00:00:00Z' from therapists",
        1,
        "who retired on 2026-02-01",
    ),
    (
        "notification_without_user",
        "alter table notifications drop constraint notifications_user_id_fkey;
         insert into notifications (user_id, user_role, notification_type, title, message)
         values (null, 'admin', 'new_booking', 'New', 'New'), (4711, 'therapist', 'new_booking', 'New', 'New')",
        2,
        "names no user",
    ),
    (
        "broken_reference",
        "alter table payments drop constraint payments_booking_id_fkey;
         insert into payments (booking_id) values ('lost');
         alter table payments add constraint mine foreign key (booking_id) references bookings (booking_id) not valid;
         alter table users drop constraint users_therapist_id_fkey",
        1,
        "booking_id lost is not in bookings",
    ),
    (
        "refund_above_payment",
        "update payments set refund_amount = 1700.01 where booking_id = '56001';
         update payments set refund_amount = 1700 where booking_id = '56002';
         update bookings set refund_amount = 9000 where booking_id = '56003'",
        2,
        "refund of 9000, paid 1700",
    ),
    (
        "cancelled_without_refund_row",
        "delete from refund_cancellation_table;
         insert into bookings (booking_id, booking_status, invitee_payment_amount, therapist_id)
         values ('57001', 'Cancelled', 900, 'T1'), ('57002', 'cancelled', 0, 'T1')",
        2,
        "has no row",
    ),
    (
        "payment_after_expiry",
        "insert into internal.payment_links (booking_id, reference_id, amount, currency, expires_at, cancels_booking, state, paid_at,
                                            paid_late, gateway_payment_id, created_at)
         values ('56001', 'late', 1700, 'INR', now() - interval '2 days', false, 'paid', now() - interval '1 day', true, 'pay_1', now()),
                ('56002', 'in time', 1700, 'INR', now(), false, 'paid', now() - interval '1 day', false, 'pay_2', now())",
        1,
        "payment pay_1",
    ),
    (
        "payment_only_authorized",
        "insert into internal.payment_links (booking_id, reference_id, amount, currency, expires_at, cancels_booking, state,
                                            authorized_at, created_at)
         values ('56001', 'expired', 1700, 'INR', now(), false, 'expired', now(), now()),
                ('56002', 'open', 1700, 'INR', now() + interval '1 day', false, 'open', now() - interval '1 hour', now())",
        1,
        "link expired",
    ),
    (
        "gateway_unanswered",
        "insert into internal.payment_links (booking_id, reference_id, amount, currency, expires_at, cancels_booking, state, reason,
                                            created_at)
         values ('56001', 'making', 1700, 'INR', now() + interval '9 days', false, 'making', 'no answer', '2020-01-01')",
        1,
        "link making: no answer",
    ),
    (
        "double_booking",
        "insert into bookings (booking_id, therapist_id, booking_status, booking_start_at, booking_duration)
         values ('57001', 'T1', 'confirmed', '2026-02-05 11:19', 50), ('57002', 'T1', 'no show', '2026-02-05 10:40', 50),
                ('57003', 'T2', 'confirmed', '2026-02-05 10:40', 50)",
        1,
        "overlaps 56001",
    ),
    (
        "duplicate_client",
        "insert into all_clients_table (client_id, client_name, phone_number)
         values ('C8', 'Asha Rao', '098000 22222'), ('C9', 'asha  rao', '+91-98000-22222'),
                ('D1', 'Asha Rao', '+1 980 002 2222')",
        1,
        "has the phone and the name of C8",
    ),
    (
        "shared_phone",
        "insert into all_clients_table (client_id, client_name, phone_number)
         values ('C8', 'Asha Rao', '098000 22222'), ('C9', 'Ravi Rao', '+91-98000-22222')",
        1,
        "has the phone of C8",
    ),
    (
        "phone_unreadable",
        "insert into all_clients_table (client_id, phone_number)
         values ('C8', '98123 45678 / 98111 22333'), ('C9', ''), ('D1', null), ('D2', '०९८१२३ ४५६७८')",
        2,
        "is no phone",
    ),
    (
        "email_unreadable",
        "insert into all_clients_table (client_id, email_id) values ('C8', 'na'), ('C9', ''), ('D1', null), ('D2', 'a@b.org')",
        2,
        "is no address",
    ),
    (
        "plain_text_password",
        "insert into users (username, password, name) values ('old', 'summer-2024', 'Old'), ('locked', '!', 'Locked'),
                ('other', '$2b$10$abcdefghijklmnopqrstuv', 'Other')",
        1,
        "no hash",
    ),
    (
        "user_without_therapist",
        "update users set therapist_id = null where username = 'asha';
         alter table users drop constraint users_therapist_id_fkey;
         insert into users (username, password, name, role, therapist_id) values ('r', '-', 'R', 'Therapist', 'T9')",
        2,
        "has no therapist",
    ),
    (
        "user_role_unknown",
        "insert into users (username, password, name, role) values ('ravi', '-', 'Ravi', 'intern'), ('x', '-', 'X', null)",
        2,
        "role: intern",
    ),
    (
        "duplicate_user_name",
        "drop index users_username_key;
         insert into users (username, password, name) values ('ASHA', '-', 'Another')",
        1,
        "has the name of user",
    ),
    (
        "arrival_given_up",
        "insert into internal.arrivals (what, booking_id, was_there, is_load, tries, due_at)
         values ('booking', '56001', true, false, 12, 'infinity')",
        1,
        "tried 12 times",
    ),
    (
        "note_overwritten",
        "update client_session_notes set gender = 'x';
         update client_session_notes set gender = 'x', updated_at = now();
         update client_session_notes set gender = 'y';
         delete from client_session_notes",
        1,
        "changed 2 times, deleted, last at 2",
    ),
    (
        "message_given_up",
        "insert into internal.inbound_endpoints (endpoint_id, public_id, name, source, mode, created_at)
         overriding system value values (1, 'x', 'Payments', 'razorpay', 'live', now());
         insert into internal.inbox (endpoint_id, key, event, subject, body, received_at, state, reason) values
             (1, '1', 'payment.captured', 'order order_X', '', now(), 'given_up', 'no booking has this reference'),
             (1, '2', 'payment.captured', 'order order_Y', '', now(), 'applied', null)",
        1,
        "no booking has this reference",
    ),
    (
        "message_not_understood",
        "insert into internal.inbound_endpoints (endpoint_id, public_id, name, source, mode, created_at)
         overriding system value values (1, 'x', 'Payments', 'razorpay', 'live', now());
         insert into internal.inbox (endpoint_id, key, event, subject, body, received_at, state, reason) values
             (1, '1', 'payment.captured', 'order order_X', '', now(), 'not_understood', 'it is no JSON'),
             (1, '2', 'payment.captured', 'order order_Y', '', now(), 'applied', null)",
        1,
        "it is no JSON",
    ),
    (
        "message_contradicts",
        "insert into internal.inbound_endpoints (endpoint_id, public_id, name, source, mode, created_at)
         overriding system value values (1, 'x', 'Payments', 'razorpay', 'live', now());
         insert into internal.inbox (endpoint_id, key, event, subject, body, received_at, state, reason) values
             (1, '1', 'payment.captured', 'order order_X', '', now(), 'applied', 'several refunds'),
             (1, '2', 'payment.captured', 'order order_Y', '', now(), 'applied', null)",
        1,
        "several refunds",
    ),
    (
        "cache_drift",
        "update all_clients_table set no_of_sessions = 77 where client_id = 'C1';
         update therapist_dashboard_stats set total_sessions = 77 where therapist_id = 'T1'",
        2,
        "1 rows",
    ),
    (
        "missing_rule",
        "drop index bookings_by_start;
         alter table therapists alter column name drop not null;
         alter table payments drop constraint payments_booking_id_fkey;
         alter table therapist_dashboard_stats drop constraint therapist_dashboard_stats_therapist_id_key",
        4,
        "unique rule (therapist_id) is missing",
    ),
    (
        "foreign_trigger",
        "create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger stamp_bookings before update on bookings for each row execute function stamp()",
        1,
        "trigger stamp_bookings on bookings",
    ),
];

#[tokio::test]
async fn a_practice_in_which_all_is_well_has_no_findings() {
    let api = practice().await;
    assert_eq!(all(&api).await, []);
}

#[tokio::test]
async fn every_check_finds_what_breaks_its_rule() {
    for (check, sql, rows, about) in TRIPS {
        let api = practice().await;
        run(&api, sql).await;
        let found = look(&api, check).await;
        assert_eq!(found["count"], *rows, "{check}: {found}");
        let sample = found["samples"][0]["about"].as_str().unwrap_or_default();
        assert!(sample.contains(about), "{check}: {sample}");
    }
}

#[test]
fn every_check_is_tried() {
    let tried: Vec<&str> = TRIPS.iter().map(|(check, ..)| *check).collect();
    let there: Vec<&str> = checks::all().map(|check| check.code).collect();
    assert_eq!(tried, there);
}

#[tokio::test]
async fn a_wild_value_in_every_column_stops_no_check() {
    let api = practice().await;
    // A row with NULL in every column that may be, and one with the longest names and odd values.
    run(
        &api,
        "insert into bookings default values;
         insert into payments default values;
         insert into client_session_notes default values;
         insert into client_doc_form default values;
         insert into booking_cancelled default values;
         insert into refund_cancellation_table default values;
         insert into all_clients_table (client_id) values ('null');
         insert into bookings (booking_id, booking_start_at, booking_end_at, booking_duration, booking_invitee_time,
                               invitee_payment_amount, refund_amount, invitee_name, therapist_id)
         select '58' || n, start, stop, minutes, 'फ़र 4, 2026 at 99:99 PM (GMT+99:99)', amount, amount,
                repeat('😀', 255), 'T1'
         from (values (1, timestamp 'infinity', timestamp '-infinity', 2147483647, numeric 'NaN'),
                      (2, '-infinity', 'infinity', -2147483648, 'infinity'),
                      (3, '294276-12-31 23:59:59', '4713-01-01 00:00:00 BC', 0, '-infinity')) wild (n, start, stop, minutes, amount);
         insert into all_clients_table (client_id, client_name, phone_number, email_id)
         values ('wild', repeat('क', 255), '++--😀' || repeat('9', 40), repeat('@', 255))",
    )
    .await;
    let found = all(&api).await;
    let count = |check: &str| found.iter().find(|(code, _)| code == check).map_or(0, |(_, count)| *count);
    assert_eq!((count("booking_without_id"), count("unreadable_value")), (1, 3), "{found:?}");
}
