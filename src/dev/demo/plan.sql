-- The course of the practice, in temporary tables: sessions, clients, outcomes, and the order of events.
--
-- These rules hold: sessions of one therapist do not overlap, but for cancelled ones, since they take slots of an hour
-- one after the other; a client keeps to one therapist until transferred; nothing but the sessions themselves lies
-- after the midnight before today. `demo` has one row: `bookings` and `now` as requested, `midnight` in India.

-- The sequences go on after the rows that are there, also where those came without asking them. Restarting is undone
-- with the transaction.
do $$
declare
    counted record;
    next bigint;
begin
    for counted in
        select format('%I.%I', table_schema, table_name) as of, column_name as name,
               pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name) as sequence
        from information_schema.columns
        where table_schema = 'public'
          and pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name) is not null
    loop
        execute format(
            'select 1 + greatest((select coalesce(max(%I), 0) from %s), last_value - (not is_called)::integer) from %s',
            counted.name, counted.of, counted.sequence) into next;
        execute format('alter sequence %s restart with %s', counted.sequence, next);
    end loop;
end
$$;

alter table demo
    add opened timestamp, add iso_until timestamp, add therapists integer, add past integer, add today integer,
    add soon integer;
-- Two years for the practice of the first start, ten for a large one; a therapist sees a few thousand sessions. Today and
-- the three days after it hold more than their share, so that a small practice too has somebody in a session now.
update demo
set therapists = greatest(12, bookings / 4000),
    past = 365 * 2 + 365 * 8 * (least(greatest(bookings, 3000), 100000) - 3000) / 97000;
update demo set today = least(bookings / 100, therapists * 5), soon = least(bookings / 150, therapists * 3);
-- Everything was set up before the first link was sent. Audit rows of the first fifth of the years have ISO times.
update demo set opened = midnight - (past + 30) * interval '1 day' + interval '10 hours';
update demo set iso_until = opened + (midnight - opened) / 5;
analyze demo;

create temporary table demo_offer (number integer primary key, id integer, name text, therapy text, minutes integer,
    price numeric[], half numeric) on commit drop;
insert into demo_offer values
    (0, 41001, 'Individual Therapy Session', 'Individual Therapy', 50, '{1700.00,1700}', 850.00),
    (1, 41002, 'Adolescent Therapy Session', 'Adolescent Therapy', 50, '{1500.00,1500}', 750.00),
    (2, 41003, 'Trauma-informed Therapy Session', 'Trauma Therapy', 50, '{2200.00,2200.50}', 1100.00),
    (3, 41004, 'Grief Counselling Session', 'Grief Counselling', 50, '{1400.00,1399.99}', 700.00),
    (4, 41005, 'Couples Therapy Session', 'Couples Therapy', 50, '{2500.00,2500}', 1250.00),
    (5, 41006, 'Free Consultation', 'Free Consultation', 15, '{0,0.00}', 0);

-- Two admins, then the therapists. The first therapists differ in both names; later, surnames repeat.
create temporary table demo_user on commit drop as
select nextval(pg_get_serial_sequence('public.users', 'id'))::integer as id, u.*
from (
    select place - 3 as number, name, lower(replace(name, ' ', '.')) as username
    from unnest(array['Meher Contractor', 'Joel Lyngdoh']) with ordinality admin (name, place)
    union all
    select t, first || ' ' || surname, lower(first || '.' || surname) || coalesce(nullif(t / 2000, 0)::text, '')
    from demo,
         generate_series(0, therapists - 1) t,
         pg_temp.in_turn(case t % 4 when 3 then 'men' else 'women' end, t) first,
         pg_temp.in_turn('surnames', t * 7 + t / 40) surname
    order by 1
) u;

create temporary table demo_therapist on commit drop as
select number::integer, u.id as user_id, (58701 + number)::text as id, name, username, number % 5 in (1, 3) as half_past,
       username || '@example.org' as email, '+9197000' || lpad((number * 76543 % 100000)::text, 5, '0') as phone
