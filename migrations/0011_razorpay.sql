-- Money through the payment gateway: `src/payment_links`, `src/payments/refunds/send.rs`.

-- The links by which a booking is paid. The last one of a booking counts.
create table internal.payment_links (
    link_id            integer     generated always as identity primary key,
    booking_id         text        not null,
    -- Unique at the gateway: by it a link is found whose making was not answered.
    reference_id       text        not null unique,
    amount             numeric     not null,
    currency           text        not null,
    expires_at         timestamptz not null,
    -- Whether the booking is cancelled where the link expires unpaid.
    cancels_booking    boolean     not null,
    -- `making`: the gateway has not answered yet. `refused`: it does not make it.
    state              text        not null,
    -- The gateway's id of it, and where it is paid.
    gateway_id         text        unique,
    short_url          text,
    -- What the gateway said last, where that was no yes.
    reason             text,
    cancel_asked_at    timestamptz,
    -- When it expired or was cancelled, by the gateway's clock.
    ended_at           timestamptz,
    -- Money that is authorised, and not (yet) taken.
    authorized_at      timestamptz,
    paid_at            timestamptz,
    -- Whether it was paid after it had ended.
    paid_late          boolean     not null default false,
    order_id           text,
    gateway_payment_id text,
    created_at         timestamptz not null,
    created_by         integer,
    tries              integer     not null default 0,
    -- When the gateway is told or asked next; null: no more.
    due_at             timestamptz,
    constraint payment_links_state check (state in ('making', 'open', 'paid', 'expired', 'cancelled', 'refused'))
);
create unique index payment_links_standing on internal.payment_links (booking_id) where state in ('making', 'open');
create index payment_links_of_booking on internal.payment_links (booking_id, link_id);
create index payment_links_by_state on internal.payment_links (state, link_id) where state <> 'paid';
create index payment_links_paid_late on internal.payment_links (link_id) where paid_late;
create index payment_links_due on internal.payment_links (due_at) where due_at is not null;
create index payment_links_of_order on internal.payment_links (order_id) where order_id is not null;
create index payment_links_of_payment on internal.payment_links (gateway_payment_id) where gateway_payment_id is not null;

-- The gateway's ids of payments: `payments.payment_reference_id` names their order.
create table internal.gateway_payments (
    payment_id         integer primary key,
    gateway_payment_id text    not null
);
create index gateway_payments_by_id on internal.gateway_payments (gateway_payment_id);

-- Refunds that are to be sent to the gateway, an attempt a row.
create table internal.gateway_refunds (
    attempt_id      integer     generated always as identity primary key,
    payment_id      integer     not null,
    amount          numeric     not null,
    currency        text        not null,
    -- Of this attempt alone: with it, however often it is sent, the gateway gives the money back once.
    idempotency_key text        not null unique,
    -- `due`: not answered yet. `sent`: the gateway works on it.
    state           text        not null,
    -- The gateway's id of the refund.
    gateway_id      text,
    reason          text,
    created_at      timestamptz not null,
    done_at         timestamptz,
    tries           integer     not null default 0,
    due_at          timestamptz,
    constraint gateway_refunds_state check (state in ('due', 'sent', 'completed', 'failed', 'withdrawn'))
);
create unique index gateway_refunds_running on internal.gateway_refunds (payment_id) where state in ('due', 'sent');
create index gateway_refunds_due on internal.gateway_refunds (due_at) where due_at is not null;
create index gateway_refunds_by_id on internal.gateway_refunds (gateway_id) where gateway_id is not null;
