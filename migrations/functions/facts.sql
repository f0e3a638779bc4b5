-- The facts of bookings: what a row means, worked out once, where it is written.
--
-- A booking's own trigger writes its fact in the writer's transaction, which has locked the booking. Whoever writes a payment, a
-- session note or an appointment has not, so their triggers append the booking to `internal.fact_changes`: the server follows that before its commit, and the
-- worker, which locks the booking, what other programs wrote. So a fact is only ever written by who has locked its booking,
-- and nobody waits for a fact.

-- The money of a booking in currencies other than rupees; null where there is none.
create or replace function internal.money_elsewhere(booking text, awaited boolean) returns jsonb
    language plpgsql stable parallel safe
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return (
        select jsonb_object_agg(
                   c.currency,
                   jsonb_build_object('claimed', c.claimed, 'paid', c.paid, 'refunded', c.refunded, 'refunding', c.refunding)
               )
        from (
            select a.currency, sum(a.claimed) as claimed, sum(a.paid) as paid, sum(a.refunded) as refunded,
                   sum(a.refunding) as refunding
            from (
                select internal.currency(p.currency) as currency,
                       0 as claimed,
                       internal.booking_paid(p.amount) as paid,
                       internal.booking_refunded(p.refund_status, p.refund_amount) as refunded,
                       internal.booking_refunding(p.refund_status, p.refund_amount) as refunding
                from public.payments p
                where p.booking_id = money_elsewhere.booking
                union all
                select internal.currency(b.invitee_payment_currency), internal.booking_paid(b.invitee_payment_amount), 0, 0, 0
                from public.bookings b
                where b.booking_id = money_elsewhere.booking
                  and money_elsewhere.awaited
            ) a
            where a.currency <> 'INR'
            group by a.currency
        ) c
        where c.claimed + c.paid + c.refunded + c.refunding > 0
    );
end
$$;

-- The facts of all bookings, from the tables themselves. One booking's cost the start of the statement: each word is read in one place.
create or replace function internal.facts_of_bookings() returns setof internal.booking_facts
    language sql stable parallel safe
begin atomic
    select f.*,
           w.awaited,
           case when w.awaited and w.currency = 'INR' then w.amount else 0 end,
           m.payments,
           m.paid,
           m.refunds,
           m.refunded,
           m.open_refunds,
           m.refunding,
           case when m.elsewhere or w.awaited and w.currency <> 'INR' then internal.money_elsewhere(f.booking_id, w.awaited) end
    from internal.meanings_of_bookings() f
    cross join lateral (
        select coalesce(internal.invitee_status(b.invitee_status) = 'waiting', false) and f.counted_as <> 'cancelled' as awaited,
               internal.currency(b.invitee_payment_currency) as currency,
               internal.booking_paid(b.invitee_payment_amount) as amount
        from public.bookings b
        where b.booking_id = f.booking_id
        offset 0
    ) w
    cross join lateral (
        select (count(*) filter (where a.paid > 0))::integer as payments,
               coalesce(sum(a.paid) filter (where a.inr), 0) as paid,
               (count(*) filter (where a.refund = 'completed'))::integer as refunds,
               coalesce(sum(a.back) filter (where a.inr and a.refund = 'completed'), 0) as refunded,
               (count(*) filter (where a.refund in ('initiated', 'processing')))::integer as open_refunds,
               coalesce(sum(a.back) filter (where a.inr and a.refund in ('initiated', 'processing')), 0) as refunding,
               coalesce(bool_or(not a.inr), false) as elsewhere
        from (
            select internal.currency(p.currency) = 'INR' as inr,
                   internal.booking_paid(p.amount) as paid,
                   internal.refund_status(p.refund_status) as refund,
                   internal.booking_paid(p.refund_amount) as back
            from public.payments p
            where p.booking_id = f.booking_id
            offset 0
        ) a
    ) m;
end;

-- The sums that a booking is counted in.
create or replace function internal.sums_with(
    therapist_id text, starts_at timestamp, status text, mode text, refund_status text, counted_as text, noted boolean,
    phase text, free boolean
)
    returns table (
        per_therapist boolean,
        therapist_id  text,
        week          timestamp,
        status        text,
        mode          text,
        refund_status text,
        counted_as    text,
        noted         boolean,
        phase         text,
        free          boolean
    )
    language sql immutable parallel safe rows 2