from demo_user u
where number >= 0;
alter table demo_therapist add primary key (number);

-- Days, counted from today, and their bookings: the practice grows over the years, rests on Sundays, and is booked up to
-- two months ahead, ever thinner.
create temporary table demo_day on commit drop as
with weighed as (
    select day, near,
           case
               when near > 0 then 0
               when day < 0 then weekday * (60 + 80 * (past + day) / past)
               else weekday * 140 * (61 - day) / 61
           end as weight
    from demo,
         generate_series(-past, 60) day,
         lateral (select case day when 0 then today when 1 then soon when 2 then soon when 3 then soon else 0 end) n (near),
         lateral (select (array[10, 10, 10, 10, 10, 8, 3])[
             extract(isodow from midnight + interval '5:30' + day * interval '1 day')]) w (weekday)
), reached as (
    select day, near, weight, sum(weight) over (order by day)::bigint as reached, sum(weight) over ()::bigint as total
    from weighed
)
select day, (near + rest * reached / total - rest * (reached - weight) / total)::integer as bookings
from demo, reached, lateral (select demo.bookings - today - 3 * soon) r (rest);

-- Bookings as they are planned. The first therapists are the most in demand; today all have their share. A therapist's
-- sessions of a day follow each other; today those of all therapists do, so that somebody is in a session at any hour.
-- Therapists see regular clients by turns: a seat is a client's until it is given to another.
create temporary table demo_plan on commit drop as
with turn as (
    select day, bookings, turn, (sum(bookings) over (order by day) - bookings + turn)::bigint as n
    from demo_day, generate_series(0, bookings - 1) turn
), met as (
    select n, day, t.number as therapist, half_past, case when half_past then 10 else 11 end as slots
    from demo
    cross join turn
    cross join lateral (select (turn.turn + pg_temp.lot('demand', n, 1000) / 1000::float8) / turn.bookings) w (wanted)
    join demo_therapist t
      on t.number = floor(demo.therapists * case when day = 0 then wanted else 1 - sqrt(1 - wanted) end)
), counted as (
    select *,
           row_number() over (partition by therapist order by n) - 1 as visit,
           row_number() over (partition by therapist, day order by n) - 1 as of_day,
           row_number() over (partition by day, half_past order by therapist, n) - 1 as of_all,
           count(*) over (partition by therapist) as visits
    from met
), seated as (
    select *,
           visit % seats as seat,
           visit < seats
               or pg_temp.lot('new', n, 10000) < (visits * 100000 / 79 - seats * 10000) / greatest(visits - seats, 1) as new
    from demo, counted, lateral (select least(15, greatest(visits / 16, today / therapists + 2))) s (seats)
)
select n, day, therapist,
       -- The booking by which the client took the seat.
       max(n) filter (where new) over (partition by therapist, seat order by n) as seed,
       midnight + day * interval '1 day' + half_past::integer * interval '30 minutes' + interval '9 hours'
           + (case
               when day = 0 then of_all
               -- A slot that was cancelled goes to somebody else.
               else of_day - (of_day > 0 and outcome < 100)::integer + pg_temp.lot('hour', day * 10007 + therapist, slots)
           end) % slots
           * interval '1 hour' as start_at,
       case
           when day = 0 then 'kept'
           when outcome < case when day < 0 then 120 else 100 end then 'cancelled'
           when outcome < 160 and day < 0 then 'no_show'
           else 'kept'
       end as outcome
from seated, lateral (select pg_temp.lot('outcome', n, 1000)) o (outcome);

-- Most are booked some days ahead; those to come were booked by yesterday.
alter table demo_plan add booked_at timestamp;
update demo_plan
set booked_at = case
        when day < 0 then start_at - interval '1 second' * (
            3600 + least(pg_temp.lot('lead', n, 1725000), pg_temp.lot('lead again', n, 1725000)))
        else midnight - interval '1 second' * (60 + pg_temp.lot('lead', n, 1728000))
    end
from demo;

