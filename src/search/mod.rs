//! One search box across clients, bookings and therapists.
//!
//! A search is three statements ([`candidates`]: clients, therapists, then bookings, which know of the clients found)
//! and a ranking of their rows ([`rank`]). A statement returns at most 200 rows of its kind: it tries the best kind of
//! match first (ids, how a name begins, whole words), then for parts of words, then for words with a typo, and stops
//! when it has enough; and each of these is an index scan that stops as early.
//!
//! Bookings carry their clients' names, tens of them the same one: so clients are searched, and their latest bookings
//! are looked up. Adopted bookings that have no client yet are found by how the name written in them begins, and, if no
//! client fits, by any part of it, of the phone and of the address. (Searching for any part always would be slow for
//! common names and for addresses, whose trigrams are in most rows.)
//!
//! `.ci/search-bench` measures searches over HTTP.
//!
//! Typos are found exactly, not by likeness: see the migration `0005_reading.sql`. One word of a search may be a letter
//! off, or the space between two words missing.

mod candidates;
mod everywhere;
mod hit;
mod rank;
mod terms;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(everywhere::search))
}
