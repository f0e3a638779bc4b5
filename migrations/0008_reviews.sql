-- Reviews of exports, grants that nobody can review, and requests to erase a client's data, which a second admin accepts.

-- An export with notes waits for review as a grant does. Nothing is read under it afterwards.
drop index internal.break_glass_grants_unreviewed;
alter table internal.break_glass_grants
    add column kind text not null default 'grant',
    -- When it was closed since no admin could review it.
    add column unreviewed_at timestamptz,
    drop constraint break_glass_grants_hour,
    add constraint break_glass_grants_kind check (kind in ('grant', 'export')),
    add constraint break_glass_grants_hour check (
        case kind when 'export' then expires_at = opened_at else expires_at > opened_at end
    ),
    add constraint break_glass_grants_closed_once check (reviewed_at is null or unreviewed_at is null);
-- Those that wait for review; those that were closed without one, which are kept as long.
create index break_glass_grants_unreviewed on internal.break_glass_grants (opened_at, grant_id)
    where reviewed_at is null and unreviewed_at is null;
create index break_glass_grants_closed_unreviewed on internal.break_glass_grants (unreviewed_at)
    where unreviewed_at is not null;

-- Requests to erase a client's data. To erase the data is to clear `reason`: no other column is about the person.
create table internal.erase_requests (
    request_id   integer     generated always as identity primary key,
    client_id    text        not null,
    -- The client's records at that time: its own, and those merged into it. Where others are merged into it later, the
    -- erasure has to be requested anew.
    client_ids   text[]      not null,
    -- The keys of the client's rows at that time, by table. Where others have been added, it has to be requested anew, too.
    rows         jsonb       not null,
    ground       text        not null,
    reason       text        not null,
    requested_by integer     not null,
    requested_at timestamptz not null,
    -- Until when another admin may accept it.
    expires_at   timestamptz not null,
    -- When it is carried out without a second admin; null in a practice that has one.
    runs_at      timestamptz,
    -- The problem that refused it when it was last due.
    refused_as   text,
    ended_at     timestamptz,
    outcome      text,
    -- The admin who accepted or withdrew it.
    ended_by     integer,
    constraint erase_requests_outcome check (
        (ended_at is null) = (outcome is null)
        and (ended_by is null or ended_at is not null)
        and outcome in ('erased', 'withdrawn', 'expired')
    ),
    constraint erase_requests_second_admin check (outcome <> 'erased' or ended_by is distinct from requested_by)
);
-- A client has one request that waits. The list by time; the requests of one client; those kept long enough.
create unique index erase_requests_waiting on internal.erase_requests (client_id) where ended_at is null;
create index erase_requests_by_time on internal.erase_requests (requested_at, request_id);
create index erase_requests_of_client on internal.erase_requests (client_id);
create index erase_requests_ended on internal.erase_requests (ended_at) where ended_at is not null;

-- When the erasure was requested, and the admin who accepted it; null where the practice had one admin only, and in
-- certificates from before there were requests.
alter table internal.erasure_certificates
    add column requested_at timestamptz,
    add column accepted_by integer;