-- Some seats are taken by a client of another therapist instead of a new one.
create temporary table demo_seat on commit drop as
select seed, min(therapist) as therapist, min(booked_at) as since, max(start_at) as until,
       -- The first may be with the organisation's own host.
       count(*) filter (where outcome = 'kept' and n <> seed) > 1 as regular,
       row_number() over (order by min(booked_at) desc, seed) % 16 = 3 as taken
from demo_plan
group by seed;
create index on demo_seat (until) where regular and not taken;
analyze demo_seat;

create temporary table demo_transfer on commit drop as
select distinct on (client) s.seed, former.seed as client, former.therapist as former, s.therapist as next, day.at
from demo_seat s,
     -- Eight in the morning of the day before.
     lateral (select date_trunc('day', s.since + interval '5:30') - interval '21:30') day (at),
     lateral (
         select f.seed, f.therapist
         from demo_seat f
         where f.regular
           and not f.taken
           and f.until < day.at
           and f.therapist <> s.therapist
         order by f.until desc
         limit 1
     ) former
where s.taken
order by client, s.seed;
create unique index on demo_transfer (seed);

-- Clients book one session after the other.
create temporary table demo_made on commit drop as
select p.n, p.day, p.therapist, p.start_at, p.outcome, c.key, first, free,
       first and free and pg_temp.lot('host', n, 100) < 35 as organisation,
       max(p.booked_at) over (partition by c.key order by p.n) as created_at
from demo_plan p
left join demo_transfer t on t.seed = p.seed,
     lateral (select coalesce(t.client, p.seed)) c (key),
     lateral (select p.n = c.key) f (first),
     lateral (select first and pg_temp.lot('free', n, 100) < 35 or pg_temp.lot('free again', n, 200) = 0) g (free);

-- Some ask and never book; the last did so some days ago.
create temporary table demo_lead on commit drop as
select -n as key, therapist, pg_temp.lot('free', n, 100) < 50 as free,
       midnight + day * interval '1 day' + (540 + pg_temp.lot('asks', n, 660)) * interval '1 minute' as at
from demo, (select *, row_number() over (order by n desc) as ago from demo_plan where day < 0) p
where ago % 150 = 20;

-- Clients in the order in which they became known. Every fortieth shares a telephone with the one before (couples), some
-- have none, some a text that is no e-mail address, some a name that programs stumble over. Telephone numbers are counted
-- off: clients +91 98…, therapists +91 97…, relatives +91 96…
create temporary table demo_client on commit drop as
with known as (
    select key, min(created_at) as known_at,
           count(*) filter (where outcome = 'kept') as sessions,
           case when bool_or(not organisation) then (array_agg(therapist order by n desc))[1] end as therapist
    from demo_made
    group by key
    union all
    select key, at, 0, null from demo_lead
), numbered as (
    select row_number() over (order by known_at, key) - 1 as number, count(*) over () as clients, known.*
    from known
), named as (
    select number, key, known_at, sessions, therapist, number % 40 = 1 as partner, couple, women, surname,
           case when women then pg_temp.pick('women', number) else pg_temp.pick('men', number) end as first,
           case when women then pg_temp.pick('men', -number) else pg_temp.pick('women', -number) end as relative,
           number % 37 = 5 as unusual,
           -- Multiplied by a number without common divisor: each occurs once, but neighbours look unlike.
           case
               when clients <= 90000 then '000' || lpad((couple * 76543 % 100000)::text, 5, '0')
               else '0' || lpad((couple * 7654321 % 10000000)::text, 7, '0')
           end as digits
    from numbered,
         lateral (select number - (number % 40 = 1)::integer) c (couple),
         lateral (select (pg_temp.lot('women', couple, 100) < 60) <> (couple <> number)) w (women),
         lateral (select pg_temp.pick('surnames', couple)) s (surname)
)
select number::integer, key, 'CL-' || lpad((number + 1)::text, greatest(6, length((number + 1)::text)), '0') as id,
       known_at, sessions::integer, therapist,
       case when partner then 'CL-' || lpad(number::text, greatest(6, length(number::text)), '0') end as duplicate_of,
       case when unusual then pg_temp.in_turn('unusual', number / 37) else first || ' ' || surname end as name,
       case when number % 50 <> 7 then '+9198' || digits end as phone,
       case
           when number % 50 = 7 then null
           when number % 7 = 1 then '+91 98' || overlay(digits placing ' ' from 4 for 0)
           when number % 7 = 3 then '98' || digits
           when number % 7 = 4 then '098' || overlay(digits placing ' ' from 4 for 0)
           when number % 7 = 5 then '+91-98' || overlay(digits placing '-' from 4 for 0)
           else '+9198' || digits
       end as typed_phone,
       case
           when number % 33 = 3 then 'na'
           when number % 33 = 9 then 'none'
           when number % 33 = 15 then ''
           when number % 33 = 21 then null
           when unusual then 'client' || number || '@example.org'
           when number % 33 = 27 then first || '.' || surname || number || '@Example.org'
           else lower(first || '.' || surname) || number || '@example.org'
       end as email,
       place[1] as zone, place[2] as country, place[3] as city,
       16 + pg_temp.lot('age', number, 52) as age, case when women then 'Female' else 'Male' end as gender,
       case when emergency then relative || ' ' || surname end as emergency_name,
       case when emergency then pg_temp.pick('relations', number) end as emergency_relation,
       case when emergency then '+9196' || digits end as emergency_number
