//! One search box across clients, bookings and therapists.
//!
//! A search is three statements ([`candidates`]: clients, therapists, then bookings, which know of the clients found) and a
//! judgement of what they bring ([`rank`]). A statement brings at most 200 rows of its kind: it asks for the best kind of
//! match first (ids, how a name begins, whole words), then for parts of words, then for words with a typo, and stops when
//! it has enough; and each of these is an index scan that stops as early.
//!
//! Bookings carry their clients' names, tens of them the same one: so clients are searched, and their latest bookings are
//! looked up. Adopted bookings that have no client yet are found by how the name written in them begins, and, if no client
//! fits, by any part of it, of the phone and of the address. (To ask for any part always would cost 50 to 150 ms on a
//! million bookings, for a name that is common or an address: trigrams are in every row.)
//!
//! What PostgreSQL spends on a search among 1,200,000 bookings of 152,000 clients (names, parts, typos, phones, addresses,
//! ids; CPU, median / 95 of 100 / most): clients 1.3 / 3.3 / 7 ms, therapists 0.9 / 1.4 / 2 ms, bookings 2.2 / 9.5 / 20 ms.
//! `.ci/search-bench` measures it from outside.
//!
//! Typos are found exactly, not by likeness: see the migration `0012_figures.sql`. One word of a search may be a letter
//! off, or the space between two words missing.

mod candidates;
mod everywhere;
mod hit;
mod rank;
mod terms;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(everywhere::search))
}
