-- The audit trail, made tamper-evident: every entry gets a place in a chain of hashes, and the chain's heads are signed.
--
-- An entry is queued by the statement that writes it, so that a request waits for nothing else. The sealer empties the
-- queue at least once a second: a queue holds late commits too, which ids do not show (they are drawn before the commit).
-- Values that a person could be recognised by enter the chain as a salted hash, kept here with its salt: erasing the value
-- and the salt leaves the chain whole.

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
-- The access log of a client finds entries by the client they name. The few about notes that had no client yet are found
-- by the note, once it has one.
create index audit_entries_of_unowned_notes on internal.audit_entries (subject_type, subject_id)
    where client_id is null and subject_type in ('session_note', 'additional_note');

-- The queue of the sealer.
create table internal.audit_unsealed (
    entry_id bigint primary key
);

-- The chain, in its own order without gaps.
create table internal.audit_seals (
    seq                bigint primary key,
    entry_id           bigint not null,
    -- SHA-256 over the hash before it, the facts of the entry, and the three commitments.
    hash               bytea  not null,
    -- The address, the facts in detail, and the summary that the practice reads. No salt: erased.
    address_salt       bytea,
    address_commitment bytea  not null,
    detail_salt        bytea,
    detail_commitment  bytea  not null,
    summary_salt       bytea,
    summary_commitment bytea  not null
);
create unique index audit_seals_of_entry on internal.audit_seals (entry_id);

-- Where an instance found that the chain had been rewritten behind a head that it had seen. Nothing is sealed while the last one is
-- not over.
create table internal.trail_breaks (
    break_id     bigint      generated always as identity primary key,
    found_at     timestamptz not null,
    -- The place and head that were remembered, and the last ones that were found; none where no head was left.
    seq          bigint      not null,
    head         bytea       not null,
    found_seq    bigint,
    found_head   bytea,
    -- How it was resumed: signed for this break, so that nobody without the key marks it as over.
    resumed_at   timestamptz,
    reason       text,
    resumed_seq  bigint,
    resumed_head bytea,
    key_id       text,
    signature    bytea,
    constraint trail_breaks_resumed check (
        (resumed_at is null) = (reason is null)
        and (resumed_at is null) = (resumed_seq is null)
        and (resumed_at is null) = (resumed_head is null)
    )
);
create unique index trail_breaks_open on internal.trail_breaks ((resumed_at is null)) where resumed_at is null;

-- The heads of the chain, one for each time it was continued.
create table internal.audit_checkpoints (
    seq       bigint      primary key,
    entries   integer     not null,
    sealed_at timestamptz not null,
    head      bytea       not null,
    -- Ed25519; none where the server was given no key.
    key_id    text,
    signature bytea
);
