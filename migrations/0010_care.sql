-- Handing clients from one therapist to another, and making two records of one person one: what looking at them stands on.
--
-- Transfers of other programs name the client, but do not say which one it is. They are told by what makes two people one
-- everywhere: the same phone and the same name. Asked when read, so that rows written tomorrow are found too.

-- The transfers of a client: those linked to it, and those of other programs that name it.
create function internal.client_transfers(client text) returns setof integer
    language sql stable parallel safe
begin atomic
    select l.transfer_id
    from internal.transfer_clients l
    where l.client_id = client
    union all
    select h.transfer_id
    from public.all_clients_table c
    join public.client_transfer_history h on internal.phone_key(h.client_phone) = internal.phone_key(c.phone_number)
    where c.client_id = client
      and lower(regexp_replace(h.client_name, '\s', '', 'g')) = lower(regexp_replace(c.client_name, '\s', '', 'g'))
      and not exists (select from internal.transfer_clients l where l.transfer_id = h.transfer_id);
end;

-- The list of transfers, in each order offered; and what it is filtered by.
create index client_transfers_by_date on public.client_transfer_history
    (coalesce(transfer_date, '-infinity'), transfer_id);
create index client_transfers_by_name on public.client_transfer_history
    (left(lower(coalesce(client_name, '')), 100), transfer_id);
create index client_transfers_from on public.client_transfer_history (from_therapist_id, transfer_id);
create index client_transfers_to on public.client_transfer_history (to_therapist_id, transfer_id);
create index client_transfers_search on public.client_transfer_history
    using gin (internal.search_text(client_name, client_email, client_phone) internal.gin_trgm_ops);

-- A merge looks for all that refers to a client.
create index clients_merged_into on internal.clients (merged_into) where merged_into is not null;