from named,
     lateral (select pg_temp.lot('emergency', number, 100) < 40) e (emergency),
     lateral (select string_to_array(case when pg_temp.lot('abroad', number, 100) < 8
         then pg_temp.pick('abroad', number) else 'Asia/Kolkata|India|' || pg_temp.pick('cities', number) end, '|')) p (place);
alter table demo_client add primary key (number);
create unique index on demo_client (key);

-- Bookings with all that becomes of them by today, numbered in the order in which they were made.
create temporary table demo_booking on commit drop as
with moved as (
    -- One in twenty was moved. Changes of a session happen before it, and before today.
    select m.*, c.number as client, o.number as offer, o.minutes, before,
           m.start_at + o.minutes * interval '1 minute' as end_at,
           case when free then (array[null, 0, 0.00])[1 + n % 3] else o.price[1 + c.number % 10 / 9] end as amount,
           case when moves then move_at end as moved_at,
           case
               when not moves then null
               when m.start_at - by_days > move_at then m.start_at - by_days
               else m.start_at + by_days
           end as moved_from
    from demo
    cross join demo_made m
    join demo_client c on c.key = m.key
    join demo_offer o on o.number = case when free then 5 when c.number % 40 < 2 then 4 else m.therapist % 4 end,
         lateral (select least(m.start_at, midnight)) b (before),
         lateral (select pg_temp.between('moved', n, created_at, before)) a (move_at),
         lateral (select pg_temp.lot('moves', n, 100) < 5 and m.start_at - move_at > interval '1 hour') x (moves),
         lateral (select (1 + pg_temp.lot('by', n, 4)) * interval '1 day') y (by_days)
), noted as (
    -- Nearly all that took place have a note, the more surely the older they are.
    select m.*, outcome = 'kept' and day >= 0 and not free and pg_temp.lot('waiting', n, 100) < 8 as waiting,
           case when outcome = 'cancelled' then pg_temp.between('cancelled', n, since, before) end as cancelled_at,
           case
               when outcome = 'kept' and day < 0 and note_at < midnight
                   and pg_temp.lot('noted', n, 100) < case when free then 30 when recent then 78 else 89 end then note_at
           end as noted_at,
           pg_temp.lot('completed', n, 100) < case when recent then 20 else 80 end as said_so
    from demo, moved m,
         lateral (select coalesce(moved_at, created_at)) s (since),
         lateral (select midnight - end_at < interval '21 days') r (recent),
         lateral (select end_at + interval '1 minute' * (
             5 + pg_temp.lot('note', n, case when free then 595 when recent then 2875 else 4315 end))) t (note_at)
), worded as (
    select m.*,
           case
               when outcome <> 'kept' then outcome
               when case when noted_at is null then day < 0 and said_so else pg_temp.lot('completed', n, 100) < 12 end
                   then 'completed'
               when moved_at is null then 'confirmed'
               else 'rescheduled'
           end as word
    from noted m
), counted as (
    select m.*, row_number() over (partition by word, waiting order by n) - 1 as use,
           row_number() over (partition by noted_at is null order by noted_at, n) - 1 as note,
           -- The sessions in which a therapist may have called for help, the last ones first.
           row_number() over (
               partition by outcome = 'kept' and day < 0 and not organisation order by start_at desc, n) as ago
    from worded m
), refunded as (
    select m.*, row_number() over (order by created_at, n) - 1 as number, refund, opened_at, settled_at
    from demo, counted m,
         lateral (select case when outcome = 'cancelled' and not free then pg_temp.in_turn('refunds', use) end) a (asked),
         lateral (select cancelled_at + interval '1 minute' * (20 + pg_temp.lot('opened', n, 281))) o (opened_at),
         lateral (select cancelled_at + interval '1 minute' * (1440 + pg_temp.lot('settled', n, 5761))) s (settled_at),
         lateral (
             select case
                 when opened_at >= midnight then null
                 when settled_at >= midnight and lower(asked) in ('completed', 'processed', 'failed') then 'initiated'
                 else asked
             end
         ) r (refund)
    order by created_at, n
)
select number::integer, client, case when not organisation then therapist end as therapist, therapist as asked, offer, first,
       free, organisation, created_at, start_at, end_at, minutes, amount, moved_at, moved_from, cancelled_at, noted_at,
       note, outcome, waiting, not free and not waiting as paid, (1000001 + number)::text as id,
       pg_temp.spelled(word, use) as status, pg_temp.in_turn('modes', n) as mode,
       case
           when waiting then pg_temp.spelled('waiting', use)
           when outcome = 'cancelled' then pg_temp.spelled('cancelled', use + 2)
           else pg_temp.spelled('confirmed', use + 1)
       end as invitee_status,
       (array['client', 'client', 'client', 'therapist', 'admin'])[1 + pg_temp.lot('by', n, 5)] as cancelled_by,
       refund, opened_at, case when lower(refund) in ('completed', 'processed', 'failed') then settled_at end as settled_at,
       case
           when refund is null then null
           when pg_temp.lot('half', n, 100) < 40 then (select half from demo_offer where demo_offer.number = offer)
           else amount
       end as refunded,
       outcome = 'kept' and day < 0 and not organisation and ago % 170 = 5 as alarmed,
       case when not free and not waiting then nextval(payments) end as payment,
       case when not organisation then nextval(caches) end as cached
