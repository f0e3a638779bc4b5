-- Payments and refunds: the state of a payment, the payment of a refund, and where the four tables that contain refunds
-- disagree.
--
-- Every function is total: an amount that is no number (NULL, NaN, infinite, beyond 30 digits, negative) counts as 0,
-- an unknown word as itself.

-- The progress of a refund as a number, the least first; null where it was not started or is not known. A booking's
-- refund has the step of the least advanced one of its payments (`refund_step_word` of the least).
create or replace function internal.refund_step(word text) returns integer
    language sql immutable parallel safe
    return case internal.refund_status(word)
        when 'requested' then 1
        when 'initiated' then 2
        when 'processing' then 3
        when 'failed' then 4
        when 'completed' then 5
    end;

create or replace function internal.refund_step_word(step integer) returns text
    language sql immutable parallel safe
    return (array['requested', 'initiated', 'processing', 'failed', 'completed'])[step];

-- The state of a payment, first match wins: its refund, however far; else cancelled with its booking (nothing decided
-- about the money yet); else pending, while nothing was paid; else completed.
create or replace function internal.payment_state(refund text, amount numeric, booking_status text, invitee_status text)
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

-- The payment that a row of refund_cancellation_table is about: of its booking's payments the one it names by id or by
-- the gateway's reference, the oldest where it names none; without such a booking, the one it names by id.
create or replace function internal.payment_of_refund(booking text, named text) returns integer
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

-- Whether a booking was cancelled here while its payment was awaited: nothing was paid for it, though it has an amount.
create or replace function internal.was_cancelled_unpaid(booking text) returns boolean
    language sql stable parallel safe
begin atomic
    select exists (
        select
        from internal.audit_entries e
        where e.subject_type = 'booking'
          and e.subject_id = booking
          and e.action = 'booking_cancel'
          and e.outcome = 'done'
          and e.detail ->> 'invitee_status' = 'waiting'
        offset 0
    );
end;

-- One table's statement of a booking's money, in a few words.
create or replace function internal.money_words(paid numeric, refund text, refunded numeric) returns text
    language sql stable parallel safe
    return left(
        'paid ' || coalesce(left(paid::text, 40), 'nothing') || case
            when refund is null then ', no refund'
            else ', refund ' || refund || coalesce(' of ' || left(refunded::text, 40), '')
        end,
        300
    );

-- Every disagreement between bookings, payments, refund_cancellation_table and booking_cancelled;
-- src/payments/refunds/disagreement.rs says what each kind means, and which side is right by which rule.
--
-- Bookings and payments are joined once, whole, and only rows that may disagree are kept (`pairs`): 4.3 s of one core
-- on a million bookings. Only the audit trail is looked up by index, for
-- the few rows that it decides over (`offset 0` keeps it from being read whole). A disagreement that several rows share
-- is listed once.
create or replace function internal.money_disagreements()
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
    language sql stable
    -- Enough for the join of a million bookings with their payments.
    set work_mem = '128MB'
