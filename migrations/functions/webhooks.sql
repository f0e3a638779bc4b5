-- Where the events of webhooks arise: triggers in the transaction of the change, whoever writes. While there is no endpoint, a
-- statement costs one look at an empty table.

-- Which of two kinds of event a change is, where a transaction makes both of one thing: the lower one.
create or replace function internal.webhook_rank(event_type text) returns integer
    language plpgsql immutable parallel safe
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return case split_part(event_type, '.', 2)
        when 'created' then 1
        when 'erased' then 2
        when 'merged' then 3
        when 'cancelled' then 4
        when 'no_show' then 5
        when 'completed' then 6
        when 'transferred' then 7
        else 8
    end;
end
$$;

-- The columns in which a row differs.
create or replace function internal.changed_columns(before jsonb, after jsonb) returns text[]
    language plpgsql immutable parallel safe
    set search_path = pg_catalog, pg_temp
    as $$
begin
    return array(select a.key from jsonb_each(after) a where a.value is distinct from before -> a.key order by a.key);
end
$$;

-- Writes an event for each endpoint that wants it. Another program is not notified in its transaction: that would break its
-- two-phase commit.
create or replace function internal.publish(event text, thing text, ids jsonb, columns text[], version bigint default null)
    returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
declare
    told bigint;
begin
    if not exists (
        select from internal.outbound_endpoints e where e.deleted_at is null and publish.event = any (e.event_types)
    ) then
        return;
    end if;
    told := coalesce(publish.version, nextval('internal.webhook_versions'));
    insert into internal.webhook_deliveries as d (endpoint_id, event_type, subject, version, ids, changed)
    select e.endpoint_id, publish.event, publish.thing, told, jsonb_strip_nulls(publish.ids), publish.columns
    from internal.outbound_endpoints e
    where e.deleted_at is null
      and publish.event = any (e.event_types)
    on conflict (xid, subject, endpoint_id) do update
    set event_type = case
            when internal.webhook_rank(excluded.event_type) < internal.webhook_rank(d.event_type) then excluded.event_type
            else d.event_type
        end,
        version = excluded.version,
        ids = d.ids || excluded.ids,
        changed = array(select distinct c.name from unnest(d.changed || excluded.changed) c (name) order by c.name);
    if current_setting('safestories.writer', true) = 'server' then
        perform pg_notify('safestories_webhooks', '');
    end if;
end
$$;

create or replace function internal.publish_bookings() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not exists (select from internal.outbound_endpoints e where e.deleted_at is null) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform internal.publish('booking.created', 'booking ' || n.booking_id, jsonb_build_object('booking_id', n.booking_id), '{}')
        from new_rows n
        where n.booking_id is not null;
    else
        perform internal.publish(
            case
                when n.former is null then 'booking.created'
                when n.word is distinct from n.former_word and n.word in ('cancelled', 'no_show', 'completed') then 'booking.' || n.word
                else 'booking.changed'
            end,
            'booking ' || n.booking_id,
            jsonb_build_object('booking_id', n.booking_id),
            case when n.former is null then '{}' else internal.changed_columns(n.former, n.latter) end
        )
        from (
            -- That it was moved, and from where, follows from its start: of other programs' moves the server notes it later.
            select n.booking_id,
                   to_jsonb(o) - '{rescheduled_at,rescheduled_start_at,rescheduled_end_at,recheduled_from}'::text[] as former,
                   to_jsonb(n) - '{rescheduled_at,rescheduled_start_at,rescheduled_end_at,recheduled_from}'::text[] as latter,
                   internal.booking_status(n.booking_status) as word,
                   internal.booking_status(o.booking_status) as former_word
            from new_rows n
            left join old_rows o on o.booking_id = n.booking_id
            where n.booking_id is not null
        ) n
        where n.former is distinct from n.latter;
    end if;
    return null;
end
$$;

create or replace function internal.publish_clients() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not exists (select from internal.outbound_endpoints e where e.deleted_at is null) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform internal.publish('client.created', 'client ' || n.client_id, jsonb_build_object('client_id', n.client_id), '{}')
        from new_rows n;
    else
        perform internal.publish(
            case
                when c.former ->> 'therapist_id' <> c.latter ->> 'therapist_id' then 'client.transferred'
                else 'client.changed'
            end,
            'client ' || c.client_id,
            jsonb_build_object('client_id', c.client_id),
            internal.changed_columns(c.former, c.latter)
        )
        from (
            -- How many sessions there are follows from the bookings.
            select n.client_id, to_jsonb(o) - 'no_of_sessions' as former, to_jsonb(n) - 'no_of_sessions' as latter
            from new_rows n
            join old_rows o on o.client_id = n.client_id
        ) c
        where c.former is distinct from c.latter;
    end if;
    return null;
end
$$;

-- Of what the server knows of clients: that one was merged into another, or erased.
create or replace function internal.publish_client_records() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if new.merged_into is not null and (tg_op = 'INSERT' or old.merged_into is null) then
        perform internal.publish(
            'client.merged',
            'client ' || new.client_id,
            jsonb_build_object('client_id', new.client_id, 'merged_into', new.merged_into),
            '{}'
        );
    elsif new.erased_at is not null and (tg_op = 'INSERT' or old.erased_at is null) then
        perform internal.publish(
            'client.erased', 'client ' || new.client_id, jsonb_build_object('client_id', new.client_id), '{}'
        );
    end if;
    return null;
