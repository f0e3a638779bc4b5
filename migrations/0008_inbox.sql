-- What services send to `POST /webhooks/{endpoint}`: `arrivals::inbox`.

-- Where a service sends to. One that was deleted stays while messages of it do.
create table internal.inbound_endpoints (
    endpoint_id integer     generated always as identity primary key,
    -- In its address; what else is in there is secret.
    public_id   text        not null unique,
    name        text        not null,
    source      text        not null,
    -- `shadow`: its messages are compared with the tables; `live`: they are carried out.
    mode        text        not null,
    paused      boolean     not null default false,
    created_at  timestamptz not null,
    created_by  integer,
    deleted_at  timestamptz,
    constraint inbound_endpoints_source check (source in ('dayschedule', 'razorpay', 'paperform', 'generic')),
    constraint inbound_endpoints_mode check (mode in ('shadow', 'live'))
);

-- The secrets of an endpoint: the present one and, after a change, the one before. One in the address is kept hashed, one that
-- signs has to be known, and is sealed.
create table internal.inbound_secrets (
    secret_id   integer     generated always as identity primary key,
    endpoint_id integer     not null references internal.inbound_endpoints,
    hash        bytea,
    sealed      bytea,
    created_at  timestamptz not null,
    constraint inbound_secrets_form check ((hash is null) <> (sealed is null))
);
create index inbound_secrets_of_endpoint on internal.inbound_secrets (endpoint_id, secret_id);

-- The messages, for 30 days.
create table internal.inbox (
    message_id  integer     generated always as identity primary key,
    endpoint_id integer     not null references internal.inbound_endpoints,
    -- By which a repeat is known.
    key         text        not null,
    -- What it is about, in the service's words; null where that was not understood.
    event       text,
    -- What it is worked in order with: a booking, or an order of the payment gateway.
    subject     text,
    -- The booking, once it is known.
    booking_id  text,
    -- Since when it is so, by the service's own clock.
    said_at     timestamptz,
    -- Sealed; null once its client's data was erased.
    body        bytea,
    received_at timestamptz not null,
    state       text        not null,
    -- Why it stands so, without anybody's data.
    reason      text,
    -- The columns that it changed, or would have changed.
    differences jsonb,
    tries       integer     not null default 0,
    -- When it is tried next; null: no more.
    due_at      timestamptz,
    done_at     timestamptz,
    constraint inbox_repeats unique (endpoint_id, key),
    constraint inbox_state check (state in (
        'waiting', 'applied', 'same', 'different', 'ignored', 'not_understood', 'given_up', 'erased'
    )),
    constraint inbox_due check (due_at is null or state = 'waiting')
);
create index inbox_due_at on internal.inbox (due_at) where due_at is not null;
create index inbox_of_subject on internal.inbox (subject) where subject is not null;
create index inbox_of_booking on internal.inbox (booking_id, message_id) where booking_id is not null;
create index inbox_by_state on internal.inbox (state, message_id);
create index inbox_by_age on internal.inbox (received_at);
