-- What helps PostgreSQL to plan well.

-- What the questions of the wall cost, in its units: each looks through a client's bookings or a note's session, 30 to 50
-- microseconds. Taken for as cheap as any function, they were asked of every row of a table where a few were wanted.
alter function internal.is_own_client(text) cost 5000;
alter function internal.is_earlier_note(integer, text) cost 5000;
alter function internal.is_seen_note(integer) cost 5000;

-- A statement with optional conditions, `($n is null or …)`, has to be planned for its arguments: PostgreSQL does that five
-- times, and then keeps one plan for all arguments if it estimates that as no dearer, which it may be by far. Such a
-- statement ends in `and ($n is not null or internal.planned_for_arguments())`, of an argument that is never null: known, it
-- falls away with the function; unknown, the plan seems dear, and is not kept. Nothing ever calls it.
create function internal.planned_for_arguments() returns boolean
    language plpgsql stable parallel safe cost 1000000000
    as $$
begin
    return true;
end
$$;