from refunded,
     -- Looked up once, not for every row.
     (select pg_get_serial_sequence('public.payments', 'payment_id')::regclass as payments,
             pg_get_serial_sequence('public.therapist_appointments_cache', 'id')::regclass as caches
      offset 0) sequences;
alter table demo_booking add primary key (number);
analyze demo_booking, demo_client, demo_therapist, demo_offer;

-- The events in order: rows of every table are written in the order of their events, so that their numbers grow with
-- time.
create temporary table demo_event on commit drop as
with shift as (
    select therapist, min(start_at) as opens, midnight + day * interval '1 day' + interval '20 hours' as closes, max(n) as seed
    from demo, demo_made
    where day < 0 and outcome <> 'cancelled' and not organisation
    group by midnight, day, therapist
), happened as (
    select created_at as at, 'booked' as kind, number, client, therapist, null::integer as next, free from demo_booking
    union all
    select created_at - interval '1 minute' * (5 + pg_temp.lot('requested', number, 596)), 'requested', number, client, asked,
           null, free
    from demo_booking
    where first and pg_temp.lot('linked', number, 100) < 60
    union all
    select at, 'requested', null, c.number, l.therapist, null, free from demo_lead l join demo_client c on c.key = l.key
    union all
    select moved_at, 'moved', number, client, therapist, null, free from demo_booking where moved_at is not null
    union all
    select cancelled_at, 'cancelled', number, client, therapist, null, free from demo_booking where outcome = 'cancelled'
    union all
    select opened_at, 'refund_opened', number, client, therapist, null, free from demo_booking where refund is not null
    union all
    select settled_at, 'refund_done', number, client, therapist, null, free
    from demo_booking
    where lower(refund) in ('completed', 'processed')
    union all
    select start_at + interval '20 minutes', 'missed', number, client, therapist, null, free
    from demo_booking
    where outcome = 'no_show'
    union all
    select noted_at, 'noted', number, client, therapist, null, free from demo_booking where noted_at is not null
    union all
    select start_at + interval '35 minutes', 'alarmed', number, client, therapist, null, free from demo_booking where alarmed
    union all
    select at, 'transferred', null, c.number, former, t.next, null from demo_transfer t join demo_client c on c.key = t.client
    union all
    select opens - interval '1 minute' * (5 + pg_temp.lot('login', seed, 36)), 'login', null, null, therapist, null, null
    from shift
    where pg_temp.lot('logs in', seed, 100) < 40
    union all
    select closes + interval '1 minute' * (1 + pg_temp.lot('logout', seed, 90)), 'logout', null, null, therapist, null, null
    from shift
    where pg_temp.lot('logs in', seed, 100) < 12
)
select e.*,
       case kind
           when 'requested' then nextval(pg_get_serial_sequence('public.booking_requests', 'request_id'))
           when 'transferred' then nextval(pg_get_serial_sequence('public.client_transfer_history', 'transfer_id'))
       end as related
