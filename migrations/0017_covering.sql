-- Free times and the number of sessions ahead are read from this index alone: of a hundred therapists a month are 30,000 sessions.
drop index internal.booking_facts_of_therapist;
create index booking_facts_of_therapist on internal.booking_facts (therapist_id, starts_at, booking_id)
    include (ends_at, counted_as, free);
