-- When therapists take sessions: `src/scheduling`.

-- Weekly hours, each with its zone and the days on which it is valid. A therapist without a row takes sessions at any hour.
create table internal.availability (
    therapist_id text  primary key,
    schedules    jsonb not null
);

-- Days with other hours than the weekly ones; none: closed. Null: removed, the weekly hours count again.
create table internal.availability_overrides (
    therapist_id text not null,
    day          date not null,
    time_zone    text not null,
    hours        jsonb,
    primary key (therapist_id, day)
);

-- How sessions are offered: by the practice, or by one therapist; all, or of one kind. '' is every one. Null: as the more
-- general rule says.
create table internal.scheduling_rules (
    therapist_id          text    not null,
    kind                  text    not null,
    length_minutes        integer,
    buffer_before_minutes integer,
    buffer_after_minutes  integer,
    step_minutes          integer,
    notice_minutes        integer,
    ahead_days            integer,
    sessions_a_day        integer,
    primary key (therapist_id, kind)
);

-- Times that are kept for a while. A row whose time is over counts for nothing.
create table internal.holds (
    hold_id      integer     generated always as identity primary key,
    therapist_id text        not null,
    starts_at    timestamptz not null,
    ends_at      timestamptz not null,
    expires_at   timestamptz not null,
    held_by      integer     not null,
    held_at      timestamptz not null,
    constraint holds_time check (ends_at > starts_at)
);
create index holds_of_therapist on internal.holds (therapist_id, ends_at);
create index holds_by_expiry on internal.holds (expires_at, hold_id);