from (
    select row_number() over (order by at, number, kind, client, therapist) as id, h.*
    from happened h
    order by at, number, kind, client, therapist
) e;
alter table demo_event add primary key (id);
analyze demo_event;

-- Events with all that their rows say. Where there is no therapist, the organisation's own host stands for one.
create temporary view demo_story as
select e.id as event, e.kind, e.at, e.related, e.next, coalesce(e.free, false) as free,
       b.number, b.id, b.first, b.created_at, b.start_at, b.end_at, b.minutes, b.amount, b.moved_at, b.moved_from,
       b.cancelled_at, b.cancelled_by, b.noted_at, b.note, b.paid, b.payment, b.cached, b.status, b.invitee_status, b.mode,
       b.refund, b.refunded, b.opened_at, b.settled_at, lower(b.refund) = 'failed' as failed, o.id as offer_id,
       o.name as offer, o.therapy,
       e.client, c.id as client_id, c.known_at, c.duplicate_of, c.sessions, c.name, c.phone, c.typed_phone, c.email, c.zone,
       c.country, c.city, c.age, c.gender, c.emergency_name, c.emergency_relation, c.emergency_number,
       case when c.therapist is not null then (58701 + c.therapist)::text end as assigned,
       e.therapist, t.id as therapist_id, coalesce(t.id, '58605') as host_id, coalesce(t.name, 'SafeStories') as host,
       t.phone as host_phone, coalesce(t.email, 'hello@example.org') as host_email, t.user_id as host_user,
       case
           when e.kind <> 'booked' or b.number % 25 = 4 then null
           when b.number % 25 in (9, 17)
               then replace(pg_temp.invitee_time(b.start_at, b.minutes, '5:30'), '(GMT+05:30)', 'IST')
           else pg_temp.invitee_time(b.start_at, b.minutes,
               (b.start_at at time zone 'UTC' at time zone c.zone) - b.start_at)
       end as time_text
from demo_event e
left join demo_booking b on b.number = e.number
left join demo_offer o
  on o.number = coalesce(b.offer, case when e.free then 5 when e.client % 40 < 2 then 4 else e.therapist % 4 end)
left join demo_client c on c.number = e.client
left join demo_therapist t on t.number = e.therapist;
create temporary table demo_batch on commit drop as select * from demo_story with no data;
-- A small sample tells how often each kind occurs.
alter table demo_batch alter event set statistics 1, alter kind set statistics 10;
