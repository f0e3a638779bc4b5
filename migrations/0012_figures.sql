-- What the figures are counted from, and what the search finds by.

-- Figures. The same three functions stand in 0009: whichever comes first makes them.

-- What a booking brought in: gross figures are sums of this.
create or replace function internal.booking_paid(amount numeric) returns numeric
    language sql immutable parallel safe
    return case when internal.is_free(amount) then 0 else greatest(amount, 0) end;

-- What of it went back: refunded figures are sums of this.
create or replace function internal.booking_refunded(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) = 'completed' and not internal.is_free(amount) then greatest(amount, 0)
        else 0
    end;

-- What of it is on its way back.
create or replace function internal.booking_refunding(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) in ('initiated', 'processing') and not internal.is_free(amount)
            then greatest(amount, 0)
        else 0
    end;

-- Where the figures of a booking are read from: an index that holds all that is counted, or, where another program left
-- a text or a number that is too large for an index entry, the table. A word and not a truth value: of an equality that it
-- knows nothing about PostgreSQL expects few rows, of a truth value half the table, and then it walks the table.
create function internal.figures_from(
    therapist text,
    status text,
    amount numeric,
    refund_status text,
    refund numeric
) returns text
    language sql immutable parallel safe
    return case
        when octet_length(coalesce(therapist, '') || coalesce(status, '') || coalesce(refund_status, '')) > 1000
             or abs(coalesce(amount, 0)) >= 1e30
             or scale(coalesce(amount, 0)) > 30
             or abs(coalesce(refund, 0)) >= 1e30
             or scale(coalesce(refund, 0)) > 30
        then 'table'
        else 'index'
    end;

-- The start stands in it twice, since PostgreSQL does not see that the expression holds all there is to know of it.
create index bookings_figures on public.bookings
    (coalesce(booking_start_at, '-infinity'))
    include (booking_start_at, therapist_id, booking_status, invitee_payment_amount, refund_status, refund_amount)
    where booking_id is not null
      and internal.figures_from(therapist_id, booking_status, invitee_payment_amount, refund_status, refund_amount) = 'index';
create index bookings_figures_odd on public.bookings
    (coalesce(booking_start_at, '-infinity'))
    where booking_id is not null
      and internal.figures_from(therapist_id, booking_status, invitee_payment_amount, refund_status, refund_amount) = 'table';

-- Search. Trigrams find a part of a name, but not a short word with one letter wrong: `asja` shares two trigrams of eight
-- with `asha`, less than any threshold that is of use. Two words are at most a typo apart (a letter too many, too few,
-- another one, or two swapped) only if they become equal when at most one letter is taken from each. So every word of a
-- name is indexed under itself and under what is left of it without each of its letters, and looked up by the same.
--
-- Words are what stands between spaces and ASCII punctuation (not "letters": the vowel signs of Indian scripts are none
-- to every C library), the first twelve of a name, the first 24 characters of each; and all of them without the spaces, in
-- case one was forgotten. To compute them costs 70 µs a name.
create function internal.word_variants(words text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(
        select distinct case when i = 0 then word else left(word, i - 1) || substr(word, i + 1) end
        from (
            select left(word, 24) as word
            from regexp_split_to_table(lower(left(words, 255)), '[\s!-/:-@[-`{-~]+') word
            where length(word) > 1
            limit 12
        ) split
        cross join generate_series(0, length(word)) i
        union
        select left(regexp_replace(lower(left(words, 255)), '[\s!-/:-@[-`{-~]+', '', 'g'), 24)
        where words is not null
    );

-- Kept up to date at once: what waits to be sorted in is read from end to end by every search.
create index all_clients_words on public.all_clients_table
    using gin (internal.word_variants(client_name)) with (fastupdate = off);
create index therapists_words on public.therapists
    using gin (internal.word_variants(name)) with (fastupdate = off);

-- How names and ids begin, whatever the collation of the database. Cut, as everywhere.
create index all_clients_name_prefix on public.all_clients_table
    (left(lower(coalesce(client_name, '')), 100) text_pattern_ops);
create index all_clients_id_prefix on public.all_clients_table (left(lower(client_id), 100) text_pattern_ops);
create index bookings_id_prefix on public.bookings (left(lower(booking_id), 100) text_pattern_ops);
create index bookings_reference_prefix on public.bookings
    (left(lower(btrim(invitee_payment_reference_id)), 100) text_pattern_ops)
    where invitee_payment_reference_id is not null;

-- Lists search by these too, and make them in 0008 and 0009.
create index if not exists all_clients_search on public.all_clients_table
    using gin (internal.search_text(client_name, email_id, phone_number) internal.gin_trgm_ops);
create index if not exists payments_by_reference on public.payments (left(lower(btrim(payment_reference_id)), 100))
    where payment_reference_id is not null;
