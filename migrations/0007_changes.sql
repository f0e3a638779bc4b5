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

-- What a booking means, worked out once, where it is written: `functions/facts.sql`. It is the narrow table that lists, counts
-- and figures are read from: its columns are plain, so that they are indexed, and known to the planner's statistics.
-- Therapists' logins read all but money and contact data, of their own bookings.
create table internal.booking_facts (
    booking_id    text primary key,
    therapist_id  text,
    client_id     text,
    -- `-infinity`: not known.
    starts_at     timestamp not null,
    ends_at       timestamp not null,
    created_at    timestamp not null,
    -- The normalised words.
    status        text,
    mode          text not null,
    refund_status text,
    -- `active`, `cancelled` or `no_show`.
    counted_as    text not null,
    -- Whether a session note was submitted.
    noted         boolean not null,
    -- `cancelled`, `no_show`, `completed`, or else `open`: then the clock decides the state.
    phase         text not null,
    free          boolean not null,
    -- The client's name, folded; and what a search finds.
    name          text not null,
    search        text not null,
    -- Whether there is a session note, if only a draft.
    begun         boolean not null,
    -- Whether its payment is awaited; and the amount. Amounts are those in rupees.
    awaited       boolean not null,
    claimed       numeric not null,
    -- Of its rows in `payments`: how many are of money, and how much; refunds completed, and under way.
    payments      integer not null,
    paid          numeric not null,
    refunds       integer not null,
    refunded      numeric not null,
    open_refunds  integer not null,
    refunding     numeric not null,
    -- The same amounts in other currencies: by code an object of `claimed`, `paid`, `refunded` and `refunding`; null where
    -- there are none.
    elsewhere     jsonb
);
-- The lists of all and of one therapist, in each order offered, and by what few bookings may be.
create index booking_facts_by_start on internal.booking_facts (starts_at, booking_id);
create index booking_facts_of_therapist on internal.booking_facts (therapist_id, starts_at, booking_id);
create index booking_facts_of_therapist_by_status on internal.booking_facts (therapist_id, status, starts_at, booking_id);
create index booking_facts_of_client on internal.booking_facts (client_id, starts_at, booking_id);
create index booking_facts_by_name on internal.booking_facts (left(name, 100), booking_id);
create index booking_facts_by_created on internal.booking_facts (created_at, booking_id);
create index booking_facts_by_phase on internal.booking_facts (phase, starts_at, booking_id);
create index booking_facts_by_status on internal.booking_facts (status, starts_at, booking_id);
create index booking_facts_by_mode on internal.booking_facts (mode, starts_at, booking_id);
create index booking_facts_off on internal.booking_facts (starts_at, booking_id) where counted_as <> 'active';
create index booking_facts_elsewhere on internal.booking_facts (starts_at) where elsewhere is not null;
create index booking_facts_refunds on internal.booking_facts (refund_status, starts_at, booking_id)
    where refund_status is not null;
-- A therapist's sessions that have no note yet, or wait for its signature.
create index booking_facts_unnoted on internal.booking_facts (therapist_id, starts_at, booking_id) where not noted;
-- Bookings whose payment is awaited stand among the payments, as pending.
create index booking_facts_awaited on internal.booking_facts (booking_id) where awaited;
create index booking_facts_search on internal.booking_facts using gin (search internal.gin_trgm_ops);

-- How many bookings of each kind start in a week (from Monday, UTC): of each therapist, and of the whole practice. A count over
-- years reads these, and facts only of the weeks that it takes a part of. Words that are not known are ''.
create table internal.booking_sums (
    per_therapist boolean not null,
    therapist_id  text not null,
    week          timestamp not null,
    status        text not null,
    mode          text not null,
    refund_status text not null,
    counted_as    text not null,
    noted         boolean not null,
    phase         text not null,
    free          boolean not null,
    bookings      integer not null,
    primary key (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free)
);
-- What is to be added to them. Who writes facts appends, and waits for nobody; the worker adds.
create table internal.booking_sum_changes (
    change_id bigint generated always as identity primary key,
    like internal.booking_sums
);

