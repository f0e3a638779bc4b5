-- Which messages clients agreed to get: `src/clients/consents.rs`. A row for each time that somebody said so; of a client and
-- a channel the latest counts.
create table internal.consents (
    consent_id integer     generated always as identity primary key,
    client_id  text        not null,
    channel    text        not null,
    given      boolean     not null,
    -- Where the client said so: 'booking page', 'intake form'.
    source     text        not null,
    said_at    timestamptz not null,
    constraint consents_channel check (channel in ('whatsapp', 'email'))
);
create index consents_of_client on internal.consents (client_id, channel, said_at, consent_id);
