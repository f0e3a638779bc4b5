-- What was written and is not followed yet: `functions/changes.sql`.

-- How a booking was counted before a write and after it. Its writer appends it, and the caches follow from it: the server's
-- own before its commit, so that nobody else ever sees it; another program's within a second. A row without a booking says
-- that more was written than can be told: the caches are rebuilt.
create table internal.booking_changes (
    change_id        bigint generated always as identity primary key,
    xid              xid8 not null default pg_current_xact_id(),
    booking_id       text,
    therapist_before text,
    counted_before   text,
    therapist_after  text,
    counted_after    text
);
create index booking_changes_of_transaction on internal.booking_changes (xid);

-- Clients whose record or sessions were written.
create table internal.client_changes (
    change_id bigint generated always as identity primary key,
    xid       xid8 not null default pg_current_xact_id(),
    client_id text not null
);
create index client_changes_of_transaction on internal.client_changes (xid);

-- What a booking means, worked out once, where it is written: `functions/facts.sql`. It is the narrow table that figures are
-- read from. Therapists' logins cannot read it: it contains money.
create table internal.booking_facts (
    booking_id   text primary key,
    therapist_id text,
    -- `-infinity`: not known.
    starts_at    timestamp not null,
    -- `active`, `cancelled` or `no_show`.
    counted_as   text not null,
    free         boolean not null,
    -- The amount of a booking whose payment is awaited.
    claimed      numeric not null,
    -- Of its rows in `payments`: how many are of money, and how much; refunds completed, and under way.
    payments     integer not null,
    paid         numeric not null,
    refunds      integer not null,
    refunded     numeric not null,
    open_refunds integer not null,
    refunding    numeric not null
);
create index booking_facts_by_start on internal.booking_facts (starts_at, booking_id);
create index booking_facts_of_therapist on internal.booking_facts (therapist_id, starts_at);

-- What an appointment repeats of its booking: `functions/derived.sql`.
create type internal.appointment as (
    booking_id      text,
    session_timings timestamp,
    session_name    text,
    session_mode    text,
    client_name     text,
    contact_info    text,
    therapist_id    text
);

-- Bookings whose facts are to be worked out again, since a payment of theirs was written.
create table internal.fact_changes (
    change_id  bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    booking_id text not null
);
create index fact_changes_of_transaction on internal.fact_changes (xid);

-- What other programs wrote and the practice has not taken up yet: `arrivals`.
create table internal.arrivals (
    arrival_id    bigint generated always as identity primary key,
    -- `booking`: the row itself; `money`: a payment or refund of it; `note`: a session note of it; `request`.
    what          text not null,
    booking_id    text,
    request_id    integer,
    note_id       integer,
    -- How the booking was before: its status, start and refund; not there at all.
    was_there     boolean not null,
    status_before text,
    start_before  timestamp,
    refund_before text,
    -- And afterwards.
    status_after  text,
    start_after   timestamp,
    -- Whether it was one of a load, of which nobody is notified.
    is_load       boolean not null,
    arrived_at    timestamptz not null default clock_timestamp(),
    tries         integer not null default 0,
    -- When it is tried next; `infinity`: no more.
    due_at        timestamptz not null default clock_timestamp(),
    constraint arrivals_what check (
        case what
            when 'request' then request_id is not null
            when 'note' then booking_id is not null and note_id is not null
            else what in ('booking', 'money') and booking_id is not null
        end
    )
);
-- In the order in which they are taken up.
create index arrivals_in_order on internal.arrivals (is_load, arrival_id);
create index arrivals_of_booking on internal.arrivals (booking_id) where booking_id is not null;
create index arrivals_of_request on internal.arrivals (request_id) where request_id is not null;
create index arrivals_given_up on internal.arrivals (arrival_id) where due_at = 'infinity';

-- Locked by what lets the caches follow other programs, or rebuilds them.
insert into internal.properties (name, value) values ('follows', '');

-- What stands there already was written before anything was tracked.
insert into internal.booking_changes (booking_id)
select null
where exists (select from public.bookings) or exists (select from public.all_clients_table);
