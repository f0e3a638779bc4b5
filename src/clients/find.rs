//! Which clients stand on a page: the statements behind the list's filters and orders.
//!
//! A client's status and last session lie in the bookings, which other programs write too: they are read, not kept. Every
//! condition is asked per client of the walk, by index, and is answered by the first booking that decides it. So a page
//! costs what its rows and those skipped between them cost, however long the practice has been at work.
//!
//! The order by last session has no index of its own. It is the order of the bookings (`bookings_by_start`), of which
//! those are kept that no later one of the same client follows (`internal.last_sessions`); clients without a session
//! stand before the first. Likewise the order by age: clients of other programs have none. Such an order is read in two
//! sections. Where a filter leaves few clients ([`Criteria::is_narrow`]) their last sessions are computed and sorted.
//!
//! `explain (analyze, buffers)` on `demo load --bookings 300000` (ten years, 38,000 clients), 51 rows, warm:
//!
//! ```text
//! by name, of any status          Index Scan using all_clients_by_name (rows=51)                             0.2 ms
//! by name, status=lead            -> Nested Loop Anti Join (1,080 clients walked)                             15 ms
//! by name, status=active          -> Nested Loop Semi Join (1,044 walked, 8,073 bookings)                     67 ms
//! by name, status=inactive        -> Nested Loop Anti Join (60 walked)                                        11 ms
//! latest session first            Incremental Sort -> Index Scan Backward using bookings_by_start (rows=52)   12 ms
//! earliest session first          the same forwards (5,117 bookings walked)                                  150 ms
//! ```

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{ClientOrder, Criteria},
    record::Found,
};
use crate::platform::{
    caller::Scope, contact::Phone, error::Result, ids::TherapistId, page::Position, status::ClientStatus,
    time::Timestamp,
};

/// The sort key of clients who have none.
const NO_KEY: &str = "-infinity";

/// The clients that a scope reaches and a filter wants.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) scope: Scope,
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

/// A statement about the clients that a finder wants, `c`: what of them, from where, and what follows the conditions.
macro_rules! of_clients {
    ($macro:ident!($($row:ty)?), [$($what:literal)+], $from:literal, [$($tail:literal)*], $finder:expr
     $(, $argument:expr)* $(,)?) => {{
        let criteria = &$finder.criteria;
        sqlx::$macro!(
            $($row,)?
            "select " $(+ $what)+ + " from " + $from + r#"
             where ($2::text is null or c.client_id in (select internal.reachable_clients($2)))
               and ($3::text is null or c.therapist_id = $3)
               and ($4::text is distinct from 'lead'
                    or not exists (select from internal.client_bookings b where b.client_id = c.client_id))
               and ($4::text is distinct from 'active'
                    or exists (
                        select
                        from internal.client_bookings b
                        where b.client_id = c.client_id
                          and not b.is_cancelled
                          and b.start_at >= internal.active_since($1)
                    ))
               and ($4::text is null
                    or $4::text not in ('drop_out', 'inactive')
                    or not exists (
                        select
                        from internal.client_bookings b
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
                            from internal.client_bookings b
                            where b.client_id = c.client_id
                              and not b.is_cancelled
                            limit 2
                        ) standing
                    ))
               and ($4::text is distinct from 'inactive'
                    or exists (select from internal.client_bookings b where b.client_id = c.client_id))
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
                    or internal.search_text(c.client_name, c.email_id, c.phone_number) like $8
                    or ($9::text is not null
                        and internal.search_text(c.client_name, c.email_id, c.phone_number) like $9)
                    or ($10::text is not null
                        and internal.phone_key(c.phone_number) = internal.phone_key($10)))
               and ($8::text is null
                    or $2::text is null
                    or lower(coalesce(c.client_name, '')) like $8
                    or exists (
                        select
                        from internal.contact_clients($2, $1) as seen (client_id)
                        where seen.client_id = c.client_id
                    ))
               "# $(+ $tail)*,
            Timestamp::from($finder.now) as Timestamp,
            $finder.scope.owner(),
            criteria.therapist_id.as_ref().map(TherapistId::as_str),
            criteria.status.map(ClientStatus::as_str),
            criteria.last_from.map(Timestamp::from) as Option<Timestamp>,
            criteria.last_before.map(Timestamp::from) as Option<Timestamp>,
            criteria.possible_duplicate,
            criteria.words,
            criteria.digits,
            criteria.phone.as_ref().map(Phone::as_str),
            $($argument),*
        )
    }};
}

