-- The caches that sum up, as a recomputation has them.

insert into therapist_dashboard_stats (
    therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings, last_updated)
select therapist_id, total, confirmed, cancelled, no_shows, upcoming, midnight
from demo, internal.therapist_figures(now)
order by therapist_id;

create temporary table demo_summary on commit drop as
select nextval(pg_get_serial_sequence('public.therapist_clients_summary', 'id')) as id, s.*
from (select * from internal.clients_summary() order by client_id, therapist_id) s;
insert into therapist_clients_summary (
    id, therapist_id, client_name, client_email, client_phone, total_sessions, last_session_date, created_at)
select id, therapist_id, client_name, client_email, client_phone, sessions, last_session, midnight
from demo, demo_summary
order by id;
insert into internal.clients_summary_rows (therapist_id, client_id, id)
select therapist_id, client_id, id
from demo_summary
order by id;
