//! Clients: their records, lists and timelines, and the matching of persons to them.
//!
//! A client is a row of `all_clients_table`; a booking belongs to a client through `appointment_table`. Only [`matching`]
//! decides which rows are one person. A client's status is read from the facts of the bookings ([`list`]).

mod appointment;
mod consents;
mod create;
mod detail;
mod edit;
mod erase;
mod filter;
mod list;
mod matching;
mod merge;
mod missing;
mod of_therapist;
mod record;
mod timeline;
pub mod upkeep;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    appointment::{Appointment, complete_for_therapist, is_there, link_booking, lock_of_booking},
    consents::{ConsentGiven, consent},
    detail::ensure_current,
    erase::{ensure_kept_of_booking, erase, link_unassigned_bookings},
    matching::{
        Candidate, Choice, Client, ClientErased, PROBLEMS, Person, lock, lock_to_erase, lock_to_read, look_alikes,
        resolve,
    },
    merge::{Absorbed, Record, absorb, records, remove},
    missing::{merge_survivor, missing},
    record::ensure,
    upkeep::hand_over,
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_clients, create::create_client))
        .routes(routes!(detail::get_client, edit::edit_client))
        .routes(routes!(timeline::list_client_timeline))
        .routes(routes!(of_therapist::list_therapist_clients))
        .routes(routes!(of_therapist::edit_therapist))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_own_clients))
        .routes(routes!(detail::get_client))
        .routes(routes!(timeline::list_own_client_timeline))
}