/// One page in one direction: where clients come from, their key and its type, and the direction. The key is bounded
/// twice, since an index is entered by the key alone.
macro_rules! page {
    ($from:literal, $key:literal: $type:literal, $beyond:literal, $direction:literal, $finder:expr, $position:expr) => {
        of_clients!(
            query_as!(Found),
            [r#"c.client_id as "client_id!", "# $key r#"::text as "sort_key!""#],
            $from,
            [
                "and ($11::text is null or " $key " " $beyond "= $11::text::" $type ")"
                " and ($11::text is null or (" $key ", c.client_id) " $beyond " ($11::text::" $type ", $12))"
                " order by " $key " " $direction ", c.client_id " $direction " limit $13"
            ],
            $finder,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

/// A page of those whom `without` names, by id, in one direction.
macro_rules! page_without_key {
    ($without:literal, $beyond:literal, $direction:literal, $finder:expr, $position:expr) => {
        of_clients!(
            query_as!(Found),
            [r#"c.client_id as "client_id!", '-infinity' as "sort_key!""#],
            "all_clients_table c",
            [
                "and " $without
                " and ($11::text is null or c.client_id " $beyond " $12)"
                " order by c.client_id " $direction " limit $13"
            ],
            $finder,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

/// Runs a page's statement in the direction of its position.
macro_rules! read {
    ($db:expr, $finder:expr, $position:expr, without $without:literal) => {
        if $position.descending {
            page_without_key!($without, "<", "desc", $finder, $position).fetch_all($db).await
        } else {
            page_without_key!($without, ">", "asc", $finder, $position).fetch_all($db).await
        }
    };
    ($db:expr, $finder:expr, $position:expr, $from:literal, $key:literal: $type:literal) => {
        if $position.descending {
            page!($from, $key: $type, "<", "desc", $finder, $position).fetch_all($db).await
        } else {
            page!($from, $key: $type, ">", "asc", $finder, $position).fetch_all($db).await
        }
    };
}

/// What an order that not every client has a key in goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ranking {
    LastSession,
    Created,
}

impl Finder {
    /// The clients beyond a position, in its direction.
    pub(super) async fn page(
        &self,
        db: &mut PgConnection,
        order: ClientOrder,
        position: &Position,
    ) -> Result<Vec<Found>> {
        use ClientOrder as O;
        let found = match order {
            O::NameUp | O::NameDown => {
                read!(db, self, position, "all_clients_table c", "left(lower(coalesce(c.client_name, '')), 100)": "text")
            }
            O::SessionsUp | O::SessionsDown => {
                read!(db, self, position, "all_clients_table c", "coalesce(c.no_of_sessions, 0)": "integer")
            }
            O::LastSessionUp | O::LastSessionDown if self.computes_last_sessions() => {
                read!(
                    db,
                    self,
                    position,
                    "all_clients_table c
                     cross join lateral (
                         select coalesce(max(b.start_at), '-infinity') as start_at
                         from internal.client_bookings b
                         where b.client_id = c.client_id
                           and b.is_active
                           and b.start_at <= $1
                           and ($2::text is null or b.therapist_id = $2)
                     ) s",
                    "s.start_at": "timestamp"
                )
            }
            O::LastSessionUp | O::LastSessionDown => return self.sections(db, Ranking::LastSession, position).await,
            O::NewestFirst | O::OldestFirst => return self.sections(db, Ranking::Created, position).await,
        }?;
        Ok(found)
    }

    /// How many there are.
    pub(super) async fn count(&self, db: &mut PgConnection) -> Result<i64> {
        let count = of_clients!(query_scalar!(), [r#"count(*) as "count!""#], "all_clients_table c", [], self)
            .fetch_one(db)
            .await?;
        Ok(count)
    }

    fn computes_last_sessions(&self) -> bool {
        !self.scope.is_practice() || self.criteria.is_narrow()
    }

    /// Reads on in those with a key and those without, one after the other: the latter stand below all others.
    async fn sections(&self, db: &mut PgConnection, ranking: Ranking, position: &Position) -> Result<Vec<Found>> {
        let is_below = position.sort().is_some_and(|sort| sort == NO_KEY);
        let rest = |from_start: bool, found: usize| Position {
            from: position.from.clone().filter(|_| !from_start),
            limit: position.limit - i64::try_from(found).unwrap_or(position.limit),
            ..*position
        };
        let mut found = Vec::new();
        if position.descending {
            if !is_below {
                found = self.with_key(&mut *db, ranking, position).await?;
            }
            let rest = rest(!is_below, found.len());
            if rest.limit > 0 {
                found.extend(self.without_key(db, ranking, &rest).await?);
            }
        } else {
            let starts_below = is_below || position.from.is_none();
            if starts_below {
                found = self.without_key(&mut *db, ranking, position).await?;
            }
            let rest = rest(starts_below, found.len());
            if rest.limit > 0 {
                found.extend(self.with_key(db, ranking, &rest).await?);
            }
        }
        Ok(found)
    }

    async fn with_key(&self, db: &mut PgConnection, ranking: Ranking, position: &Position) -> Result<Vec<Found>> {
        let found = match ranking {
            Ranking::LastSession => read!(
                db,
                self,
                position,
                "internal.last_sessions($1) s join all_clients_table c on c.client_id = s.client_id",
                "s.start_at": "timestamp"
            ),
            Ranking::Created => read!(
                db,
                self,
                position,
                "internal.clients s join all_clients_table c on c.client_id = s.client_id",
                "s.created_at": "timestamptz"
            ),
        }?;
        Ok(found)
    }

    async fn without_key(&self, db: &mut PgConnection, ranking: Ranking, position: &Position) -> Result<Vec<Found>> {
        let found = match ranking {
            Ranking::LastSession => read!(
                db,
                self,
                position,
                without
                "not exists (select from internal.last_sessions($1) s where s.client_id = c.client_id)"
            ),
            Ranking::Created => read!(
                db,
                self,
                position,
                without
                "not exists (select from internal.clients s where s.client_id = c.client_id)"
            ),
        }?;
        Ok(found)
    }
}