-- What the bookings of a therapist that start in such a week come to: few rows, of which a therapist's figures are sums.
create table internal.therapist_weeks (
    therapist_id text not null,
    week         timestamp not null,
    sessions     integer not null,
    paid         numeric not null,
    refunded     numeric not null,
    primary key (therapist_id, week)
);
create table internal.therapist_week_changes (
    change_id bigint generated always as identity primary key,
    like internal.therapist_weeks
);
create index therapist_week_changes_of_therapist on internal.therapist_week_changes (therapist_id);

-- What a client's bookings come to, and what a therapist's with a client do: `functions/derived.sql`.
create table internal.client_facts (
    client_id    text primary key,
    -- Whom they are assigned to.
    therapist_id text,
    -- The name, folded; what a search finds; and the therapist's name, folded.
    name         text not null,
    search       text not null,
    therapist    text not null,
    -- The key of their phone: who shares it may be the same person.
    phone        text,
    -- When the server first knew of them; `-infinity`: another program added them.
    created_at   timestamptz not null,
    -- All bookings; those not cancelled, and the latest start among these; sessions.
    bookings     integer not null,
    standing     integer not null,
    latest       timestamp not null,
    sessions     integer not null,
    -- The last session that had begun when this was written, and the next: `-infinity`, `infinity` where there is none.
    last_session timestamp not null,
    next_session timestamp not null
);
create index client_facts_by_name on internal.client_facts (left(name, 100), client_id);
create index client_facts_by_therapist_name on internal.client_facts (left(therapist, 100), client_id);
create index client_facts_by_sessions on internal.client_facts (sessions, client_id);
create index client_facts_by_last_session on internal.client_facts (last_session, client_id);
create index client_facts_by_next_session on internal.client_facts (next_session);
create index client_facts_by_created on internal.client_facts (created_at, client_id);
create index client_facts_of_therapist on internal.client_facts (therapist_id, client_id);
create index client_facts_by_phone on internal.client_facts (phone, client_id) where phone is not null;
create index client_facts_search on internal.client_facts using gin (search internal.gin_trgm_ops);

create table internal.therapist_client_facts (
    therapist_id text not null,
    client_id    text not null,
    name         text not null,
    assigned     boolean not null,
    bookings     integer not null,
    standing     integer not null,
    latest       timestamp not null,
    sessions     integer not null,
    last_session timestamp not null,
    next_session timestamp not null,
    -- When the last of their sessions ends: until then the therapist sees the client's contact data.
    active_until timestamp not null,
    primary key (therapist_id, client_id)
);
create index therapist_client_facts_of_client on internal.therapist_client_facts (client_id);

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

-- Bookings whose facts are to be worked out again, since a payment, a note or the appointment of theirs was written.
create table internal.fact_changes (
    change_id  bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    booking_id text not null
);
create index fact_changes_of_transaction on internal.fact_changes (xid);
create index fact_changes_of_booking on internal.fact_changes (booking_id);

-- Which rows that lists show were written, by whomever: open streams tell of them (`src/notifications/stream/changes.rs`), and
-- minutes later they are forgotten. A stream that may have missed some says so; so nothing is lost with them.
create unlogged table internal.row_changes (
    change_id  bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    -- `booking`, `client` and so on; and the id, null for more rows than are told one by one.
    what       text not null,
    row_id     text,
    written_at timestamptz not null default clock_timestamp()
);
create index row_changes_of_transaction on internal.row_changes (xid);

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

-- What stood there before anything was tracked. Its facts are worked out in parts, in the order of the ids, beside other
-- programs; then the caches are rebuilt (`src/dashboards/cache/backfill.rs`). One row while that goes on.
create table internal.backfill (
    is_only  boolean primary key default true constraint backfill_is_one check (is_only),
    bookings bigint  not null,
    done     bigint  not null default 0,
    -- The last booking that is done.
    up_to    text    not null default ''
);
insert into internal.backfill (bookings)
select (select count(*) from public.bookings)
where exists (select from public.bookings) or exists (select from public.all_clients_table);
