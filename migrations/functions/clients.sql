-- Clients: their bookings, status and transfers.
--
-- What lists show of a client stands in `internal.client_facts` (`derived.sql`); the status is a range of those figures, which the
-- clock moves. The sets here are for one client's record: PostgreSQL inlines them, and every condition on them is an index walk.

-- The bookings of each client. A start that is not known counts as long past. It is a function and not a view: a view would
-- read with its owner's rights, past every policy.
create or replace function internal.client_bookings()
    returns table (
        client_id    text,
        booking_id   text,
        therapist_id text,
        start_at     timestamp,
        is_cancelled boolean,
        is_active    boolean
    )
    language sql stable parallel safe
begin atomic
    select a.client_id,
           b.booking_id,
           b.therapist_id,
           coalesce(b.booking_start_at, '-infinity'),
           internal.booking_status(b.booking_status) is not distinct from 'cancelled',
           internal.is_active(b.booking_status)
    from public.appointment_table a
    join public.bookings b on b.booking_id = a.session_id;
end;

-- A session since this instant makes a client an active one.
create or replace function internal.active_since(at timestamp) returns timestamp
    language sql immutable parallel safe
    return at - interval '30 days';

-- The status of a client, from the number of bookings, of those not cancelled, and the latest start among the latter.
create or replace function internal.client_status(bookings bigint, standing bigint, latest timestamp, at timestamp)
    returns text
    language sql immutable parallel safe
    return case
        when bookings = 0 then 'lead'
        when latest >= internal.active_since(at) then 'active'
        when standing = 1 then 'drop_out'
        else 'inactive'
    end;

-- The clients a therapist knows of: those assigned to them, and those with a booking with them. Some are in it twice.
create or replace function internal.reachable_clients(therapist text) returns setof text
    language sql stable parallel safe
begin atomic
    -- Both branches have one type, or a condition on it would be asked of all rows instead of an index.
    select c.client_id::text
    from public.all_clients_table c
    where c.therapist_id = therapist
    union all
    select b.client_id
    from internal.client_bookings() b
    where b.therapist_id = therapist;
end;

-- The transfers of a client: those linked to it, and those of other programs, which name a client without an id: they
-- are recognised by the same phone and the same name, as two records of one person are. They are found at each read, so
-- that rows written later are found too.
create or replace function internal.client_transfers(client text) returns setof integer
    language sql stable parallel safe
begin atomic
    select l.transfer_id
    from internal.transfer_clients l
    where l.client_id = client
    union all
    select h.transfer_id
    from public.all_clients_table c
    join public.client_transfer_history h on internal.phone_key(h.client_phone) = internal.phone_key(c.phone_number)
    where c.client_id = client
      and internal.name_key(h.client_name) = internal.name_key(c.client_name)
      and not exists (select from internal.transfer_clients l where l.transfer_id = h.transfer_id);
end;