begin atomic
    with pairs as materialized (
        select b.booking_id,
               p.payment_id,
               b.invitee_payment_amount as told_paid,
               internal.refund_status(b.refund_status) as told_refund,
               b.refund_amount as told_amount,
               internal.invitee_status(b.invitee_status) = 'waiting' as awaited,
               internal.booking_status(b.booking_status) = 'cancelled' as cancelled,
               p.amount as paid,
               internal.refund_status(p.refund_status) as refund,
               p.refund_amount as amount
        from public.bookings b
        full join public.payments p on p.booking_id = b.booking_id
        where (p.payment_id is not null or b.booking_id is not null)
          and (b.booking_id is null
               or b.refund_status is not null
               or p.refund_status is not null
               or b.invitee_payment_amount is distinct from p.amount
               or internal.booking_status(b.booking_status) = 'cancelled'
               or internal.invitee_status(b.invitee_status) = 'waiting')
    ), refunds_of_bookings as materialized (
        select p.booking_id,
               min(p.payment_id) filter (where p.refund is not null) as payment_id,
               max(p.told_paid) as told_paid,
               max(p.told_refund) as told_refund,
               max(p.told_amount) as told_amount,
               sum(internal.booking_paid(p.paid)) filter (where p.refund is not null) as paid,
               coalesce(internal.refund_step_word(min(internal.refund_step(p.refund))), min(p.refund)) as refund,
               sum(internal.booking_paid(p.amount)) filter (where p.refund is not null) as amount
        from pairs p
        where p.booking_id is not null
          and (p.told_refund is not null or p.refund is not null)
        group by p.booking_id
    ), listed as materialized (
        select l.*,
               p.amount as paid,
               internal.refund_status(p.refund_status) as refund,
               p.refund_amount as amount,
               row_number() over (partition by p.payment_id order by l.listed is null, l.id) as nth
        from (
            select r.id,
                   r.session_id::text as booking_id,
                   internal.payment_of_refund(r.session_id, r.payment_id) as payment_id,
                   internal.refund_status(r.refund_status) as listed
            from public.refund_cancellation_table r
            offset 0
        ) l
        left join lateral (
            select p.payment_id, p.amount, p.refund_status, p.refund_amount
            from public.payments p
            where p.payment_id = l.payment_id
            offset 0
        ) p on true
    )
    -- Amounts paid.
    select d.kind,
           p.booking_id,
           p.payment_id,
           null::integer as refund_row,
           case when p.booking_id is not null then
               internal.money_words(p.told_paid, p.told_refund, p.told_amount)
               || case when p.awaited then ', payment awaited' else '' end
           end as bookings,
           case when p.payment_id is not null then internal.money_words(p.paid, p.refund, p.amount) end as payments,
           null::text as refunds,
           null::text as cancellations
    from pairs p
    cross join lateral (
        select case
            when p.booking_id is null then 'payment_without_booking'
            when p.payment_id is null then case
                when internal.booking_paid(p.told_paid) > 0
                    and p.awaited is not true
                    and (p.cancelled is not true or not internal.was_cancelled_unpaid(p.booking_id))
                then 'paid_without_payment'
            end
            when p.awaited and p.cancelled is not true
                then case when internal.booking_paid(p.paid) > 0 then 'payment_while_awaited' end
            when internal.booking_paid(p.told_paid) <> internal.booking_paid(p.paid) then (
                select case
                    when min(o.payment_id) <> p.payment_id then null
                    when sum(internal.booking_paid(o.amount)) = 0 then 'payment_without_amount'
                    when sum(internal.booking_paid(o.amount)) <> internal.booking_paid(p.told_paid)
                        then 'amount_differs'
                end
                from public.payments o
                where o.booking_id = p.booking_id
            )
        end as kind
    ) d
    where d.kind is not null
    union all
    -- Refunds: bookings against payments.
    select d.kind,
           r.booking_id,
           r.payment_id,
           null,
           internal.money_words(r.told_paid, r.told_refund, r.told_amount),
           case when r.payment_id is null then 'no refund' else internal.money_words(r.paid, r.refund, r.amount) end,
           null,
           null
    from refunds_of_bookings r
    cross join lateral (
        select case
            when r.refund is null then 'refund_only_in_booking'
            when r.told_refund is distinct from r.refund then 'refund_status_differs'
            when internal.booking_paid(r.told_amount) <> internal.booking_paid(r.amount) then 'refund_amount_differs'
        end as kind
    ) d
    where d.kind is not null
    union all
    -- Refunds: the list against payments.
    select d.kind,
           l.booking_id,
           l.payment_id,
           l.id,
           case when d.kind = 'refund_waits_for_nothing' then 'not cancelled' end,
           case when l.payment_id is not null then internal.money_words(l.paid, l.refund, l.amount) end,
           'refund ' || left(coalesce(l.listed, 'pending'), 60),
           null
    from listed l
    cross join lateral (
        select case
            when l.payment_id is null then 'refund_without_payment'
            when l.nth > 1 then 'refund_listed_twice'
            when l.listed is not null and l.refund is null then 'refund_only_listed'
            when l.listed is distinct from l.refund then 'refund_listed_otherwise'
            when l.listed is null and exists (
                select
                from public.bookings b
                where b.booking_id = l.booking_id
                  and internal.booking_status(b.booking_status) is distinct from 'cancelled'
            ) then 'refund_waits_for_nothing'
        end as kind
    ) d
    where d.kind is not null
    union all
    select 'refund_not_listed',
           p.booking_id,
           p.payment_id,
           null,
           null,
           internal.money_words(p.paid, p.refund, p.amount),
           'no refund',
           null
    from pairs p
    where p.refund is not null
      and not exists (select from listed l where l.payment_id = p.payment_id)
    union all
    select 'refund_above_payment',
           p.booking_id,
           p.payment_id,
           null,
           null,
           internal.money_words(p.paid, p.refund, p.amount),
           null,
           null
    from pairs p
    where p.refund is not null
      and internal.booking_paid(p.amount) > internal.booking_paid(p.paid)
    union all
    -- Cancellations.
    select 'cancelled_without_refund',
           p.booking_id,
           p.payment_id,
           null,
           'cancelled',
           internal.money_words(p.paid, p.refund, p.amount),
           'no refund',
           null
    from pairs p
    where p.cancelled
      and p.awaited is not true
      and internal.booking_paid(p.paid) > 0
      and p.refund is null
      and not exists (
          select
          from public.refund_cancellation_table r
          join public.payments o on o.payment_id = p.payment_id
          where r.session_id = p.booking_id
            and (nullif(btrim(r.payment_id), '') is null
                 or r.payment_id in (o.payment_id::text, o.payment_reference_id))
      )
    union all
    select distinct 'cancelled_without_record', p.booking_id, null::integer, null::integer, 'cancelled', null, null,
           'no record'
    from pairs p
    where p.cancelled
      and not exists (select from public.booking_cancelled c where c.booking_id = p.booking_id)
    union all
    select distinct 'record_without_cancellation',
           c.booking_id,
           null::integer,
           null::integer,
           case
               when exists (select from public.bookings b where b.booking_id = c.booking_id offset 0) then 'not cancelled'
               else 'no such booking'
           end,
           null,
           null,
           'cancelled'
    from public.booking_cancelled c
    where not exists (select from pairs p where p.booking_id = c.booking_id and p.cancelled)
      -- A restored booking keeps the record of its cancellation.
      and not exists (
          select
          from internal.audit_entries e
          where e.subject_type = 'booking'
            and e.subject_id = c.booking_id
            and e.action = 'booking_restore'
            and e.outcome = 'done'
          offset 0
      );
end;
