-- What a second admin confirms: changes of accounts, and requests to erase a client's data.

-- Changes of an account that decide who logs in by it, and as whom. A therapist's account that an admin made, enabled,
-- reset or gave another role or therapist opens no clinical text until another admin confirms it, or until `opens_at`.
create table internal.account_changes (
    change_id    integer     generated always as identity primary key,
    user_id      integer     not null,
    kind         text        not null,
    -- The admin who did it; null: the command line.
    changed_by   integer,
    changed_at   timestamptz not null,
    -- The role before, where it is another now; and the therapist that the account stands for since.
    former_role  text,
    therapist_id text,
    needs_review boolean     not null,
    -- From when on it counts without a review; null while somebody can review it.
    opens_at     timestamptz,
    confirmed_at timestamptz,
    -- Null: the command line.
    confirmed_by integer,
    constraint account_changes_kind check (kind in (
        'created', 'enabled', 'password_reset', 'role_changed', 'therapist_changed'
    )),
    constraint account_changes_review check (
        (needs_review or confirmed_at is null)
        and (confirmed_at is not null or confirmed_by is null)
        and (confirmed_by is null or confirmed_by <> changed_by)
    )
);
-- The list by time; what an account awaits; whose accounts an admin has changed.
create index account_changes_by_time on internal.account_changes (changed_at, change_id) where needs_review;
create index account_changes_awaited on internal.account_changes (user_id) where needs_review and confirmed_at is null;
create index account_changes_of_admin on internal.account_changes (changed_by, changed_at);

-- The one link of an account by which its user sets a password, hashed. It is gone once it is used.
create table internal.account_links (
    user_id    integer     primary key,
    token_hash bytea       not null,
    expires_at timestamptz not null
);
create unique index account_links_by_token on internal.account_links (token_hash);
create index account_links_by_age on internal.account_links (expires_at);

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
