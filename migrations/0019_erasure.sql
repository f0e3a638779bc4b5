-- The erasure of a client's data: what is kept of it.
--
-- A row of internal.erasures (0015) says which notes a transaction may destroy. The certificate tells what came of it: who
-- erased whose data, when, on what ground, and how many rows of which table were destroyed, made anonymous or kept. It holds
-- nothing that a person could be recognised by, and stays for good: it is how the practice shows that it did what it was
-- asked. Its SHA-256 stands in the chain of the trail as well.

create table internal.erasure_certificates (
    erasure_id bigint      primary key,
    client_id  text        not null,
    erased_at  timestamptz not null,
    erased_by  integer     not null,
    ground     text        not null,
    reason     text,
    -- The records that had been merged into the client's, and what was done, table by table.
    merged     text[]      not null,
    tables     jsonb       not null,
    -- The same in words, and the SHA-256 of those.
    statement  text        not null,
    sha256     bytea       not null
);
create unique index erasure_certificates_of_client on internal.erasure_certificates (client_id);
create trigger erasure_certificates_keep before update or delete on internal.erasure_certificates
    for each row execute function internal.keep();
create trigger erasure_certificates_keep_all before truncate on internal.erasure_certificates
    for each statement execute function internal.keep();

-- Whose record says nothing any more, since when, and by which certificate.
alter table internal.clients
    add column erased_at timestamptz,
    add column erasure_id bigint;

-- The notifications about a booking, a transfer, a request.
create index notifications_by_related on public.notifications (related_id) where related_id is not null;
