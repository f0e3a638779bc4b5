-- How money is read: what a payment's state is, what a booking counts for, which refund belongs to which payment, and
-- where the four tables that tell of refunds disagree; with the indexes of their lists.
--
-- Every function is total, as those of 0004 are: an amount that is none (NULL, NaN, infinite, beyond 30 digits, negative)
-- counts as 0, a word nobody knows as itself. What an index holds of text or amounts is cut, so that no value another
-- program left behind is too long for it.

-- What a booking brought in: gross figures are sums of this.
create or replace function internal.booking_paid(amount numeric) returns numeric
    language sql immutable parallel safe
    return case when internal.is_free(amount) then 0 else greatest(amount, 0) end;

-- What of it went back: refunded figures are sums of this.
create or replace function internal.booking_refunded(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) = 'completed' and not internal.is_free(amount) then greatest(amount, 0)
        else 0
    end;

-- What of it is on its way back.
create or replace function internal.booking_refunding(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) in ('initiated', 'processing') and not internal.is_free(amount)
            then greatest(amount, 0)
        else 0
    end;

-- How far a refund is, as a word of a closed set: `pending` where nothing was started.
create function internal.refund_state(word text) returns text
    language sql immutable parallel safe
    return case coalesce(internal.refund_status(word), 'pending')
        when 'pending' then 'pending'
        when 'requested' then 'requested'
        when 'initiated' then 'initiated'
        when 'processing' then 'processing'
        when 'failed' then 'failed'
        when 'completed' then 'completed'
        else 'unknown'
    end;

-- The same as a number, the least far first; nothing for what was not started or is not known. The refund of a booking
-- is as far as the least far one of its payments (`refund_step_word` of the least).
create function internal.refund_step(word text) returns integer
    language sql immutable parallel safe
    return case internal.refund_status(word)
        when 'requested' then 1
        when 'initiated' then 2
        when 'processing' then 3
        when 'failed' then 4
        when 'completed' then 5
    end;

create function internal.refund_step_word(step integer) returns text
    language sql immutable parallel safe
    return (array['requested', 'initiated', 'processing', 'failed', 'completed'])[step];

-- The state of a payment, first match wins: its refund, however far; else cancelled with its booking (nothing decided
-- about the money yet); else pending, while nothing was paid; else completed.
create function internal.payment_state(refund text, amount numeric, booking_status text, invitee_status text)
    returns text
    language sql immutable parallel safe
    return case internal.refund_state(refund)
        when 'pending' then case
            when internal.booking_status(booking_status) = 'cancelled' then 'cancelled'
            when internal.invitee_status(invitee_status) = 'waiting' then 'pending'
            when internal.booking_paid(amount) = 0 then 'pending'
            else 'completed'
        end
        when 'requested' then 'refund_requested'
        when 'initiated' then 'refund_initiated'
        when 'processing' then 'refund_processing'
        when 'failed' then 'refund_failed'
        when 'completed' then 'refund_completed'
        else 'refund_unknown'
    end;

-- What `q=` looks into, of payments and refunds.
create function internal.money_text(name text, email text, reference text) returns text
    language sql immutable parallel safe
    return lower(coalesce(name, '')) || E'\n' || lower(coalesce(email, '')) || E'\n' || lower(coalesce(reference, ''));

-- The payment that a row of refund_cancellation_table is about: of its booking's payments the one it names by id or by
-- the gateway's reference, the oldest where it names none; without such a booking, the one it names by id.
create function internal.payment_of_refund(booking text, named text) returns integer
    language sql stable parallel safe
begin atomic
    select coalesce(
        (
            select p.payment_id
            from public.payments p
            where p.booking_id = booking
              and (nullif(btrim(named), '') is null or named in (p.payment_id::text, p.payment_reference_id))
            order by p.payment_id::text is distinct from named, p.payment_id
            limit 1
        ),
        (
            select p.payment_id
            from public.payments p
            where p.payment_id = case when named ~ '^[0-9]{1,9}$' then named::integer end
              and (p.booking_id is null or booking is null)
        )
    );
