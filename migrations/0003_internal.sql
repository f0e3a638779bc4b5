-- What the server needs beyond the 20 tables: logins, the trail, idempotency, and the links that the tables cannot hold.
--
-- Nothing here has a foreign key into `public`: other programs write and delete there as its owner and must not be
-- disturbed by us. Times are timestamptz here; only the 20 tables hold zone-less UTC.

create schema if not exists internal;

-- What a row of public.users cannot say. No row: enabled.
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
create index sessions_ended on internal.sessions (ended_at) where ended_at is not null;
create index sessions_expired on internal.sessions (expires_at);

-- The refresh tokens of a session, hashed. The used ones stay, so that their reuse is seen.
create table internal.refresh_tokens (
    token_hash bytea       primary key,
    session_id uuid        not null references internal.sessions on delete cascade,
    issued_at  timestamptz not null,
    used_at    timestamptz
);
create index refresh_tokens_of_session on internal.refresh_tokens (session_id);

-- Attempts to log in since the last success, by account and address together (hashed): nobody can lock another out.
create table internal.login_attempts (
    attempt_key    bytea       primary key,
    failures       integer     not null,
    last_failed_at timestamptz not null
);
create index login_attempts_by_age on internal.login_attempts (last_failed_at);

-- What a POST with an Idempotency-Key did: written with the effect, read by its repeats, kept for a day.
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

-- The trail in full: one entry per subject a request touched or tried to touch. `public.audit_logs` is its summary.
create table internal.audit_entries (
    entry_id     bigint      generated always as identity primary key,
    log_id       integer,
    at           timestamptz not null,
    actor_id     integer,
    actor_role   text        not null,
    session_id   uuid,
    request_id   text        not null,
    route        text        not null,
    action       text        not null,
    subject_type text,
    subject_id   text,
    client_id    text,
    outcome      text        not null,
    status       smallint,
    ip_address   text,
    detail       jsonb       not null default '{}',
    constraint audit_entries_outcome check (outcome in ('done', 'refused', 'failed'))
);
create index audit_entries_of_subject on internal.audit_entries (subject_type, subject_id, entry_id);
create index audit_entries_of_client on internal.audit_entries (client_id, entry_id) where client_id is not null;
create index audit_entries_of_log on internal.audit_entries (log_id) where log_id is not null;

-- What a row of public.all_clients_table cannot say.
create table internal.clients (
    client_id             text        primary key,
    created_at            timestamptz not null,
    possible_duplicate_of text,
    merged_into           text
);
create index clients_possible_duplicates on internal.clients (possible_duplicate_of)
    where possible_duplicate_of is not null;

-- Which client a booking request, or a transfer, is about.
create table internal.request_clients (
    request_id integer primary key,
    client_id  text    not null
);
create index request_clients_of_client on internal.request_clients (client_id);
create table internal.transfer_clients (
    transfer_id integer primary key,
    client_id   text    not null
);
create index transfer_clients_of_client on internal.transfer_clients (client_id);

-- Session notes written through this server. A note without a row here was written by another program: submitted.
create table internal.session_notes (
    note_id    integer     primary key,
    booking_id text        not null,
    author_id  integer     not null,
    started_at timestamptz not null,
    signed_at  timestamptz
);
create unique index session_notes_of_booking on internal.session_notes (booking_id);

-- Which cache row stands for what: the cache tables have no key of their own.
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

-- Facts about this database that the server keeps for itself (such as: the demo data has been loaded).
create table internal.facts (
    name  text primary key,
    value text not null
);
