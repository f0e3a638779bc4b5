-- The list of clients, and who may be whom: what it is filtered, ordered and searched by, and when two phones are one.
--
-- A client's standing (lead, active, drop_out, inactive) and last session change with the clock and with rows that other
-- programs write, so they are not kept but read: the view and the sets below are inlined, and every condition on them is
-- an index walk that ends early (`src/clients/find.rs` says what was measured).

-- When two phones are one: the digits with the country before them, without the zeros that are dialled before a country,
-- after one or in its place. A number of ten digits without a country is Indian. What is too short, or one digit
-- repeated, is no phone. (The last ten digits, which were compared before, differ between `+971 (0)50 123 4567` and
-- `+971501234567`, whose national number has nine.)
create function internal.phone_key(phone text) returns text
    language sql immutable parallel safe
    return case
        when length(ltrim(internal.digits(phone), '0')) < 6 then null
        when btrim(regexp_replace(ltrim(internal.digits(phone), '0'), '^91', ''), right(internal.digits(phone), 1)) = ''
            then null
        when length(ltrim(internal.digits(phone), '0')) = 10
            and phone not like '%+%'
            and internal.digits(phone) not like '00%'
            then '91' || ltrim(internal.digits(phone), '0')
        else left(regexp_replace(
            ltrim(internal.digits(phone), '0'),
            '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]'
                || '|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])[0-9])0+',
            '\1'
        ), 20)
    end;
drop index public.all_clients_by_phone;
create index all_clients_by_phone_key on public.all_clients_table (internal.phone_key(phone_number));
-- Transfers of other programs do not say which client they are about.
create index client_transfer_history_by_phone_key on public.client_transfer_history
    (internal.phone_key(client_phone));

-- The orders of the list. Cut, because another program's name may be longer than an index entry can be.
create index all_clients_by_name on public.all_clients_table
    (left(lower(coalesce(client_name, '')), 100), client_id);
create index all_clients_by_sessions on public.all_clients_table (coalesce(no_of_sessions, 0), client_id);
create index clients_by_created on internal.clients (created_at, client_id);
create index all_clients_search on public.all_clients_table
    using gin (internal.search_text(client_name, email_id, phone_number) internal.gin_trgm_ops);

-- Whose bookings are whose. A start that is not known counts as long past.
create view internal.client_bookings as
select a.client_id,
       b.booking_id,
       b.therapist_id,
       coalesce(b.booking_start_at, '-infinity') as start_at,
       internal.booking_status(b.booking_status) is not distinct from 'cancelled' as is_cancelled,
       internal.is_active(b.booking_status) as is_active
from public.appointment_table a
join public.bookings b on b.booking_id = a.session_id;

-- Since when a session makes a client an active one.
create function internal.active_since(at timestamp) returns timestamp
    language sql immutable parallel safe
    return at - interval '30 days';

-- How a client stands, from the number of bookings, of those not cancelled, and the latest start among the latter.
create function internal.client_status(bookings bigint, standing bigint, latest timestamp, at timestamp) returns text
    language sql immutable parallel safe
    return case
        when bookings = 0 then 'lead'
        when latest >= internal.active_since(at) then 'active'
        when standing = 1 then 'drop_out'
        else 'inactive'
    end;

-- The last session that each client came to, or is at: the latest start of an active booking. Clients without one are
-- not in it.
create function internal.last_sessions(at timestamp) returns table (client_id text, start_at timestamp)
    language sql stable parallel safe
begin atomic
    select s.client_id, s.start_at
    from internal.client_bookings s
    where s.is_active
      and s.start_at > '-infinity'
      and s.start_at <= at
      and not exists (
          select
          from internal.client_bookings l
          where l.client_id = s.client_id
            and l.is_active
            and l.start_at <= at
            and (l.start_at, l.booking_id) > (s.start_at, s.booking_id)
      );
end;

-- The clients a therapist knows of: those assigned to them, and those with a booking with them. Some are in it twice.
create function internal.reachable_clients(therapist text) returns setof text
    language sql stable parallel safe
begin atomic
    select c.client_id
    from public.all_clients_table c
    where c.therapist_id = therapist
    union all
    select b.client_id
    from internal.client_bookings b
    where b.therapist_id = therapist;
end;

-- What was paid by an amount, and what a refund gave back: never negative, and 0 where it is no amount. (Figures and the
-- lists of money are read by these too.)
create or replace function internal.booking_paid(amount numeric) returns numeric
    language sql immutable parallel safe
    return case when internal.is_free(amount) then 0 else greatest(amount, 0) end;
create or replace function internal.booking_refunded(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) = 'completed' and not internal.is_free(amount) then greatest(amount, 0)
        else 0
    end;
