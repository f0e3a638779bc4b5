-- The trail made tamper-evident: every entry gets a place in a chain of hashes, and the chain's heads are signed.
--
-- Whoever writes an entry queues it in the same statement, so that nothing of the hot path waits for anything else. The
-- sealer takes the queue up at least once a second: a queue knows what was committed late, which ids do not (they are
-- given out before the commit). What a person could be recognised by enters the chain as a salted hash, kept here with
-- its salt: erasing the value and the salt leaves the chain whole.

create table internal.audit_unsealed (
    entry_id bigint primary key
);

-- The chain, in its own order without gaps.
create table internal.audit_seals (
    seq                bigint primary key,
    entry_id           bigint not null,
    -- SHA-256 over the hash before it, the facts of the entry, and the three commitments.
    hash               bytea  not null,
    -- Where it came from, the facts in detail, the summary that the practice reads. No salt: erased.
    address_salt       bytea,
    address_commitment bytea  not null,
    detail_salt        bytea,
    detail_commitment  bytea  not null,
    summary_salt       bytea,
    summary_commitment bytea  not null
);
create unique index audit_seals_of_entry on internal.audit_seals (entry_id);

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

insert into internal.audit_unsealed (entry_id) select entry_id from internal.audit_entries;
