-- Messages to clients: `src/messages`. A row is written in the transaction of what caused it, and worked by a task.
create table internal.messages (
    message_id   integer     generated always as identity primary key,
    kind         text        not null,
    -- Of a reminder: how many hours before the session.
    hours_before integer     not null default 0,
    -- What it is about: a booking, or a booking request.
    booking_id   text,
    request_id   integer,
    -- The session's start that it names.
    start_at     timestamptz,
    -- Sealed.
    link         bytea,
    state        text        not null,
    -- Why it stands so: a word.
    reason       text,
    -- What the service said, without anybody's data.
    answer       text,
    channel      text,
    -- The service's own id of it.
    service_id   text,
    tries        integer     not null default 0,
    created_at   timestamptz not null,
    -- When it is to be sent; null: no more.
    due_at       timestamptz,
    -- Until when an instance has it in hand.
    leased_until timestamptz,
    done_at      timestamptz,
    constraint messages_about check ((booking_id is null) <> (request_id is null)),
    constraint messages_state check (state in ('waiting', 'sending', 'sent', 'not_sent', 'failed', 'unclear')),
    constraint messages_due check ((due_at is not null) = (state = 'waiting')),
    constraint messages_leased check ((leased_until is not null) = (state = 'sending'))
);
create unique index messages_once on internal.messages (booking_id, kind, start_at, hours_before)
    where booking_id is not null;
create index messages_of_request on internal.messages (request_id, message_id) where request_id is not null;
create index messages_due_at on internal.messages (due_at, message_id) where due_at is not null;
create index messages_leased_until on internal.messages (leased_until) where leased_until is not null;
create index messages_by_state on internal.messages (state, message_id);
create index messages_by_age on internal.messages (created_at);
