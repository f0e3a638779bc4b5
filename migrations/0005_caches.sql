-- What the derived tables and columns should hold, each recomputed from its sources: what a rebuild writes, and what is
-- compared with when drift is looked for. They read everything; what a write keeps up to date is worked out from less
-- (`dashboards::cache`), and a test holds the two against each other.
--
-- Left out throughout, since nothing could refer to them: bookings without an id; therapists and clients without a row;
-- and, in the tables whose column is too narrow for it, therapists whose id is longer than 50 characters.

-- Per therapist; `upcoming` goes by `at`.
create function internal.therapist_figures(at timestamp)
    returns table (
        therapist_id text,
        total        integer,
        confirmed    integer,
        cancelled    integer,
        no_shows     integer,
        upcoming     integer
    )
    language sql stable parallel safe
begin atomic
    select t.therapist_id,
           coalesce(b.total, 0),
           coalesce(b.total - b.cancelled - b.no_shows, 0),
           coalesce(b.cancelled, 0),
           coalesce(b.no_shows, 0),
           coalesce(b.upcoming, 0)
    from (select distinct therapists.therapist_id from public.therapists) t
    left join (
        select b.therapist_id,
               count(*)::integer as total,
               count(*) filter (where internal.booking_status(b.booking_status) = 'cancelled')::integer as cancelled,
               count(*) filter (where internal.booking_status(b.booking_status) = 'no_show')::integer as no_shows,
               count(*) filter (where internal.is_active(b.booking_status) and b.booking_start_at > at)::integer
                   as upcoming
        from public.bookings b
        where b.booking_id is not null
        group by b.therapist_id
    ) b on b.therapist_id = t.therapist_id;
end;

-- Per therapist and client with an active booking together, as the client's record names them.
create function internal.clients_summary()
    returns table (
        therapist_id text,
        client_id    text,
        client_name  text,
        client_email text,
        client_phone text,
        sessions     integer,
        last_session timestamp
    )
    language sql stable parallel safe
begin atomic
    select s.therapist_id, s.client_id, c.client_name, c.email_id, c.phone_number, s.sessions, s.last_session
    from (
        select b.therapist_id,
               a.client_id,
               count(*)::integer as sessions,
               max(b.booking_start_at) filter (where isfinite(b.booking_start_at)) as last_session
        from public.bookings b
        join public.appointment_table a on a.session_id = b.booking_id
        where internal.is_active(b.booking_status)
          and length(b.therapist_id) <= 50
        group by b.therapist_id, a.client_id
    ) s
    join public.all_clients_table c on c.client_id = s.client_id
    where exists (select from public.therapists t where t.therapist_id = s.therapist_id);
end;

-- Per booking with a therapist.
create function internal.appointments_cache()
    returns table (
        booking_id      text,
        therapist_id    text,
        session_timings text,
        session_name    text,
        client_name     text,
        contact_info    text,
        mode            text,
        booking_date    timestamp,
        booking_status  text
    )
    language sql stable parallel safe
begin atomic
    select b.booking_id,
           b.therapist_id,
           left(b.booking_invitee_time, 500),
           left(b.booking_resource_name, 500),
           left(b.invitee_name, 255),
           left(coalesce(nullif(btrim(b.invitee_phone), ''), b.invitee_email), 100),
           left(internal.booking_mode(b.booking_mode), 100),
           b.booking_start_at,
           left(internal.booking_status(b.booking_status), 50)
    from public.bookings b
    where b.booking_id is not null
      and length(b.therapist_id) <= 50
      and exists (select from public.therapists t where t.therapist_id = b.therapist_id);
end;

-- Per client.
create function internal.client_figures()
    returns table (client_id text, sessions integer)
    language sql stable parallel safe
begin atomic
    select c.client_id, coalesce(s.sessions, 0)
    from public.all_clients_table c
    left join (
        select a.client_id, count(*)::integer as sessions
        from public.appointment_table a
        join public.bookings b on b.booking_id = a.session_id
        where internal.is_active(b.booking_status)
        group by a.client_id
    ) s on s.client_id = c.client_id;
end;
