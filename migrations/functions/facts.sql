-- The facts of bookings: what a row means, worked out once, where it is written.
--
-- A booking's own trigger writes its fact in the writer's transaction, which has locked the booking. Whoever writes a payment
-- has not, so its trigger appends the booking to `internal.fact_changes`: the server follows that before its commit, and the
-- worker, which locks the booking, what other programs wrote. So a fact is only ever written by who has locked its booking,
-- and nobody waits for a fact.

-- The facts of all bookings, from the tables themselves.
create or replace function internal.facts_of_bookings() returns setof internal.booking_facts
    language sql stable parallel safe
begin atomic
    select b.booking_id,
           b.therapist_id,
           coalesce(b.booking_start_at, '-infinity'),
           internal.counts_as(b.booking_status),
           internal.is_free(b.invitee_payment_amount),
           case
               when internal.invitee_status(b.invitee_status) = 'waiting'
                   and internal.counts_as(b.booking_status) <> 'cancelled'
                   then internal.booking_paid(b.invitee_payment_amount)
               else 0
           end,
           m.payments,
           m.paid,
           m.refunds,
           m.refunded,
           m.open_refunds,
           m.refunding
    from public.bookings b
    cross join lateral (
        select (count(*) filter (where internal.booking_paid(p.amount) > 0))::integer as payments,
               coalesce(sum(internal.booking_paid(p.amount)), 0) as paid,
               (count(*) filter (where internal.refund_status(p.refund_status) = 'completed'))::integer as refunds,
               coalesce(sum(internal.booking_refunded(p.refund_status, p.refund_amount)), 0) as refunded,
               (count(*) filter (where internal.refund_status(p.refund_status) in ('initiated', 'processing')))::integer
                   as open_refunds,
               coalesce(sum(internal.booking_refunding(p.refund_status, p.refund_amount)), 0) as refunding
        from public.payments p
        where p.booking_id = b.booking_id
    ) m
    where b.booking_id is not null;
end;

-- Works out the facts of these bookings again, whatever became of them. The caller has locked the bookings.
create or replace function internal.refresh_booking_facts(ids text[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    delete from internal.booking_facts f
    where f.booking_id = any (ids)
      and not exists (select from public.bookings b where b.booking_id = f.booking_id);
    insert into internal.booking_facts as f
    select s.*
    from internal.facts_of_bookings() s
    where s.booking_id = any (ids)
    on conflict (booking_id) do update
    set (therapist_id, starts_at, counted_as, free, claimed, payments, paid, refunds, refunded, open_refunds, refunding)
        = (excluded.therapist_id, excluded.starts_at, excluded.counted_as, excluded.free, excluded.claimed,
           excluded.payments, excluded.paid, excluded.refunds, excluded.refunded, excluded.open_refunds,
           excluded.refunding)
    where f is distinct from excluded;
end
$$;

-- Lets facts follow what was appended to `internal.fact_changes`: by this transaction; or, where `most` is given, by others,
-- at most so many rows, the oldest first. A booking that somebody has locked is left for later. Returns how many rows were
-- followed.
create or replace function internal.follow_facts(most integer default null) returns integer
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    changes bigint[];
    ids text[];
    locked text[];
begin
    if most is null then
        with taken as (
            delete from internal.fact_changes c where c.xid = pg_current_xact_id() returning c.change_id, c.booking_id
        )
        select array_agg(change_id), array_agg(distinct booking_id) into changes, ids from taken;
    else
        select array_agg(c.change_id), array_agg(distinct c.booking_id)
        into changes, ids
        from (
            select change_id, booking_id
            from internal.fact_changes
            order by change_id
            limit most
            for update skip locked
        ) c;
        select array_agg(l.booking_id)
        into locked
        from (
            select b.booking_id
            from public.bookings b
            where b.booking_id = any (ids)
            order by b.booking_id
            for no key update skip locked
        ) l;
        with taken as (
            delete from internal.fact_changes c
            where c.change_id = any (changes)
              and (c.booking_id = any (locked)
                   or not exists (select from public.bookings b where b.booking_id = c.booking_id))
            returning c.change_id, c.booking_id
        )
        select array_agg(change_id), array_agg(distinct booking_id) into changes, ids from taken;
    end if;
    if ids is not null then
        perform internal.refresh_booking_facts(ids);
    end if;
    return coalesce(cardinality(changes), 0);
end
$$;

-- Bookings whose facts are others than these: of rows that were written past the triggers.
create or replace function internal.drifted_facts() returns setof text
    language sql stable parallel safe
begin atomic
    select coalesce(s.booking_id, f.booking_id)
    from internal.facts_of_bookings() s
    full join internal.booking_facts f on f.booking_id = s.booking_id
    where f is distinct from s;
end;
