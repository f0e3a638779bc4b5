-- The twenty tables of the practice, and the one function a default of theirs calls.
--
-- They are older than this server. Forms, a scheduling provider and people's own SQL read and write them by these names
-- and types, so nothing here is added, renamed or tightened, the misspelt `recheduled_from` included. All that the server
-- needs beyond them lives in the schema `internal`.
--
-- Names are qualified throughout, because a role may bring a search_path of its own. Keys are the next migration's: a
-- database adopted from elsewhere may break those, and is then marked as having both.

-- The present moment as the audit log spells it: `Tue, Jan 20, 2026, 11:05 AM IST`.
create function public.get_ist_timestamp() returns text
language sql stable
return to_char(now() at time zone 'Asia/Kolkata', 'Dy, Mon FMDD, YYYY, FMHH12:MI AM') || ' IST';

-- The accounts that may log in.
create table public.users (
    id serial constraint users_pkey primary key,
    username varchar(255) not null,
    password varchar(255) not null,
    name varchar(255) not null,
    role varchar(50) default 'admin',
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp,
    therapist_id varchar(50),
    full_name varchar(255)
);

-- Therapists. `therapist_id` is the name other tables know them by; `capacity` 0 means no limit.
create table public.therapists (
    id serial constraint therapists_pkey primary key,
    therapist_id varchar(255) not null,
    name varchar(255) not null,
    specialization text,
    contact_info varchar(255),
    sessions_booked integer default 0,
    capacity integer default 0,
    created_at timestamp default current_timestamp
);

-- Bookings. No primary key; `booking_id` is what other tables point at.
create table public.bookings (
    invitee_id text,
    invitee_name text,
    invitee_phone text,
    invitee_email text,
    invitee_question text,
    invitee_token text,
    invitee_country text,
    invitee_city text,
    invitee_timezone text,
    invitee_created_at timestamp,
    invitee_cancelled_at timestamp,
    invitee_cancelled_reason text,
    invitee_status text,
    invitee_payment_reference_id text,
    invitee_payment_gateway text,
    invitee_payment_name text,
    invitee_payment_currency text,
    invitee_payment_amount numeric,
    booking_user_id text,
    booking_updated_at timestamp,
    booking_subject text,
    booking_status text,
    booking_resource_id text,
    booking_resource_type text,
    booking_resource_name text,
    booking_checkin_url text,
    booking_mode text,
    booking_joining_link text,
    booking_invitee_time text,
    booking_host_user_id text,
    booking_host_name text,
    booking_host_phone text,
    booking_host_email text,
    booking_start_at timestamp,
    booking_end_at timestamp,
    booking_duration integer,
    booking_cancelled_by text,
    booking_cancel_reason text,
    booking_id text,
    booking_account_id text,
    refund_amount numeric,
    refund_status varchar(255),
    refund_failed_time timestamp,
    rescheduled_at timestamp,
    rescheduled_start_at timestamp,
    rescheduled_end_at timestamp,
    recheduled_from timestamp,
    emergency_contact_name varchar(255),
    emergency_contact_relation varchar(100),
    emergency_contact_number varchar(20),
    therapist_id varchar(255),
    refund_id varchar(255)
);

-- One row for every cancelled booking.
create table public.booking_cancelled (
    id serial constraint booking_cancelled_pkey primary key,
    booking_id text,
    invitee_id text,
    invitee_name text,
    invitee_number text,
    invitee_email text,
    cancelled_at timestamp,
    cancelled_by text,
    cancel_reason text,
    created_at timestamp default current_timestamp
);

-- Booking links sent to people who may become clients; linked to nothing on purpose.
create table public.booking_requests (
    request_id serial constraint booking_requests_pkey primary key,
    client_name varchar(255) not null,
    client_whatsapp varchar(20) not null,
    client_email varchar(255),
    therapy_type varchar(255) not null,
    therapist_name varchar(255) not null,
    booking_link text,
    status varchar(50) default 'sent',
    created_at timestamp default current_timestamp,
    is_free_consultation boolean default false
);

-- The therapist's notes of a session. No key on `booking_id`: it holds orphans.
create table public.client_session_notes (
    note_id serial constraint client_session_notes_pkey primary key,
    booking_id text,
    client_name text,
    session_timing text,
    host_name text,
    session_status text,
    client_age integer,
    gender text,
    occupation text,
    marital_status text,
    concerns_discussed text,
    somatic_cues text[],
    interventions_used text,
    interventions_helpful text,
    client_participation text,
    goal_progress text,
    client_values text,
    self_harm_mention text,
    self_harm_details text,
    current_risk_level text,
    protective_factors text,
    health_history text,
    past_diagnoses text,
    next_session_plan text,
    homework_suggested text,
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp
);

-- Short notes beside the session note.
create table public.client_additional_notes (
    note_id serial constraint client_additional_notes_pkey primary key,
    booking_id text not null,
    therapist_id varchar(255),
    therapist_name varchar(255),
    note_text text not null,
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp
);

