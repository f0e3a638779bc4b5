-- The server's own tables beside the twenty: logins, idempotency, the links and states that the twenty cannot express.
--
-- Nothing here has a foreign key into `public`: other programs write and delete there as its owner and must not be
-- disturbed by us. Times are timestamptz here; only the twenty tables hold zone-less UTC.

create schema if not exists internal;

-- What the server notes about this database (such as: the demo data has been loaded).
create table internal.properties (
    name  text primary key,
    value text not null
);

-- Locked by who makes a report.
insert into internal.properties (name, value) values ('reports', '');

-- When an instance last tried whether the database takes writes. One row.
create table internal.write_probe (
    is_only    boolean     primary key default true constraint write_probe_is_one check (is_only),
    written_at timestamptz not null
);

-- What was found when whole tables were read last (`src/app/reports.rs`): by each check of the data, by its code, and
-- `reconciliation`, whose rows are in `internal.disagreements`. The samples name ids only.
create table internal.reports (
    name    text        primary key,
    as_of   timestamptz not null,
    found   bigint      not null,
    samples jsonb       not null
);

-- The disagreements about money between the tables (`internal.money_disagreements`), as of the report `reconciliation`.
create table internal.disagreements (
    place         text   primary key,
    kind          text   not null,
    booking_id    text,
    payment_id    bigint,
    refund_row    integer,
    bookings      text,
    payments      text,
    refunds       text,
    cancellations text
);
create index disagreements_of_kind on internal.disagreements (kind, place);

-- Each run of a re-run file (`functions/`, `policies.sql`), with the checksum of its text. The last one is in force.
create table internal.applied_files (
    id         bigint      generated always as identity primary key,
    name       text        not null,
    checksum   bytea       not null,
    applied_at timestamptz not null default now()
);

-- The role that therapists' requests log in as, made by `safestories migrate` or named by an administrator (then without a
-- password here), and the key that seals for whom a transaction of theirs is. One row.
create table internal.therapist_login (
    is_only  boolean primary key default true constraint therapist_login_is_one check (is_only),
    login    text,
    password text,
    seal_key bytea not null
);

-- Logins

-- States of an account that have no column in public.users. No row: enabled.
create table internal.accounts (
    user_id             integer primary key,
    disabled_at         timestamptz,
    password_changed_at timestamptz
);

-- The second factor of a login (RFC 6238). No row, or not confirmed: none is asked for.
create table internal.second_factors (
    user_id      integer primary key,
    -- Sealed with a key derived from the server's secret.
    secret       bytea   not null,
    confirmed_at timestamptz,
    -- The last time step accepted: a code is good once.
    last_step    bigint
);

-- One-time codes for a lost second factor, hashed.
create table internal.recovery_codes (
    user_id   integer not null,
    code_hash bytea   not null,
    used_at   timestamptz,
    constraint recovery_codes_pkey primary key (user_id, code_hash)
);

-- A login, from its password to its end. Access tokens name it; ending it ends them.
create table internal.sessions (
    session_id   uuid        primary key,
    user_id      integer     not null,
    created_at   timestamptz not null,
    last_used_at timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    end_reason   text,
    ip_address   text,
    user_agent   text
);
create index sessions_of_user on internal.sessions (user_id) where ended_at is null;
-- Whether an account logged in from a network lately.
create index sessions_by_login on internal.sessions (user_id, created_at);
create index sessions_ended on internal.sessions (ended_at) where ended_at is not null;
create index sessions_expired on internal.sessions (expires_at);

-- The refresh tokens of a session, hashed: a chain, in which each has one successor and one is unused. The used ones stay, so
-- that their reuse is seen.
create table internal.refresh_tokens (
    token_hash bytea       primary key,
    session_id uuid        not null references internal.sessions on delete cascade,
    issued_at  timestamptz not null,
    used_at    timestamptz,
    -- The successor, sealed with a key derived from this token, so that only somebody who presents this token can open it.
    -- Kept while the same successor may be answered again.
    successor  bytea
);
create unique index refresh_tokens_unused on internal.refresh_tokens (session_id) where used_at is null;
create index refresh_tokens_sealed on internal.refresh_tokens (session_id) where successor is not null;
create index refresh_tokens_of_session on internal.refresh_tokens (session_id);
create index refresh_tokens_by_age on internal.refresh_tokens (issued_at);

