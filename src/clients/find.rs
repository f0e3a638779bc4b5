//! Finds the clients of a page: the statements for the list's filters and orders.
//!
//! A client's status and last session lie in the bookings, which other programs write too: they are read, not kept. Every
//! condition is asked per client of the walk, by index, and is answered by the first booking that decides it. So a page
//! costs what its rows and those skipped between them cost, however long the practice has been at work.
//!
//! The order by last session has no index of its own. It is the order of the bookings (`bookings_by_start`), of which
//! those are kept that no later one of the same client follows (`internal.last_sessions`); clients without a session
//! stand before the first. Likewise the order by age: clients of other programs have none. Such an order is read in two
//! sections, each from the cursor on. Where a filter leaves few clients ([`Criteria::is_narrow`]) their last sessions are
//! computed and sorted.
//!
//! A therapist's pages begin with the therapist's own clients, all of which are looked at and sorted: the cost
//! goes with the therapist, not with the practice.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    filter::{ClientOrder, Criteria, OwnClientOrder},
    record::Found,
    select::of_clients,
};
use crate::{db::scope::Scope, domain::status::ClientStatus, error::Result, http::page::Position};

/// The clients that a scope reaches and a filter wants.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) scope: Scope,
    pub(super) criteria: Criteria,
    pub(super) now: DateTime<Utc>,
}