-- Forms sent to clients.
create table public.client_doc_form (
    link_id serial constraint client_doc_form_pkey primary key,
    booking_id varchar(50),
    paperform_link text,
    status varchar(20)
);

-- Clients transferred from one therapist to another.
create table public.client_transfer_history (
    transfer_id serial constraint client_transfer_history_pkey primary key,
    client_name varchar(255) not null,
    client_email varchar(255),
    client_phone varchar(50),
    from_therapist_id varchar(50),
    from_therapist_name varchar(255),
    to_therapist_id varchar(50) not null,
    to_therapist_name varchar(255) not null,
    transferred_by_admin_id integer,
    transferred_by_admin_name varchar(255),
    transfer_date timestamp default current_timestamp,
    reason text,
    notes text
);

-- Payments and their refunds.
create table public.payments (
    payment_id serial constraint payments_pkey primary key,
    booking_id text,
    invitee_name text,
    invitee_email text,
    payment_reference_id text,
    amount numeric,
    currency varchar(10),
    payment_date timestamp,
    payment_gateway_name text,
    refund_amount numeric,
    refund_initiation_date timestamp,
    refund_status varchar(50),
    refund_failed_date timestamp,
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp,
    refund_id varchar(255)
);

-- Refunds of cancelled sessions. `session_id` refers to the booking and to the appointment alike.
create table public.refund_cancellation_table (
    id serial constraint refund_cancellation_table_pkey primary key,
    client_id varchar(255),
    client_name varchar(255),
    session_id varchar(255),
    session_name varchar(255),
    session_timings timestamp,
    payment_id varchar(255),
    refund_status varchar(50),
    refund_id varchar(255)
);

-- Derived: a therapist's figures.
create table public.therapist_dashboard_stats (
    id serial constraint therapist_dashboard_stats_pkey primary key,
    therapist_id varchar(50) not null,
    total_sessions integer default 0,
    confirmed_sessions integer default 0,
    cancelled_sessions integer default 0,
    no_shows integer default 0,
    upcoming_bookings integer default 0,
    last_updated timestamp default now()
);

-- Derived: a therapist's clients.
create table public.therapist_clients_summary (
    id serial constraint therapist_clients_summary_pkey primary key,
    therapist_id varchar(50) not null,
    client_name varchar(255),
    client_email varchar(255),
    client_phone varchar(50),
    total_sessions integer default 0,
    last_session_date timestamp,
    created_at timestamp default now()
);

-- Derived: a therapist's sessions.
create table public.therapist_appointments_cache (
    id serial constraint therapist_appointments_cache_pkey primary key,
    therapist_id varchar(50) not null,
    session_timings varchar(500),
    session_name varchar(500),
    client_name varchar(255),
    contact_info varchar(100),
    mode varchar(100),
    booking_date timestamp,
    booking_status varchar(50),
    created_at timestamp default now()
);

-- The services that can be booked with a therapist. No key on `therapist_id`: it holds orphans.
create table public.therapist_resources (
    id serial constraint therapist_resources_pkey primary key,
    resource_id integer not null,
    resource_name varchar(255) not null,
    therapist_id varchar(255) not null,
    therapist_name varchar(255),
    created_at timestamp default current_timestamp,
    therapy_name varchar(255)
);

-- Clients.
create table public.all_clients_table (
    client_id varchar(255) constraint all_clients_table_pkey primary key,
    client_name varchar(255),
    phone_number varchar(50),
    email_id varchar(255),
    no_of_sessions integer default 0,
    therapist_id varchar(255),
    assigned_therapist varchar(255)
);

-- The client of each booking; `session_id` is the booking's id.
create table public.appointment_table (
    session_id varchar(255) constraint appointment_table_pkey primary key,
    session_timings timestamp,
    session_name varchar(255),
    session_mode varchar(50),
    client_id varchar(255),
    client_name varchar(255),
    contact_info text,
    therapist_id varchar(255),
    therapist_name varchar(255)
);

-- The log of actions: who did what.
create table public.audit_logs (
    log_id serial constraint audit_logs_pkey primary key,
    therapist_id varchar(50),
    therapist_name varchar(255),
    action_type varchar(100) not null,
    action_description text not null,
    client_name varchar(255),
    ip_address varchar(50),
    is_visible boolean default true,
    "timestamp" varchar(255) default public.get_ist_timestamp()
);

-- Notifications. `created_at` is Indian local time, unlike every other timestamp.
create table public.notifications (
    notification_id serial constraint notifications_pkey primary key,
    user_id integer,
    user_role varchar(20) not null,
    notification_type varchar(100) not null,
    title varchar(255) not null,
    message text not null,
    related_id varchar(50),
    is_read boolean default false,
    created_at timestamp default (current_timestamp at time zone 'Asia/Kolkata')
);

-- Marketing campaigns, by the names of therapists.
create table public.aisensy_campaign_api (
    campaign_name varchar(255),
    therapy varchar(255),
    therapist_name varchar(255)
);
