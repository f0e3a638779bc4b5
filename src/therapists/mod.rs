//! Therapists: their records, resources, figures and retirement.
//!
//! Where something of theirs is stored above this module, it is served there: their bookings by
//! [`bookings`](crate::bookings), their clients, and the change of a name that clients carry, by
//! [`clients`](crate::clients).

mod create;
mod detail;
mod edit;
mod list;
mod lock;
mod model;
mod refusal;
pub mod repair;
mod resources;
mod retire;
mod stats;
mod therapies;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

pub use self::{
    edit::{EditTherapist, edit},
    lock::{Therapist, ensure_at_work, lock},
    model::{Profile, ensure_named},
    refusal::{PROBLEMS, TherapistRefusal},
};

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_therapists, create::create_therapist))
        .routes(routes!(detail::get_therapist))
        .routes(routes!(retire::retire_therapist))
        .routes(routes!(retire::reinstate_therapist))
        .routes(routes!(stats::get_therapist_stats))
        .routes(routes!(resources::list::list_therapist_resources, resources::write::create_therapist_resource))
        .routes(routes!(
            resources::list::get_therapist_resource,
            resources::write::edit_therapist_resource,
            resources::write::delete_therapist_resource
        ))
        .routes(routes!(therapies::list_therapies))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(detail::get_own_profile, edit::edit_own_profile))
        .routes(routes!(resources::list::list_own_resources))
}