/// One page in one direction: where clients come from, their key and its type, and the direction. The key is bounded
/// twice, since an index is entered by the key alone.
macro_rules! page {
    ($reach:ident, $from:literal, $key:literal: $type:literal, $beyond:literal, $direction:literal, $finder:expr,
     $position:expr) => {
        of_clients!(
            $reach,
            query_as!(Found),
            [r#"c.client_id as "client_id!", "# $key r#"::text as "sort_key!""#],
            $from,
            [
                "and ($9::text is null or " $key " " $beyond "= $9::text::" $type ")"
                " and ($9::text is null or (" $key ", c.client_id) " $beyond " ($9::text::" $type ", $10))"
                " order by " $key " " $direction ", c.client_id " $direction " limit $11"
            ],
            $finder,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

/// A page of the clients in `without`, by id, in one direction; they come after all that have a key.
macro_rules! page_without_key {
    ($without:literal, $rest:literal, $direction:literal, $finder:expr, $position:expr) => {
        of_clients!(
            practice,
            query_as!(Found),
            [r#"c.client_id as "client_id!", '-infinity' as "sort_key!""#],
            "all_clients_table c",
            [
                "and " $without
                " and ($9::text is null or " $rest ")"
                " order by c.client_id " $direction " limit $11"
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
            page_without_key!($without, "$9 <> '-infinity' or c.client_id < $10", "desc", $finder, $position)
                .fetch_all($db)
                .await
        } else {
            page_without_key!($without, "$9 = '-infinity' and c.client_id > $10", "asc", $finder, $position)
                .fetch_all($db)
                .await
        }
    };
    ($db:expr, $finder:expr, $position:expr, own $joined:literal, $key:literal: $type:literal) => {
        read!(@ own, $db, $finder, $position, $joined, $key: $type)
    };
    ($db:expr, $finder:expr, $position:expr, $from:literal, $key:literal: $type:literal) => {
        read!(@ practice, $db, $finder, $position, $from, $key: $type)
    };
    (@ $reach:ident, $db:expr, $finder:expr, $position:expr, $from:literal, $key:literal: $type:literal) => {
        if $position.descending {
            page!($reach, $from, $key: $type, "<", "desc", $finder, $position).fetch_all($db).await
        } else {
            page!($reach, $from, $key: $type, ">", "asc", $finder, $position).fetch_all($db).await
        }
    };
}

/// An order that is read in two sections.
#[derive(Debug, Clone, Copy)]
enum Split {
    /// Those who had a session; those who had none.
    LastSession,
    /// Of the active ones those who had a session since then; those who have one ahead only.
    LastSessionOfActive,
    /// Those whose age is known; the others.
    Created,
}

impl Finder {
    /// A therapist's clients after a position, in its direction.
    pub(super) async fn own_page(
        &self,
        db: &mut PgConnection,
        order: OwnClientOrder,
        position: &Position,
    ) -> Result<Vec<Found>> {
        use OwnClientOrder as O;
        let found = match order {
            O::NameUp | O::NameDown => {
                read!(db, self, position, own "", "left(internal.fold(coalesce(c.client_name, '')), 100)": "text")
            }
            O::LastSessionUp | O::LastSessionDown => {
                read!(
                    db,
                    self,
                    position,
                    own
                    "left join (
                         select b.client_id, max(b.start_at) as start_at
                         from internal.client_bookings() b
                         where b.is_active
                           and b.start_at <= $1
                           and ($2::text is null or b.therapist_id = $2)
                         group by b.client_id
                     ) s on s.client_id = c.client_id",
                    "coalesce(s.start_at, '-infinity')": "timestamp"
                )
            }
        }?;
        Ok(found)
    }

    /// The clients of the practice after a position, in its direction.
    pub(super) async fn page(
        &self,
        db: &mut PgConnection,
        order: ClientOrder,
        position: &Position,
    ) -> Result<Vec<Found>> {
        use ClientOrder as O;
        let found = match order {
            O::NameUp | O::NameDown => {
                read!(
                    db,
                    self,
                    position,
                    "all_clients_table c",
                    "left(internal.fold(coalesce(c.client_name, '')), 100)": "text"
                )
            }
            O::SessionsUp | O::SessionsDown => {
                read!(db, self, position, "all_clients_table c", "coalesce(c.no_of_sessions, 0)": "integer")
            }
            O::LastSessionUp | O::LastSessionDown if self.criteria.is_narrow() => {
                read!(
                    db,
                    self,
                    position,
                    "all_clients_table c
                     cross join lateral (
                         select coalesce(max(b.start_at), '-infinity') as start_at
                         from internal.client_bookings() b
                         where b.client_id = c.client_id
                           and b.is_active
                           and b.start_at <= $1
                     ) s",
                    "s.start_at": "timestamp"
                )
            }
            O::LastSessionUp | O::LastSessionDown if self.criteria.status == Some(ClientStatus::Active) => {
                return self.sections(db, Split::LastSessionOfActive, position).await;
            }
            O::LastSessionUp | O::LastSessionDown => return self.sections(db, Split::LastSession, position).await,
            O::NewestFirst | O::OldestFirst => return self.sections(db, Split::Created, position).await,
        }?;
        Ok(found)
    }

    /// How many there are.
    pub(super) async fn count(&self, db: &mut PgConnection) -> Result<i64> {
        let count = if self.scope.is_practice() {
            of_clients!(practice, query_scalar!(), [r#"count(*) as "count!""#], "all_clients_table c", [], self)
                .fetch_one(db)
                .await
        } else {
            of_clients!(own, query_scalar!(), [r#"count(*) as "count!""#], "", [], self).fetch_one(db).await
        };
        Ok(count?)
    }

    /// Reads the section that the direction starts in, and the rest of the page from the other one.
    async fn sections(&self, db: &mut PgConnection, split: Split, position: &Position) -> Result<Vec<Found>> {
        let mut found = if position.descending {
            self.upper(&mut *db, split, position).await?
        } else {
            self.lower(&mut *db, split, position).await?
        };
        let limit = position.limit - i64::try_from(found.len()).unwrap_or(position.limit);
        if limit > 0 {
            let rest = Position { limit, ..position.clone() };
            found.extend(if position.descending {
                self.lower(db, split, &rest).await?
            } else {
                self.upper(db, split, &rest).await?
            });
        }
        Ok(found)
    }

    /// The section of the larger keys, by the index that has them.
    async fn upper(&self, db: &mut PgConnection, split: Split, position: &Position) -> Result<Vec<Found>> {
        let found = match split {
            Split::LastSession => read!(
                db,
                self,
                position,
                "internal.last_sessions($1) s
                 join all_clients_table c on c.client_id = s.client_id",
                "s.start_at": "timestamp"
            ),
            Split::LastSessionOfActive => read!(
                db,
                self,
                position,
                "(select l.* from internal.last_sessions($1) l where l.start_at >= internal.active_since($1)) s
                 join all_clients_table c on c.client_id = s.client_id",
                "s.start_at": "timestamp"
            ),
            Split::Created => read!(
                db,
                self,
                position,
                "internal.clients s
                 join all_clients_table c on c.client_id = s.client_id",
                "s.created_at": "timestamptz"
            ),
        }?;
        Ok(found)
    }

    /// The section of the smaller keys, or of none.
    async fn lower(&self, db: &mut PgConnection, split: Split, position: &Position) -> Result<Vec<Found>> {
        let found = match split {
            Split::LastSession => read!(
                db,
                self,
                position,
                without
                "not exists (select from internal.last_sessions($1) s where s.client_id = c.client_id)"
            ),
            Split::LastSessionOfActive => read!(
                db,
                self,
                position,
                "(
                     select k.*
                     from all_clients_table k
                     where not exists (
                         select
                         from internal.client_bookings() r
                         where r.client_id = k.client_id
                           and r.is_active
                           and r.start_at between internal.active_since($1) and $1
                     )
                 ) c
                 cross join lateral (
                     select coalesce(max(b.start_at), '-infinity') as start_at
                     from internal.client_bookings() b
                     where b.client_id = c.client_id
                       and b.is_active
                       and b.start_at <= $1
                 ) s",
                "s.start_at": "timestamp"
            ),
            Split::Created => read!(
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