end;

-- Payments, in each order offered, and by what is looked for.
create index payments_by_date on public.payments (coalesce(payment_date, '-infinity'), payment_id);
create index payments_by_amount on public.payments (round(internal.booking_paid(amount), 2), payment_id);
create index payments_by_name on public.payments (left(lower(coalesce(invitee_name, '')), 100), payment_id);
create index payments_search on public.payments
    using gin (internal.money_text(invitee_name, invitee_email, payment_reference_id) internal.gin_trgm_ops);
create index payments_by_reference on public.payments (left(lower(btrim(payment_reference_id)), 100))
    where payment_reference_id is not null;
-- Payments with a refund are few, and looked for by how far it is.
create index payments_refunded on public.payments
    (internal.refund_state(refund_status), coalesce(payment_date, '-infinity'), payment_id)
    where internal.refund_status(refund_status) is not null;
create index payments_without_booking on public.payments (payment_id) where booking_id is null;

-- Bookings whose payment is awaited stand among the payments, as pending.
create index bookings_awaiting_payment on public.bookings (booking_id)
    where internal.invitee_status(invitee_status) = 'waiting';
-- Bookings with a refund are few: figures of what goes back, and the reconciliation, look for them.
create index bookings_refunded on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.refund_status(refund_status) is not null;

-- Refunds, likewise.
create index refunds_by_state on public.refund_cancellation_table (internal.refund_state(refund_status), id);
create index refunds_by_session on public.refund_cancellation_table (coalesce(session_timings, '-infinity'), id);
create index refunds_by_name on public.refund_cancellation_table (left(lower(coalesce(client_name, '')), 100), id);
create index refunds_of_client on public.refund_cancellation_table (client_id, id);
create index refunds_of_payment on public.refund_cancellation_table (payment_id);

-- What one side says of a booking's money, in a few words.
create function internal.money_words(paid numeric, refund text, refunded numeric) returns text
    language sql stable parallel safe
    return left(
        'paid ' || coalesce(left(paid::text, 40), 'nothing') || case
            when refund is null then ', no refund'
            else ', refund ' || refund || coalesce(' of ' || left(refunded::text, 40), '')
        end,
        300
    );

-- Every disagreement between bookings, payments, refund_cancellation_table and booking_cancelled, of one kind or of all;
-- what each kind means, and which side is right by which rule, is told in src/payments/disagreement.rs. A kind that is
-- not wanted costs nothing. Each is found by joining whole tables, never row by row, and a row that several payments or
-- refunds share is told of once.
create function internal.money_disagreements(wanted text)
    returns table (
        kind          text,
        booking_id    text,
        payment_id    integer,
        refund_row    integer,
        bookings      text,
        payments      text,
        refunds       text,
        cancellations text
    )
    language sql stable parallel safe