-- Attempts to log in since the last success, by account and address together (hashed): nobody can lock another out.
create table internal.login_attempts (
    attempt_key    bytea       primary key,
    failures       integer     not null,
    last_failed_at timestamptz not null
);
create index login_attempts_by_age on internal.login_attempts (last_failed_at);

-- Guesses that were wrong, or are being checked: of a second factor and of a password by somebody who holds a token, by account;
-- of names, by network. A bound looks back on those of its subject.
create table internal.guesses (
    subject    text        not null,
    -- Any number; of a name its digest, since it counts once.
    guess      bytea       not null,
    guessed_at timestamptz not null,
    constraint guesses_pkey primary key (subject, guess)
);
create index guesses_of_subject on internal.guesses (subject, guessed_at);
create index guesses_by_age on internal.guesses (guessed_at);

-- The result of a POST with an Idempotency-Key: written with the effect, read by its repeats, kept for a day.
create table internal.idempotency_keys (
    user_id      integer     not null,
    route        text        not null,
    key          text        not null,
    request_hash bytea       not null,
    status       smallint    not null,
    resource_id  text        not null,
    created_at   timestamptz not null,
    constraint idempotency_keys_pkey primary key (user_id, route, key)
);
create index idempotency_keys_by_age on internal.idempotency_keys (created_at);

-- The one calendar link of a user, hashed. It belongs to a therapist: if the account is given another one, it opens nothing.
create table internal.calendar_links (
    user_id      integer     primary key,
    therapist_id text        not null,
    token_hash   bytea       not null,
    created_at   timestamptz not null
);
create unique index calendar_links_by_token on internal.calendar_links (token_hash);

-- People

-- Therapists who do not take sessions any more. No row: at work.
create table internal.retirements (
    therapist_id text        primary key,
    retired_at   timestamptz not null
);

-- States of a client that have no column in public.all_clients_table.
create table internal.clients (
    client_id             text        primary key,
    created_at            timestamptz not null,
    possible_duplicate_of text,
    merged_into           text,
    -- When the record was erased, and by which certificate.
    erased_at             timestamptz,
    erasure_id            bigint
);
create index clients_possible_duplicates on internal.clients (possible_duplicate_of)
    where possible_duplicate_of is not null;
create index clients_by_created on internal.clients (created_at, client_id);
-- A merge looks for all rows that refer to a client.
create index clients_merged_into on internal.clients (merged_into) where merged_into is not null;

-- Names and phones that clients had before they were corrected, or their record was merged into another: a booking under one
-- of them finds its person. Written by a trigger, and by a merge.
create table internal.former_contacts (
    client_id    text not null,
    client_name  text,
    phone_number text
);
create index former_contacts_of_client on internal.former_contacts (client_id);

-- The client that a booking request is about.
create table internal.request_clients (
    request_id integer primary key,
    client_id  text    not null
);
create index request_clients_of_client on internal.request_clients (client_id);

-- States of a request that have no column in public.booking_requests. No row: sent once, and no booking is known that came
-- of it.
create table internal.request_facts (
    request_id integer primary key,
    resent     integer not null default 0,
    resent_at  timestamptz,
    -- The booking that made it `booked`.
    booking_id text
);

-- The client that a transfer is about.
create table internal.transfer_clients (
    transfer_id integer primary key,
    client_id   text    not null
);
create index transfer_clients_of_client on internal.transfer_clients (client_id);

-- Sessions and their notes

-- The SEQUENCE of a session in calendars: how often its time or standing has changed. No row: never.
create table internal.calendar_revisions (
    booking_id text    primary key,
    sequence   integer not null
);

-- Session notes written through this server. A note without a row here was written by another program: submitted.
create table internal.session_notes (
    note_id    integer     primary key,
    booking_id text        not null,
    author_id  integer     not null,
    started_at timestamptz not null,
    signed_at  timestamptz
);
create unique index session_notes_of_booking on internal.session_notes (booking_id);
create index session_notes_unsigned on internal.session_notes (note_id) where signed_at is null;

-- Each state that a note written here has been in; of all notes, what another program overwrote or deleted.
create table internal.note_versions (
    note_id    integer     not null,
    version    integer     not null,
    saved_at   timestamptz not null,
    -- Null: another program.
    author_id  integer,
    event      text        not null,
    -- Every field that differs from the version before: {"field": {"from": …, "to": …}}.
    changes    jsonb       not null,
    -- The booking of the note before another program changed it: such a note may be gone, or be of another booking now.
    booking_id text,
    constraint note_versions_pkey primary key (note_id, version),
    constraint note_versions_event check (
        event = any (case when author_id is null then array['overwritten', 'deleted']
                          else array['created', 'saved', 'signed'] end)
    )
);
create index note_versions_of_others on internal.note_versions (booking_id, note_id) where author_id is null;

