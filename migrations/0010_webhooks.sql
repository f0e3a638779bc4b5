-- Events that are sent to other systems: `src/webhooks`, and `functions/webhooks.sql`, where they arise.

-- Where events are sent. One that was deleted stays while deliveries to it do.
create table internal.outbound_endpoints (
    endpoint_id   integer     generated always as identity primary key,
    name          text        not null,
    url           text        not null,
    event_types   text[]      not null,
    paused        boolean     not null default false,
    -- Since when every attempt has failed; null: the last one succeeded.
    failing_since timestamptz,
    -- When nothing more was sent, and why: `failing` or `gone`.
    disabled_at   timestamptz,
    disabled_for  text,
    created_at    timestamptz not null,
    created_by    integer,
    deleted_at    timestamptz,
    constraint outbound_endpoints_disabled check ((disabled_at is null) = (disabled_for is null))
);

-- The secrets that an endpoint's deliveries are signed with, sealed: the present one and, after a change, the one before.
create table internal.outbound_secrets (
    secret_id   integer     generated always as identity primary key,
    endpoint_id integer     not null references internal.outbound_endpoints on delete cascade,
    sealed      bytea       not null,
    created_at  timestamptz not null
);
create index outbound_secrets_of_endpoint on internal.outbound_secrets (endpoint_id, secret_id);

-- Versions of events: drawn while the row that changed is locked, so that those of one thing only grow.
create sequence internal.webhook_versions;

-- The outbox: an event for an endpoint, written in the transaction of the change; and the log of its delivery, for 30 days.
create table internal.webhook_deliveries (
    delivery_id   integer     generated always as identity primary key,
    endpoint_id   integer     not null references internal.outbound_endpoints,
    -- The same over all attempts.
    webhook_id    text        not null default 'evt_' || gen_random_uuid()::text,
    event_type    text        not null,
    -- The thing that changed, and the transaction in which it did: what changes twice in one is one event.
    subject       text        not null,
    xid           xid8        not null default pg_current_xact_id(),
    version       bigint      not null,
    ids           jsonb       not null,
    changed       text[]      not null,
    occurred_at   timestamptz not null default now(),
    state         text        not null default 'waiting',
    attempts      integer     not null default 0,
    -- The next attempt; while one is made, when it counts as lost. Null: no more.
    due_at        timestamptz default '-infinity',
    last_at       timestamptz,
    -- The last answer's status; and why the last attempt failed.
    last_status   integer,
    last_error    text,
    constraint webhook_deliveries_state check (state in ('waiting', 'delivered', 'failed'))
);
create unique index webhook_deliveries_once on internal.webhook_deliveries (xid, subject, endpoint_id);
create index webhook_deliveries_due on internal.webhook_deliveries (endpoint_id, due_at, delivery_id)
    where due_at is not null;
create index webhook_deliveries_of_endpoint on internal.webhook_deliveries (endpoint_id, delivery_id);
create index webhook_deliveries_by_age on internal.webhook_deliveries (occurred_at);