begin atomic
    select k.per_therapist,
           case when k.per_therapist then coalesce($1, '') else '' end,
           date_trunc('week', $2),
           -- A key is short.
           coalesce(left($3, 100), ''),
           left($4, 100),
           coalesce($5, ''),
           $6,
           $7,
           $8,
           $9
    from (values (true), (false)) k (per_therapist);
end;

-- All sums, as what was appended leaves them.
create or replace function internal.sums_of_bookings() returns setof internal.booking_sums
    language sql stable parallel safe
begin atomic
    select s.*
    from internal.booking_sums s
    union all
    select c.per_therapist, c.therapist_id, c.week, c.status, c.mode, c.refund_status, c.counted_as, c.noted, c.phase, c.free,
           c.bookings
    from internal.booking_sum_changes c;
end;

-- What the sums lack, or have too many, against the facts.
create or replace function internal.drifted_booking_sums() returns setof internal.booking_sums
    language sql stable parallel safe
begin atomic
    select d.per_therapist, d.therapist_id, d.week, d.status, d.mode, d.refund_status, d.counted_as, d.noted, d.phase, d.free,
           sum(d.bookings)::integer
    from (
        select k.*, 1 as bookings
        from internal.booking_facts f
        cross join lateral internal.sums_with(f.therapist_id, f.starts_at, f.status, f.mode, f.refund_status, f.counted_as,
                                              f.noted, f.phase, f.free) k
        union all
        select s.per_therapist, s.therapist_id, s.week, s.status, s.mode, s.refund_status, s.counted_as, s.noted, s.phase,
               s.free, -s.bookings
        from internal.sums_of_bookings() s
    ) d
    group by d.per_therapist, d.therapist_id, d.week, d.status, d.mode, d.refund_status, d.counted_as, d.noted, d.phase, d.free
    having sum(d.bookings) <> 0;
end;

-- The weeks of therapists, as what was appended leaves them.
create or replace function internal.weeks_of_therapists() returns setof internal.therapist_weeks
    language sql stable parallel safe
begin atomic
    select w.*
    from internal.therapist_weeks w
    union all
    select c.therapist_id, c.week, c.sessions, c.paid, c.refunded
    from internal.therapist_week_changes c;
end;

-- What these lack, or have too much, against the facts.
create or replace function internal.drifted_therapist_weeks() returns setof internal.therapist_weeks
    language sql stable parallel safe
begin atomic
    select d.therapist_id, d.week, sum(d.sessions)::integer, sum(d.paid), sum(d.refunded)
    from (
        select f.therapist_id, date_trunc('week', f.starts_at) as week, (f.counted_as = 'active')::integer as sessions, f.paid,
               f.refunded
        from internal.booking_facts f
        where f.therapist_id is not null
        union all
        select w.therapist_id, w.week, -w.sessions, -w.paid, -w.refunded
        from internal.weeks_of_therapists() w
    ) d
    group by d.therapist_id, d.week
    having sum(d.sessions) <> 0 or sum(d.paid) <> 0 or sum(d.refunded) <> 0;
end;

-- Adds to the sums what was appended, at most so many rows of each kind, the oldest first. Returns how many. One at a time: the caller has
-- locked `follows`.
create or replace function internal.add_booking_sums(most integer) returns integer
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    added integer;
begin
    with taken as (
        delete from internal.booking_sum_changes c
        where c.change_id in (select o.change_id from internal.booking_sum_changes o order by o.change_id limit most)
        returning c.*
    ), written as (
        insert into internal.booking_sums as s
        select t.per_therapist, t.therapist_id, t.week, t.status, t.mode, t.refund_status, t.counted_as, t.noted, t.phase,
               t.free, sum(t.bookings)
        from taken t
        group by t.per_therapist, t.therapist_id, t.week, t.status, t.mode, t.refund_status, t.counted_as, t.noted, t.phase,
                 t.free
        on conflict (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free) do update
        set bookings = s.bookings + excluded.bookings
    )
    select count(*) into added from taken;
    with taken as (
        delete from internal.therapist_week_changes c
        where c.change_id in (select o.change_id from internal.therapist_week_changes o order by o.change_id limit most)
        returning c.*
    ), written as (
        insert into internal.therapist_weeks as w
        select t.therapist_id, t.week, sum(t.sessions), sum(t.paid), sum(t.refunded)
        from taken t
        group by t.therapist_id, t.week
        on conflict (therapist_id, week) do update
        set (sessions, paid, refunded)
            = (w.sessions + excluded.sessions, w.paid + excluded.paid, w.refunded + excluded.refunded)
    )
    select added + count(*) into added from taken;
    return added;