-- Additions to a note after it was signed, or to one that another program wrote.
create table internal.note_addenda (
    addendum_id bigint      generated always as identity primary key,
    note_id     integer     not null,
    author_id   integer     not null,
    created_at  timestamptz not null,
    text        text        not null
);
create index note_addenda_of_note on internal.note_addenda (note_id, addendum_id);

-- Access to clinical text, and its erasure

-- Break-glass: an admin reads the clinical text of one client for an hour, and says why.
--
-- Entries of the audit trail name the grant under which something was read as their subject. This table holds who opened
-- the grant, why, until when, and which other admin reviewed it. To erase a client's data is to clear `reason` and
-- `review_note` of their grants: no other column is about the person.
create table internal.break_glass_grants (
    grant_id      integer     generated always as identity primary key,
    client_id     text        not null,
    -- The account that opened it, and the only one that reads under it.
    user_id       integer     not null,
    -- An export with notes waits for review as a grant does. Nothing is read under it afterwards.
    kind          text        not null default 'grant',
    reason        text        not null,
    opened_at     timestamptz not null,
    expires_at    timestamptz not null,
    -- Closed by another admin; it ends with that.
    reviewed_at   timestamptz,
    reviewed_by   integer,
    review_note   text,
    -- When it was closed since no admin could review it.
    unreviewed_at timestamptz,
    constraint break_glass_grants_kind check (kind in ('grant', 'export')),
    constraint break_glass_grants_hour check (
        case kind when 'export' then expires_at = opened_at else expires_at > opened_at end
    ),
    constraint break_glass_grants_closed_once check (reviewed_at is null or unreviewed_at is null),
    constraint break_glass_grants_review check (
        (reviewed_at is null) = (reviewed_by is null)
        and reviewed_by is distinct from user_id
        and (review_note is null or reviewed_at is not null)
    )
);
-- The list by time; the grants of one client, and whether one is open; those that wait for review; those kept long enough,
-- reviewed or closed without a review.
create index break_glass_grants_by_opened on internal.break_glass_grants (opened_at, grant_id);
create index break_glass_grants_of_client on internal.break_glass_grants (client_id, user_id, expires_at);
create index break_glass_grants_unreviewed on internal.break_glass_grants (opened_at, grant_id)
    where reviewed_at is null and unreviewed_at is null;
create index break_glass_grants_reviewed on internal.break_glass_grants (reviewed_at) where reviewed_at is not null;
create index break_glass_grants_closed_unreviewed on internal.break_glass_grants (unreviewed_at)
    where unreviewed_at is not null;

-- The notes that a transaction may destroy. The erasure of a client's data writes this row before anything else.
create table internal.erasures (
    erasure_id bigint    generated always as identity primary key,
    client_id  text      not null,
    note_ids   integer[] not null,
    txid       xid8      not null
);
create index erasures_of_transaction on internal.erasures (txid);

-- The record of an erasure: who erased whose data, when, on what ground, and how many rows of which table were destroyed,
-- made anonymous or kept. It holds nothing that a person could be recognised by, and stays for good: it shows that the
-- practice did as it was asked. Its SHA-256 stands in the chain of the audit trail as well.
create table internal.erasure_certificates (
    erasure_id   bigint      primary key,
    client_id    text        not null,
    -- When it was requested; the admin who accepted it, null where the practice had one admin only.
    requested_at timestamptz,
    accepted_by  integer,
    erased_at    timestamptz not null,
    erased_by    integer     not null,
    ground       text        not null,
    reason       text,
    -- The records that had been merged into the client's, and the counts table by table.
    merged       text[]      not null,
    tables       jsonb       not null,
    -- The same in words, and the SHA-256 of those.
    statement    text        not null,
    sha256       bytea       not null
);
create unique index erasure_certificates_of_client on internal.erasure_certificates (client_id);

-- The caches

-- The cache row of each booking, and of each client and therapist: the cache tables have no such key of their own.
create table internal.appointments_cache_rows (
    booking_id text    primary key,
    id         integer not null
);

create table internal.clients_summary_rows (
    client_id    text    not null,
    therapist_id text    not null,
    id           integer not null,
    constraint clients_summary_rows_pkey primary key (client_id, therapist_id)
);