end
$$;

create or replace function internal.publish_payments() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not exists (select from internal.outbound_endpoints e where e.deleted_at is null) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform internal.publish(
            'payment.recorded',
            'payment ' || n.payment_id,
            jsonb_build_object('payment_id', n.payment_id, 'booking_id', n.booking_id),
            '{}'
        )
        from new_rows n;
    else
        -- Refunds of bookings are told by their facts, whichever table says so.
        perform internal.publish(
            'refund.changed',
            'refund of payment ' || n.payment_id,
            jsonb_build_object('payment_id', n.payment_id),
            '{refund_status}'
        )
        from new_rows n
        join old_rows o on o.payment_id = n.payment_id
        where n.booking_id is null
          and internal.refund_status(n.refund_status) is distinct from internal.refund_status(o.refund_status);
    end if;
    return null;
end
$$;

-- Of a booking's facts, how far its refund is: the same, whichever of the three tables that say so was written.
create or replace function internal.publish_refunds() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.publish(
        'refund.changed', 'refund of booking ' || new.booking_id, jsonb_build_object('booking_id', new.booking_id), '{refund_status}'
    );
    return null;
end
$$;

create or replace function internal.publish_requests() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not exists (select from internal.outbound_endpoints e where e.deleted_at is null) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform internal.publish('request.created', 'request ' || n.request_id, jsonb_build_object('request_id', n.request_id), '{}')
        from new_rows n;
    else
        perform internal.publish(
            'request.booked', 'request ' || n.request_id, jsonb_build_object('request_id', n.request_id), '{status}'
        )
        from new_rows n
        join old_rows o on o.request_id = n.request_id
        where internal.request_status(n.status) = 'booked'
          and internal.request_status(o.status) is distinct from 'booked';
    end if;
    return null;
end
$$;

-- Of notes written here, that they were signed.
create or replace function internal.publish_signatures() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if new.signed_at is not null and (tg_op = 'INSERT' or old.signed_at is null) then
        perform internal.publish(
            'note.signed',
            'note ' || new.note_id,
            jsonb_build_object('note_id', new.note_id, 'booking_id', new.booking_id),
            '{}'
        );
    end if;
    return null;
end
$$;

-- Of notes of another program, that they are there: such a note counts as signed.
create or replace function internal.publish_notes() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if not exists (select from internal.outbound_endpoints e where e.deleted_at is null) or internal.is_server() then
        return null;
    end if;
    perform internal.publish(
        'note.signed',
        'note ' || n.note_id,
        jsonb_build_object('note_id', n.note_id, 'booking_id', n.booking_id),
        '{}'
    )
    from new_rows n;
    return null;
end
$$;

create or replace function internal.publish_checkpoints() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    perform internal.publish(
        'audit.checkpoint',
        'checkpoint ' || new.seq,
        jsonb_build_object(
            'seq', new.seq,
            'head', encode(new.head, 'hex'),
            'sealed_at', new.sealed_at,
            'key_id', new.key_id,
            -- PostgreSQL breaks the lines of Base64.
            'signature', translate(encode(new.signature, 'base64'), E'\n', '')
        ),
        '{}',
        new.seq
    );
    return null;
end
$$;

create or replace trigger bookings_publish_insert after insert on public.bookings
    referencing new table as new_rows for each statement execute function internal.publish_bookings();
create or replace trigger bookings_publish_update after update on public.bookings
    referencing old table as old_rows new table as new_rows for each statement execute function internal.publish_bookings();
create or replace trigger clients_publish_insert after insert on public.all_clients_table
    referencing new table as new_rows for each statement execute function internal.publish_clients();
create or replace trigger clients_publish_update after update on public.all_clients_table
    referencing old table as old_rows new table as new_rows for each statement execute function internal.publish_clients();
create or replace trigger client_records_publish after insert or update of merged_into, erased_at on internal.clients
    for each row when (new.merged_into is not null or new.erased_at is not null)
    execute function internal.publish_client_records();
create or replace trigger payments_publish_insert after insert on public.payments
    referencing new table as new_rows for each statement execute function internal.publish_payments();
create or replace trigger payments_publish_update after update on public.payments
    referencing old table as old_rows new table as new_rows for each statement execute function internal.publish_payments();
create or replace trigger booking_facts_publish after update of refund_status on internal.booking_facts
    for each row when (old.refund_status is distinct from new.refund_status) execute function internal.publish_refunds();
create or replace trigger booking_requests_publish_insert after insert on public.booking_requests
    referencing new table as new_rows for each statement execute function internal.publish_requests();
create or replace trigger booking_requests_publish_update after update on public.booking_requests
    referencing old table as old_rows new table as new_rows for each statement execute function internal.publish_requests();
create or replace trigger session_notes_publish after insert or update of signed_at on internal.session_notes
    for each row when (new.signed_at is not null) execute function internal.publish_signatures();
create or replace trigger client_session_notes_publish after insert on public.client_session_notes
    referencing new table as new_rows for each statement execute function internal.publish_notes();
create or replace trigger audit_checkpoints_publish after insert or update on internal.audit_checkpoints
    for each row execute function internal.publish_checkpoints();
