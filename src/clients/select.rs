//! The conditions that all lists of clients share.
//!
//! `of_clients!` takes the reach of the statement, the columns of the clients `c`, their source, and the clauses after
//! the conditions, with arguments from `$9` on; `$1` is the present instant, `$2` the scope's owner.
//!
//! The reach is the `practice` (all clients, for admins; none if there is an owner), or the `own` clients of a
//! therapist. The latter statement begins with these, so that its cost grows with them and not with the practice:
//! row-level security checks every row that is read. Without an owner (a build with the feature `unscoped`) it begins
//! with all rows that row-level security permits.
//!
//! An optional condition is written `($n is null or …)`: PostgreSQL plans these statements for their arguments, and
//! drops the conditions that are null, or about another status.

/// A statement about clients `c`: takes the columns, the source, and the clauses after the conditions.
macro_rules! of_clients {
    (practice, $macro:ident!($($row:ty)?), [$($what:literal)+], $from:literal, $($rest:tt)*) => {
        of_clients!(@ $macro!($($row)?), [$($what)+], [$from], "$2::text is null", $($rest)*)
    };
    (own, $macro:ident!($($row:ty)?), [$($what:literal)+], $joined:literal, $($rest:tt)*) => {
        of_clients!(
            @ $macro!($($row)?),
            [$($what)+],
            [
                r#"(
                    select distinct r.client_id
                    from internal.reachable_clients($2) as r (client_id)
                    where $2::text is not null
                    union all
                    select k.client_id
                    from all_clients_table k
                    where $2::text is null
                ) mine
                join all_clients_table c on c.client_id = mine.client_id "# $joined
            ],
            "true",
            $($rest)*
        )
    };
    (@ $macro:ident!($($row:ty)?), [$($what:literal)+], [$($from:literal)+], $reach:literal, [$($tail:literal)*],
     $finder:expr $(, $argument:expr)* $(,)?) => {{
        let criteria = &$finder.criteria;
        sqlx::$macro!(
            $($row,)?
            "select " $(+ $what)+ + " from " $(+ $from)+ + " where " + $reach + r#"
               and ($3::text is null or c.therapist_id = $3)
               and ($4::text is distinct from 'lead'
                    or not exists (select from internal.client_bookings() b where b.client_id = c.client_id))
               and ($4::text is distinct from 'active'
                    or exists (
                        select
                        from internal.client_bookings() b
                        where b.client_id = c.client_id
                          and not b.is_cancelled
                          and b.start_at >= internal.active_since($1)
                    ))
               and ($4::text is null
                    or $4::text not in ('drop_out', 'inactive')
                    or not exists (
                        select
                        from internal.client_bookings() b
                        where b.client_id = c.client_id
                          and not b.is_cancelled
                          and b.start_at >= internal.active_since($1)
                    ))
               and ($4::text is null
                    or $4::text not in ('drop_out', 'inactive')
                    or ($4::text = 'drop_out') = (
                        select count(*) = 1
                        from (
                            select
                            from internal.client_bookings() b
                            where b.client_id = c.client_id
                              and not b.is_cancelled
                            limit 2
                        ) standing
                    ))
               and ($4::text is distinct from 'inactive'
                    or exists (select from internal.client_bookings() b where b.client_id = c.client_id))
               and ($5::timestamp is null and $6::timestamp is null
                    or exists (
                        select
                        from internal.last_sessions($1) l
                        where l.client_id = c.client_id
                          and l.start_at >= coalesce($5, '-infinity')
                          and l.start_at < coalesce($6, 'infinity')
                    ))
               and ($7::boolean is null
                    or $7 = (
                        exists (
                            select
                            from internal.clients i
                            join all_clients_table o on o.client_id = i.possible_duplicate_of
                            where i.client_id = c.client_id
                        )
                        or exists (
                            select
                            from all_clients_table o
                            where internal.phone_key(o.phone_number) = internal.phone_key(c.phone_number)
                              and o.client_id <> c.client_id
                        )
                    ))
               and ($8::text is null
                    or internal.search_text(c.client_name, c.email_id, c.phone_number)
                        like any (internal.search_patterns($8)))
               and ($8::text is null
                    or internal.current_therapist() is null
                    or internal.fold(coalesce(c.client_name, '')) like internal.like_words($8)
                    or exists (
                        select
                        from internal.contact_clients(internal.current_therapist(), $1) as seen (client_id)
                        where seen.client_id = c.client_id
                    ))
               "# $(+ $tail)*,
            $crate::domain::time::Timestamp::from($finder.now) as $crate::domain::time::Timestamp,
            $finder.scope.owner(),
            criteria.therapist_id.as_ref().map($crate::domain::ids::TherapistId::as_str),
            criteria.status.map($crate::domain::status::ClientStatus::as_str),
            criteria.last_from.map($crate::domain::time::Timestamp::from) as Option<$crate::domain::time::Timestamp>,
            criteria.last_before.map($crate::domain::time::Timestamp::from) as Option<$crate::domain::time::Timestamp>,
            criteria.possible_duplicate,
            criteria.search.as_deref(),
            $($argument),*
        )
    }};
}
pub(super) use of_clients;
