-- Paying by the booking link: `booking_links`, `payment_links`, `scheduling::rules`.

-- Until when a booking that is to be paid by the link keeps its time: two minutes longer than the link. Null where the booking
-- does not end with the link; and once it is paid, was let go, or has another link.
alter table internal.payment_links add column holds_until timestamptz;
update internal.payment_links
set holds_until = expires_at + interval '2 minutes'
where cancels_booking
  and (state in ('making', 'open') or state = 'refused' and due_at is not null);
create index payment_links_holding on internal.payment_links (holds_until) where holds_until is not null;

-- The booking that a client chose by the link and has not paid yet: the link has not booked until it is paid.
alter table internal.booking_links add column attempt_id text;
create index booking_links_of_attempt on internal.booking_links (attempt_id) where attempt_id is not null;

-- The rules for booking that are one for the whole practice. At most one row; without it they are as before: 'none'.
create table internal.scheduling_policy (
    is_only         boolean primary key default true check (is_only),
    -- Whether a client who books by the link pays before the session is booked.
    payment_by_link text    not null check (payment_by_link in ('none', 'required'))
);

-- It has more columns now; `functions/access.sql` makes it anew.
drop function if exists internal.opened_link(timestamptz);
