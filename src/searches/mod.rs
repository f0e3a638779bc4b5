//! One search box across clients, bookings and therapists.
//!
//! A search is three statements ([`candidates`]: clients, therapists, then bookings, which know of the clients found) and a
//! judgement of what they bring ([`rank`]). A statement brings at most 200 rows of its kind: it asks for the best kind of
//! match first (ids, how a name begins, whole words), then for parts of words, then for words with a typo, and stops when
//! it has enough; and each of these is an index scan that stops as early.
//!
//! Bookings carry their clients' names, tens of them the same one: so clients are searched, and their latest bookings are
//! looked up. The names that stand in bookings themselves are searched only where that brings less than 200 (trigrams,
//! without typos): it finds the adopted bookings that have no client yet.
//!
//! Typos are found exactly, not by likeness: see the migration `0012_figures.sql`. One word of a search may be a letter
//! off, or the space between two words missing.

mod candidates;
mod hit;
mod needle;
mod rank;
mod search;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search::search))
}
