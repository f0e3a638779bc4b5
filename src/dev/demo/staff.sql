-- Rows that are there before the first booking: therapists, users, resources, campaigns, the orphans.

insert into therapists (therapist_id, name, specialization, contact_info, sessions_booked, capacity, created_at)
select t.id, t.name, o.therapy || ', Couples Therapy', case t.number % 2 when 0 then t.phone else t.email end, ahead,
       -- Every third has no limit; the others have room for more.
       case t.number % 3 when 2 then 0 else (ahead + 9) / 10 * 10 + 20 end, opened
from demo
cross join demo_therapist t
join demo_offer o on o.number = t.number % 4
left join (
    select therapist, count(*)::integer as upcoming
    from demo, demo_booking
    where outcome = 'kept' and start_at > now
    group by therapist
) b on b.therapist = t.number,
     lateral (select coalesce(upcoming, 0)) u (ahead)
order by t.number;

-- Weekly hours: the first therapist takes sessions on every day, the others have two days off, one after the other.
insert into internal.availability (therapist_id, schedules)
select t.id, jsonb_build_array(jsonb_build_object(
           'time_zone', 'Asia/Kolkata', 'valid_from', null, 'valid_to', null, 'hours', (
               select jsonb_agg(jsonb_build_object('day', day, 'from', '08:00', 'to', '21:00') order by place)
               from unnest(array['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'])
                   with ordinality d (day, place)
               where t.number = 0 or (place + t.number) % 7 > 1
           )
       ))
from demo_therapist t
order by t.number;

-- A text that is no hash: nobody logs in with it.
insert into users (id, username, password, name, role, created_at, updated_at, therapist_id, full_name)
select u.id, u.username, '!', u.name,
       case when t.number is null then 'admin' when t.number % 11 = 10 then 'Therapist' else 'therapist' end,
       opened, opened, t.id, u.name
from demo
cross join demo_user u
left join demo_therapist t on t.user_id = u.id
order by u.id;

insert into therapist_resources (resource_id, resource_name, therapist_id, therapist_name, created_at, therapy_name)
select o.id, o.name, host.id, host.name, opened, o.therapy
from demo, (
    select number, id, name, array[number % 4, 4, 5] as offers from demo_therapist
    union all
    select 2147483647, '58605', 'SafeStories', array[5, 4]
) host (number, id, name, offers), unnest(offers) with ordinality offered (number, place)
join demo_offer o on o.number = offered.number
order by host.number, place;

-- The table has no key, and some rows came twice.
insert into aisensy_campaign_api (campaign_name, therapy, therapist_name)
select campaign, o.therapy, t.name
from demo_therapist t
join demo_offer o on o.number = t.number % 4,
     unnest(array['booking_link_v1', 'session_reminder', 'free_consultation']) with ordinality c (campaign, place),
     generate_series(1, case t.number when 4 then 2 else 1 end) again
where t.number < 12
order by t.number, place, again;

-- A note of a booking that is no more.
insert into client_session_notes (booking_id, client_name, host_name, session_status, homework_suggested, created_at, updated_at)
select '56430', 'Sample Client', 'SafeStories', 'Completed', 'Continue next week.', opened + interval '3 days',
       opened + interval '3 days'
from demo;
