-- Break-glass: an admin reads the clinical text of one client for an hour, and says why.
--
-- What was read under a grant is in the trail, whose entries name the grant as their subject; here stands who opened it,
-- why, until when, and which other admin looked at it afterwards. To erase a client's data is to clear `reason` and
-- `review_note` of their grants: nothing else here is about the person.

create table internal.break_glass_grants (
    grant_id    integer     generated always as identity primary key,
    client_id   text        not null,
    -- The account that opened it, and the only one that reads under it.
    user_id     integer     not null,
    reason      text        not null,
    opened_at   timestamptz not null,
    expires_at  timestamptz not null,
    -- Closed by another admin; it ends with that.
    reviewed_at timestamptz,
    reviewed_by integer,
    review_note text,
    constraint break_glass_grants_hour check (expires_at > opened_at),
    constraint break_glass_grants_review check (
        (reviewed_at is null) = (reviewed_by is null)
        and reviewed_by is distinct from user_id
        and (review_note is null or reviewed_at is not null)
    )
);

-- The list, by time; that of one client, and whether one is open; what waits for review; what has been kept long enough.
create index break_glass_grants_by_opened on internal.break_glass_grants (opened_at, grant_id);
create index break_glass_grants_of_client on internal.break_glass_grants (client_id, user_id, expires_at);
create index break_glass_grants_unreviewed on internal.break_glass_grants (opened_at, grant_id) where reviewed_at is null;
create index break_glass_grants_reviewed on internal.break_glass_grants (reviewed_at) where reviewed_at is not null;

-- Who opened a client's file is told by the trail, whose entries name the client. Those few about notes that were nobody's
-- yet are found by the note, once it is somebody's.
create index audit_entries_of_unowned_notes on internal.audit_entries (subject_type, subject_id)
    where client_id is null and subject_type in ('session_note', 'additional_note');
