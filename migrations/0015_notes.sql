-- The clinical record held up against time: every version of a note, what was added to it after it was signed, and a
-- signature that binds whoever writes SQL.
--
-- What is signed does not change. That is the database's business, since it has to hold for the server's own role too: a
-- fault of the server, or somebody at its console, meets the same refusal. The one way around is the erasure of a client's
-- data, and it says so first: a row of internal.erasures, written in the same transaction, that names the note. Notes of
-- other programs, and drafts, are not touched by any of it.

-- The level in the written word, in whatever letter case it stands; another text stays as it is.
create function internal.risk_level(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word))
        when 'none' then 'none'
        when 'low' then 'low'
        when 'moderate' then 'moderate'
        when 'high' then 'high'
        when '' then null
        else word
    end;

-- What a list may tell of the level: the word, or that there is another text.
create function internal.risk_word(word text) returns text
    language sql immutable parallel safe
    return case lower(btrim(word))
        when 'none' then 'none'
        when 'low' then 'low'
        when 'moderate' then 'moderate'
        when 'high' then 'high'
        when '' then null
        else case when word is null then null else 'other' end
    end;

-- What a list may tell of whether self-harm was mentioned: yes, no, or that there is another text.
create function internal.mention_word(word text) returns text
    language sql immutable parallel safe
    return case rtrim(lower(btrim(word)), '.!')
        when 'yes' then 'yes'
        when 'y' then 'yes'
        when 'true' then 'yes'
        when 'no' then 'no'
        when 'n' then 'no'
        when 'none' then 'no'
        when 'false' then 'no'
        when '' then null
        else case when word is null then null else 'other' end
    end;

-- Whose risk was ever high: few notes of the many.
create index client_session_notes_high on public.client_session_notes (booking_id)
    where internal.risk_word(current_risk_level) = 'high';

-- Each state that a note written here has been in.
create table internal.note_versions (
    note_id   integer     not null,
    version   integer     not null,
    saved_at  timestamptz not null,
    author_id integer     not null,
    event     text        not null,
    -- Every field that differs from the version before: {"field": {"from": …, "to": …}}.
    changes   jsonb       not null,
    constraint note_versions_pkey primary key (note_id, version),
    constraint note_versions_event check (event in ('created', 'saved', 'signed'))
);

-- What was added to a note after it was signed, or to one that another program wrote.
create table internal.note_addenda (
    addendum_id bigint      generated always as identity primary key,
    note_id     integer     not null,
    author_id   integer     not null,
    created_at  timestamptz not null,
    text        text        not null
);
create index note_addenda_of_note on internal.note_addenda (note_id, addendum_id);

-- Which notes a transaction may destroy: written by the erasure of a client's data, first of all it does.
create table internal.erasures (
    erasure_id bigint    generated always as identity primary key,
    client_id  text      not null,
    note_ids   integer[] not null,
    txid       xid8      not null
);
create index erasures_of_transaction on internal.erasures (txid);

-- Nobody says for another transaction than their own what it may destroy.
create function internal.stamp_erasure() returns trigger
    language plpgsql
    as $$
begin
    new.txid := pg_current_xact_id();
    return new;
end
$$;
create trigger erasures_stamp before insert on internal.erasures
    for each row execute function internal.stamp_erasure();

create function internal.keep() returns trigger
    language plpgsql
    as $$
begin
    raise exception '% keeps what it holds', tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
create trigger erasures_keep before update or delete on internal.erasures
    for each row execute function internal.keep();
create trigger erasures_keep_all before truncate on internal.erasures
    for each statement execute function internal.keep();

-- Whether the present transaction erases this note.
create function internal.is_erased(note integer) returns boolean
    language sql stable
begin atomic
    select exists (
        select
        from internal.erasures e
        where e.txid = pg_current_xact_id_if_assigned()
          and note = any (e.note_ids)
    );
end;

-- A signed note stays as it was signed. It may be given to another booking while its own does not exist (the repair of an
-- orphan). Runs as the owner, and with names that nobody can redirect: whoever else writes to the table need not, and may
-- not, read `internal`.
create function internal.keep_signed_note() returns trigger
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if exists (select from internal.session_notes own where own.note_id = old.note_id and own.signed_at is not null)
        and not internal.is_erased(old.note_id)
        and not (
            tg_op = 'UPDATE'
            and to_jsonb(new) - 'booking_id' = to_jsonb(old) - 'booking_id'
            and not exists (select from public.bookings b where b.booking_id = old.booking_id)
        )
    then
        raise exception 'session note % is signed', old.note_id using errcode = 'integrity_constraint_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
create trigger client_session_notes_keep_signed before update or delete on public.client_session_notes
    for each row execute function internal.keep_signed_note();

create function internal.keep_signed_notes() returns trigger
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if exists (select from internal.session_notes own where own.signed_at is not null) then
        raise exception 'there are signed session notes' using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end
$$;
create trigger client_session_notes_keep_signed_all before truncate on public.client_session_notes
    for each statement execute function internal.keep_signed_notes();
create trigger session_notes_keep_signed_all before truncate on internal.session_notes
    for each statement execute function internal.keep_signed_notes();

-- A signature is not taken back.
create function internal.keep_signature() returns trigger
    language plpgsql
    as $$
begin
    if old.signed_at is not null
        and not internal.is_erased(old.note_id)
        and not (tg_op = 'UPDATE' and to_jsonb(new) - 'booking_id' = to_jsonb(old) - 'booking_id')
    then
        raise exception 'session note % is signed', old.note_id using errcode = 'integrity_constraint_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
create trigger session_notes_keep_signed before update or delete on internal.session_notes
    for each row execute function internal.keep_signature();

-- Versions and addenda are written once.
create function internal.keep_of_note() returns trigger
    language plpgsql
    as $$
begin
    if not internal.is_erased(old.note_id) then
        raise exception '% keeps what it holds', tg_table_name using errcode = 'integrity_constraint_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
create trigger note_versions_keep before update or delete on internal.note_versions
    for each row execute function internal.keep_of_note();
create trigger note_versions_keep_all before truncate on internal.note_versions
    for each statement execute function internal.keep();
create trigger note_addenda_keep before update or delete on internal.note_addenda
    for each row execute function internal.keep_of_note();
create trigger note_addenda_keep_all before truncate on internal.note_addenda
    for each statement execute function internal.keep();
