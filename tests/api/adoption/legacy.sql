-- A database as other programs left it: most of the tables, made by hand, with the irregular rows and keys that a year
-- leaves. Two tables, some columns, defaults and most keys are missing; types are near, names are their own. All people
-- are made up.

create table users (
    id serial primary key,
    username varchar(60) not null,
    password varchar(255) not null,
    name varchar(255) not null,
    role varchar(50) default 'therapist',
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp,
    therapist_id varchar(50),
    full_name varchar(255)
);

create table therapists (
    id serial primary key,
    therapist_id varchar(255) not null,
    name varchar(255),
    specialization text,
    contact_info varchar(255),
    sessions_booked integer default 0,
    capacity integer default 0,
    created_at timestamp default current_timestamp
);

create table bookings (
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
    utm_source text
);

create table booking_cancelled (
    id serial primary key,
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

create table booking_requests (
    request_id serial primary key,
    client_name varchar(255) not null,
    client_whatsapp varchar(20) not null,
    client_email varchar(255),
    therapy_type varchar(255) not null,
    therapist_name varchar(255) not null,
    booking_link text,
    status varchar(50),
    created_at timestamp default current_timestamp,
    is_free_consultation boolean default false
);

create table client_session_notes (
    note_id serial primary key,
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

create table client_additional_notes (
    note_id serial primary key,
    booking_id text not null,
    therapist_id varchar(255),
    therapist_name varchar(255),
    note_text text not null,
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp
);

create table client_doc_form (
    link_id serial primary key,
    booking_id varchar(50),
    paperform_link text,
    status varchar(10)
);

create table client_transfer_history (
    transfer_id serial primary key,
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

create table payments (
    payment_id integer primary key,
    booking_id text,
    invitee_name text,
    invitee_email text,
    payment_reference_id text,
    amount numeric(10, 2),
    currency varchar(10),
    payment_date timestamp,
    payment_gateway_name text,
    refund_amount numeric,
    refund_initiation_date timestamp,
    refund_status varchar(50),
    refund_failed_date timestamp,
    updated_at timestamp default current_timestamp,
    refund_id varchar(255)
);

create table refund_cancellation_table (
    id serial primary key,
    client_id varchar(255),
    client_name varchar(255),
    session_id varchar(255),
    session_name varchar(255),
    session_timings timestamp,
    payment_id varchar(255),
    refund_status varchar(50),
    refund_id varchar(255)
);

create table therapist_dashboard_stats (
    id serial primary key,
    therapist_id varchar(50) not null,
    total_sessions integer default 0,
    confirmed_sessions integer default 0,
    cancelled_sessions integer default 0,
    no_shows integer default 0,
    upcoming_bookings integer default 0,
    last_updated timestamp default now()
);

create table therapist_clients_summary (
    id serial primary key,
    therapist_id varchar(50) not null,
    client_name varchar(255),
    client_email varchar(255),
    client_phone varchar(50),
    total_sessions integer default 0,
    last_session_date timestamp,
    created_at timestamp default current_timestamp
);

create table therapist_appointments_cache (
    id serial primary key,
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

create table therapist_resources (
    id serial primary key,
    resource_id integer not null,
    resource_name varchar(255) not null,
    therapist_id varchar(255) not null,
    therapist_name varchar(255),
    created_at timestamp default current_timestamp,
    therapy_name varchar(255)
);

create table all_clients_table (
    client_id varchar(255) primary key,
    client_name text,
    phone_number varchar(50),
    email_id varchar(255),
    no_of_sessions integer default 0,
    therapist_id varchar(255),
    assigned_therapist varchar(255)
);

create table appointment_table (
    session_id varchar(255) not null,
    session_timings timestamp,
    session_name varchar(255),
    session_mode varchar(50),
    client_id varchar(255),
    client_name varchar(255),
    contact_info text,
    therapist_id varchar(255),
    therapist_name varchar(255)
);

create table notifications (
    notification_id integer generated by default as identity primary key,
    user_id integer,
    user_role varchar(20) not null,
    notification_type varchar(100) not null,
    title varchar(255) not null,
    message text not null,
    related_id varchar(50),
    is_read boolean default false,
    created_at timestamp default (current_timestamp at time zone 'Asia/Kolkata')
);

-- Keys under names of their own: one with an action, one unique index that is no constraint.
create unique index their_unique_index on therapists (therapist_id);
alter table bookings add constraint bookings_positive check (booking_duration > 0) not valid;

insert into therapists (id, therapist_id, name) values (10, 't1', 'Meera Rao'), (30, 't2', null);
insert into users (username, password, name, role, therapist_id) values
    ('asha', 'summer-2024', 'Asha', 'Admin', null),
    ('Asha', '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA', 'Asha', 'THERAPIST', 't1'),
    ('ravi', 'winter-2024', 'Ravi', 'intern', null);
insert into all_clients_table (client_id, client_name, therapist_id) values ('c1', 'Kiran', 't1'), ('c2', 'Leela', 't2');
insert into bookings (booking_id, booking_status, booking_mode, booking_start_at, booking_end_at, therapist_id) values
    ('56001', 'confirmed', 'google_meet', '2026-02-04 10:30', '2026-02-04 11:20', 't1'),
    ('56002', 'Canceled', 'In-person (Indiranagar)', '2026-02-05 10:30', 'infinity', 't1'),
    ('56003', 'no show', 'Google Meet', '-infinity', '99999-01-01', null),
    (null, 'confirmed', null, '2026-02-06 10:30', '2026-02-06 11:20', 't2');
insert into booking_cancelled (booking_id, cancel_reason) values ('56002', 'fever');
-- The same appointment twice, an orphaned client, and a note and a resource without counterpart.
insert into appointment_table (session_id, client_id) values ('56001', 'c1'), ('56001', 'c1'), ('56002', 'c9');
insert into client_session_notes (booking_id, somatic_cues) values ('56430', '{breath,hands}'), ('56001', null);
insert into therapist_resources (resource_id, resource_name, therapist_id) values (1, 'Free consultation', '58605');
insert into payments (payment_id, booking_id, amount, refund_status) values
    (3, '56001', 1700.00, 'Pending'), (5, '56002', 'NaN', 'processed'), (7, 'lost', 850.50, null);
insert into refund_cancellation_table (client_id, session_id) values ('c1', '56002');
insert into client_doc_form (booking_id, status) values ('56001', 'no show');
insert into notifications (user_id, user_role, notification_type, title, message, created_at)
values (1, 'admin', 'new_booking', 'New booking', 'A booking was made', 'infinity');

alter table appointment_table
    add constraint fk_17 foreign key (client_id) references all_clients_table (client_id) on delete cascade not valid;

-- Triggers.
create function stamp() returns trigger language plpgsql as $$ begin new.booking_updated_at := now(); return new; end $$;
create trigger stamp_bookings before update on bookings for each row execute function stamp();
create rule keep_notes as on delete to client_session_notes do instead nothing;
alter table therapist_resources enable row level security;

-- Other objects, one of which has a column of a table's type.
create table invoices (id integer primary key, client_id varchar(255));
insert into invoices values (1, 'c1');
alter table invoices
    add constraint their_cascade foreign key (client_id) references all_clients_table (client_id) on delete cascade;
create view open_forms as select link_id, status from client_doc_form;
