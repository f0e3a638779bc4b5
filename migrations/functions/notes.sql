-- Session notes: how their words are read, and the triggers that keep a signed note, its versions and its addenda.
--
-- A signed note does not change. The database enforces that, since it applies to the server's own role too: a fault of
-- the server, or a person at a SQL console, meets the same refusal. The one exception is the erasure of a client's
-- data, which first writes a row of internal.erasures, in the same transaction, that names the note. Notes of other
-- programs, and drafts, are not affected.

-- The risk level as the word that the server writes, in any letter case; another text stays as it is.
create or replace function internal.risk_level(word text) returns text
    language sql immutable parallel safe
    return case internal.word(word)
        when 'none' then 'none'
        when 'low' then 'low'
        when 'moderate' then 'moderate'
        when 'high' then 'high'
        when '' then null
        else word
    end;

-- Whether self-harm was mentioned, as a list may show it: yes, no, or that there is another text.
create or replace function internal.mention_word(word text) returns text
    language sql immutable parallel safe
    return case rtrim(internal.word(word), '.!')
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

-- An erasure always names its own transaction.
create or replace function internal.stamp_erasure() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    new.txid := pg_current_xact_id();
    return new;
end
$$;

create or replace trigger erasures_stamp before insert on internal.erasures
    for each row execute function internal.stamp_erasure();

-- Refuses every change.
create or replace function internal.refuse_change() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    raise exception '% keeps what it holds', tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;

create or replace trigger erasures_keep before update or delete on internal.erasures
    for each row execute function internal.refuse_change();
create or replace trigger erasures_keep_all before truncate on internal.erasures
    for each statement execute function internal.refuse_change();
create or replace trigger erasure_certificates_keep before update or delete on internal.erasure_certificates
    for each row execute function internal.refuse_change();
create or replace trigger erasure_certificates_keep_all before truncate on internal.erasure_certificates
    for each statement execute function internal.refuse_change();

-- Whether the present transaction erases this note. Triggers ask this for every role that writes, so it runs as the owner.
create or replace function internal.is_erased(note integer) returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
begin atomic
    select exists (
        select
        from internal.erasures e
        where e.txid = pg_current_xact_id_if_assigned()
          and note = any (e.note_ids)
    );
end;

-- A signed note stays as it was signed. It may be given to another booking while its own does not exist (the repair of an
-- orphan). The function runs as the owner, with a fixed search_path: programs that write to the table need not, and may
-- not, read `internal`.
create or replace function internal.keep_signed_note() returns trigger
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

create or replace trigger client_session_notes_keep_signed before update or delete on public.client_session_notes
    for each row execute function internal.keep_signed_note();

create or replace function internal.keep_signed_notes() returns trigger
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

create or replace trigger client_session_notes_keep_signed_all before truncate on public.client_session_notes
    for each statement execute function internal.keep_signed_notes();
create or replace trigger session_notes_keep_signed_all before truncate on internal.session_notes
    for each statement execute function internal.keep_signed_notes();

-- A signature is not taken back.
create or replace function internal.keep_signature() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
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

create or replace trigger session_notes_keep_signed before update or delete on internal.session_notes
    for each row execute function internal.keep_signature();

-- Versions and addenda are written once, but for the last version of a draft.
create or replace function internal.keep_of_note() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    -- The autosaves of a draft go on in its last version.
    if tg_op = 'UPDATE'
        and tg_table_name = 'note_versions'
        and to_jsonb(new) - 'changes' = to_jsonb(old) - 'changes'
        and to_jsonb(old) ->> 'event' = 'saved'
        and exists (
            select from internal.session_notes own where own.note_id = old.note_id and own.signed_at is null
        )
    then
        return new;
    end if;
    if not internal.is_erased(old.note_id) then
        raise exception '% keeps what it holds', tg_table_name using errcode = 'integrity_constraint_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;

create or replace trigger note_versions_keep before update or delete on internal.note_versions
    for each row execute function internal.keep_of_note();
create or replace trigger note_versions_keep_all before truncate on internal.note_versions
    for each statement execute function internal.refuse_change();
create or replace trigger note_addenda_keep before update or delete on internal.note_addenda
    for each row execute function internal.keep_of_note();
create or replace trigger note_addenda_keep_all before truncate on internal.note_addenda
    for each statement execute function internal.refuse_change();

-- What a therapist deletes. A right to delete rows of a table is one to lock the table, so therapists have none.
create or replace function internal.delete_additional_note(note integer) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
declare
    own_therapist text := internal.own_therapist_unless_owner();
begin
    delete from public.client_additional_notes n
    where n.note_id = note
      and (own_therapist is null or n.therapist_id = own_therapist);
end
$$;

-- Forgets what is left of a draft whose note another program deleted.
create or replace function internal.forget_draft(booking text) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
begin
    if internal.own_therapist_unless_owner() is not null and not internal.is_own_booking(booking) then
        return;
    end if;
    delete from internal.session_notes own
    where own.booking_id = booking
      and own.signed_at is null
      and not exists (
          select
          from public.client_session_notes n
          where n.note_id = own.note_id
            and n.booking_id = booking
      );
end
$$;