end
$$;

-- Appends a fact to what the sums are to add, or to take away where n is -1.
create or replace function internal.count_fact(f internal.booking_facts, n integer) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if f.booking_id is null then
        return;
    end if;
    insert into internal.booking_sum_changes
        (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free, bookings)
    select k.*, n
    from internal.sums_with(f.therapist_id, f.starts_at, f.status, f.mode, f.refund_status, f.counted_as, f.noted, f.phase, f.free) k;
    if f.therapist_id is not null and (f.counted_as = 'active' or f.paid <> 0 or f.refunded <> 0) then
        insert into internal.therapist_week_changes (therapist_id, week, sessions, paid, refunded)
        values (f.therapist_id, date_trunc('week', f.starts_at), n * (f.counted_as = 'active')::integer, n * f.paid, n * f.refunded);
    end if;
end
$$;

-- Works out the facts of these bookings again, whatever became of them. The caller has locked the bookings.
create or replace function internal.refresh_booking_facts(ids text[]) returns void
    language plpgsql
    -- Planned once: to plan it for the ids costs more than to run it.
    set plan_cache_mode = 'force_generic_plan'
    set search_path = pg_catalog, pg_temp
    as $$
declare
    former internal.booking_facts;
    latter internal.booking_facts;
begin
    -- The start of a statement as large as that of many costs more than one booking's share.
    if cardinality(ids) = 1 then
        select f.* into former from internal.booking_facts f where f.booking_id = ids[1];
        select s.* into latter from internal.facts_of_bookings() s where s.booking_id = ids[1];
        if former is not distinct from latter then
            return;
        elsif latter.booking_id is null then
            delete from internal.booking_facts f where f.booking_id = ids[1];
        elsif former.booking_id is null then
            insert into internal.booking_facts values (latter.*);
        else
            update internal.booking_facts f
            set (therapist_id, client_id, starts_at, ends_at, created_at, status, mode, refund_status, counted_as, noted, phase,
                 free, name, search, begun, awaited, claimed, payments, paid, refunds, refunded, open_refunds, refunding, elsewhere)
                = (latter.therapist_id, latter.client_id, latter.starts_at, latter.ends_at, latter.created_at, latter.status, latter.mode,
                   latter.refund_status, latter.counted_as, latter.noted, latter.phase, latter.free, latter.name, latter.search,
                   latter.begun, latter.awaited, latter.claimed, latter.payments, latter.paid, latter.refunds, latter.refunded,
                   latter.open_refunds, latter.refunding, latter.elsewhere)
            where f.booking_id = ids[1];
        end if;
        perform internal.count_fact(former, -1);
        perform internal.count_fact(latter, 1);
        if (former.client_id, former.therapist_id, former.starts_at, former.ends_at, former.counted_as)
           is distinct from (latter.client_id, latter.therapist_id, latter.starts_at, latter.ends_at, latter.counted_as) then
            insert into internal.client_changes (client_id)
            select distinct c.id from (values (former.client_id), (latter.client_id)) c (id) where c.id is not null;
        end if;
        return;
    end if;

    with before as materialized (
        select f.*
        from (select distinct unnest(ids) as booking_id) i
        join internal.booking_facts f on f.booking_id = i.booking_id
    ), after as materialized (
        select s.*
        from (select distinct unnest(ids) as booking_id) i
        join internal.facts_of_bookings() s on s.booking_id = i.booking_id
    ), deleted as (
        delete from internal.booking_facts f
        using before
        where f.booking_id = before.booking_id
          and not exists (select from after where after.booking_id = f.booking_id)
    ), written as (
        insert into internal.booking_facts as f
        select after.*
        from after
        on conflict (booking_id) do update
        set (therapist_id, client_id, starts_at, ends_at, created_at, status, mode, refund_status, counted_as, noted,
             phase, free, name, search, begun, awaited, claimed, payments, paid, refunds, refunded, open_refunds, refunding,
             elsewhere)
            = (excluded.therapist_id, excluded.client_id, excluded.starts_at, excluded.ends_at, excluded.created_at,
               excluded.status, excluded.mode, excluded.refund_status, excluded.counted_as, excluded.noted,
               excluded.phase, excluded.free, excluded.name, excluded.search, excluded.begun, excluded.awaited, excluded.claimed,
               excluded.payments, excluded.paid, excluded.refunds, excluded.refunded, excluded.open_refunds, excluded.refunding,
               excluded.elsewhere)
        where f is distinct from excluded
    ), summed as (
        insert into internal.booking_sum_changes
            (per_therapist, therapist_id, week, status, mode, refund_status, counted_as, noted, phase, free, bookings)
        select k.per_therapist, k.therapist_id, k.week, k.status, k.mode, k.refund_status, k.counted_as, k.noted, k.phase,
               k.free, sum(m.n)
        from (select before.*, -1 as n from before union all select after.*, 1 from after) m
        cross join lateral internal.sums_with(m.therapist_id, m.starts_at, m.status, m.mode, m.refund_status, m.counted_as,
                                              m.noted, m.phase, m.free) k
        group by k.per_therapist, k.therapist_id, k.week, k.status, k.mode, k.refund_status, k.counted_as, k.noted, k.phase,
                 k.free
        having sum(m.n) <> 0
    ), summed_by_week as (
        insert into internal.therapist_week_changes (therapist_id, week, sessions, paid, refunded)
        select m.therapist_id, date_trunc('week', m.starts_at), sum(m.n * (m.counted_as = 'active')::integer),
               sum(m.n * m.paid), sum(m.n * m.refunded)
        from (select before.*, -1 as n from before union all select after.*, 1 from after) m
        where m.therapist_id is not null
        group by 1, 2
        having sum(m.n * (m.counted_as = 'active')::integer) <> 0 or sum(m.n * m.paid) <> 0 or sum(m.n * m.refunded) <> 0
    )
    -- What they come to for their clients.
    insert into internal.client_changes (client_id)
    select distinct concerned.client_id
    from before
    full join after on after.booking_id = before.booking_id
    cross join lateral (values (before.client_id), (after.client_id)) concerned (client_id)
    where concerned.client_id is not null
      and (before.client_id, before.therapist_id, before.starts_at, before.ends_at, before.counted_as)
          is distinct from (after.client_id, after.therapist_id, after.starts_at, after.ends_at, after.counted_as);
end
$$;

-- Lets facts follow what was appended to `internal.fact_changes`: by this transaction; or, where `most` is given, by others,
-- at most so many rows, the oldest first; or, where `clients` are given, whoever wrote about their bookings. A booking that
-- somebody has locked is left for later. Returns how many rows were followed.
create or replace function internal.follow_facts(most integer default null, clients text[] default null) returns integer
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    changes bigint[];
    ids text[];
    locked text[];
begin
    if most is null and clients is null then
        with taken as (
            delete from internal.fact_changes c where c.xid = pg_current_xact_id() returning c.change_id, c.booking_id
        )
        select array_agg(change_id), array_agg(distinct booking_id) into changes, ids from taken;
        perform from public.bookings b where b.booking_id = any (ids) order by b.booking_id for no key update;
    else
        select array_agg(c.change_id), array_agg(distinct c.booking_id)
        into changes, ids
        from (
            select change_id, booking_id
            from internal.fact_changes
            where clients is null
               or booking_id in (select a.session_id from public.appointment_table a where a.client_id = any (clients))
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
