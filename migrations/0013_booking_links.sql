-- The links with which clients book by themselves: `booking_requests::link`, and `booking_links` for the page that they open.

create table internal.booking_links (
    request_id   integer     primary key,
    -- The HMAC of the token. The link itself stands in the request.
    token_hash   bytea       not null unique,
    -- Whose times it offers.
    therapist_id text        not null,
    -- The price; null where the session is free.
    amount       numeric,
    currency     text,
    -- Until when it books.
    expires_at   timestamptz not null
);