begin atomic
    with listed as (
        select r.id,
               r.session_id::text as booking_id,
               internal.payment_of_refund(r.session_id, r.payment_id) as payment_id,
               internal.refund_status(r.refund_status) as refund
        from public.refund_cancellation_table r
        where wanted is null
           or wanted in ('refund_without_payment', 'refund_only_listed', 'refund_listed_otherwise',
                         'refund_listed_twice', 'refund_not_listed', 'refund_waits_for_nothing')
    ), told as (
        select b.booking_id, b.invitee_payment_amount, b.refund_amount, internal.refund_status(b.refund_status) as refund
        from public.bookings b
        where internal.refund_status(b.refund_status) is not null
          and b.booking_id is not null
    ), refunded as (
        select p.booking_id,
               min(p.payment_id) as payment_id,
               sum(internal.booking_paid(p.amount)) as paid,
               sum(internal.booking_paid(p.refund_amount)) as amount,
               coalesce(internal.refund_step_word(min(internal.refund_step(p.refund_status))),
                        min(internal.refund_status(p.refund_status))) as refund
        from public.payments p
        where internal.refund_status(p.refund_status) is not null
          and p.booking_id is not null
        group by p.booking_id
    )
    -- The amounts: bookings against payments.
    select d.kind,
           b.booking_id,
           p.payment_id,
           null::integer,
           case when b.booking_id is not null then
               internal.money_words(b.invitee_payment_amount, internal.refund_status(b.refund_status), b.refund_amount)
               || case when internal.invitee_status(b.invitee_status) = 'waiting' then ', payment awaited' else '' end
           end,
           case when p.payment_id is not null then
               internal.money_words(p.amount, internal.refund_status(p.refund_status), p.refund_amount)
           end,
           null::text,
           null::text
    from public.bookings b
    full join public.payments p on p.booking_id = b.booking_id
    cross join lateral (
        select case
            when b.booking_id is null then case when p.payment_id is not null then 'payment_without_booking' end
            when p.payment_id is null then case
                when internal.booking_paid(b.invitee_payment_amount) > 0
                    and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
                    -- Cancelled while its payment was awaited: nothing was paid.
                    and not exists (
                        select
                        from internal.audit_entries e
                        where e.subject_type = 'booking'
                          and e.subject_id = b.booking_id
                          and e.action = 'booking_cancel'
                          and e.outcome = 'done'
                          and e.detail ->> 'invitee_status' = 'waiting'
                          and internal.booking_status(b.booking_status) = 'cancelled'
                    )
                then 'paid_without_payment'
            end
            when internal.invitee_status(b.invitee_status) = 'waiting'
                and internal.booking_status(b.booking_status) is distinct from 'cancelled'
                then case when internal.booking_paid(p.amount) > 0 then 'payment_while_awaited' end
            when internal.booking_paid(b.invitee_payment_amount) <> internal.booking_paid(p.amount)
                then case when (
                    select min(o.payment_id) = p.payment_id
                        and sum(internal.booking_paid(o.amount)) <> internal.booking_paid(b.invitee_payment_amount)
                    from public.payments o
                    where o.booking_id = b.booking_id
                ) then 'amount_differs' end
        end as kind
    ) d
    where d.kind is not null
      and (wanted is null or d.kind = wanted)
      and (wanted is null
           or wanted in ('payment_without_booking', 'paid_without_payment', 'payment_while_awaited', 'amount_differs'))
    union all
    -- The refunds: bookings against payments.
    select d.kind,
           coalesce(t.booking_id, r.booking_id),
           r.payment_id,
           null,
           case
               when t.booking_id is not null then internal.money_words(t.invitee_payment_amount, t.refund, t.refund_amount)
               else 'no refund'
           end,
           case when r.booking_id is not null then internal.money_words(r.paid, r.refund, r.amount) else 'no refund' end,
           null,
           null
    from told t
    full join refunded r on r.booking_id = t.booking_id
    cross join lateral (
        select case
            when r.booking_id is null then 'refund_only_in_booking'
            when t.refund is distinct from r.refund then 'refund_status_differs'
            when internal.booking_paid(t.refund_amount) <> internal.booking_paid(r.amount) then 'refund_amount_differs'
        end as kind
    ) d
    where d.kind is not null
      and (wanted is null or d.kind = wanted)
      and (wanted is null
           or wanted in ('refund_only_in_booking', 'refund_status_differs', 'refund_amount_differs'))
    union all
    -- The refunds: the list against payments.
    select d.kind,
           coalesce(l.booking_id, p.booking_id),
           p.payment_id,
           l.id,
           case when d.kind = 'refund_waits_for_nothing' then 'not cancelled' end,
           case when p.payment_id is not null then
               internal.money_words(p.amount, internal.refund_status(p.refund_status), p.refund_amount)
           end,
           'refund ' || left(coalesce(l.refund, 'pending'), 60),
           null
    from (select l.*, row_number() over (partition by l.payment_id order by l.refund is null, l.id) as nth from listed l) l
    left join public.payments p on p.payment_id = l.payment_id
    cross join lateral (
        select case
            when p.payment_id is null then 'refund_without_payment'
            when l.nth > 1 then 'refund_listed_twice'
            when l.refund is not null and internal.refund_status(p.refund_status) is null then 'refund_only_listed'
            when l.refund is distinct from internal.refund_status(p.refund_status) then 'refund_listed_otherwise'
            when l.refund is null and exists (
                select
                from public.bookings b
                where b.booking_id = l.booking_id
                  and internal.booking_status(b.booking_status) is distinct from 'cancelled'
            ) then 'refund_waits_for_nothing'
        end as kind
    ) d
    where d.kind is not null
      and (wanted is null or d.kind = wanted)
      and (wanted is null
           or wanted in ('refund_without_payment', 'refund_listed_twice', 'refund_only_listed', 'refund_listed_otherwise',
                         'refund_waits_for_nothing'))
    union all
    select 'refund_not_listed',
           p.booking_id,
           p.payment_id,
           null,
           null,
           internal.money_words(p.amount, internal.refund_status(p.refund_status), p.refund_amount),
           'no refund',
           null
    from public.payments p
    where internal.refund_status(p.refund_status) is not null
      and not exists (select from listed l where l.payment_id = p.payment_id)
      and (wanted is null or wanted = 'refund_not_listed')
    union all
    select 'refund_above_payment',
           p.booking_id,
           p.payment_id,
           null,
           null,
           internal.money_words(p.amount, internal.refund_status(p.refund_status), p.refund_amount),
           null,
           null
    from public.payments p
    where internal.refund_status(p.refund_status) is not null
      and internal.booking_paid(p.refund_amount) > internal.booking_paid(p.amount)
      and (wanted is null or wanted = 'refund_above_payment')
    union all
    -- The cancellations.
    select 'cancelled_without_refund',
           b.booking_id,
           p.payment_id,
           null,
           'cancelled',
           internal.money_words(p.amount, null, null),
           'no refund',
           null
    from public.bookings b
    join public.payments p on p.booking_id = b.booking_id
    where internal.booking_status(b.booking_status) in ('cancelled', 'no_show')
      and internal.booking_status(b.booking_status) = 'cancelled'
      and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
      and internal.booking_paid(p.amount) > 0
      and internal.refund_status(p.refund_status) is null
      and not exists (
          select
          from public.refund_cancellation_table r
          where r.session_id = b.booking_id
            and (nullif(btrim(r.payment_id), '') is null
                 or r.payment_id in (p.payment_id::text, p.payment_reference_id))
      )
      and (wanted is null or wanted = 'cancelled_without_refund')
    union all
    select 'cancelled_without_record', b.booking_id, null, null, 'cancelled', null, null, 'not cancelled'
    from public.bookings b
    where internal.booking_status(b.booking_status) in ('cancelled', 'no_show')
      and internal.booking_status(b.booking_status) = 'cancelled'
      and b.booking_id is not null
      and not exists (select from public.booking_cancelled c where c.booking_id = b.booking_id)
      and (wanted is null or wanted = 'cancelled_without_record')
    union all
    select 'record_without_cancellation',
           c.booking_id,
           null,
           null,
           case when b.booking_id is null then 'no such booking' else 'not cancelled' end,
           null,
           null,
           'cancelled'
    from (select distinct c.booking_id from public.booking_cancelled c) c
    left join public.bookings b on b.booking_id = c.booking_id
    where internal.booking_status(b.booking_status) is distinct from 'cancelled'
      -- A restored booking keeps the record of its cancellation.
      and not exists (
          select
          from internal.audit_entries e
          where e.subject_type = 'booking'
            and e.subject_id = c.booking_id
            and e.action = 'booking_restore'
            and e.outcome = 'done'
      )
      and (wanted is null or wanted = 'record_without_cancellation');
end;
