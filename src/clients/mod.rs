//! The people the practice is for.
//!
//! A client is a row of `all_clients_table`; a booking belongs to a client through `appointment_table`. Who is one
//! person, [`model`] decides, in one place.

mod belong;
mod hand_over;
mod merge;
mod model;

use utoipa_axum::router::OpenApiRouter;

pub use self::{
    belong::{Appointment, belongs_to, hold_of_booking},
    hand_over::{hand_over, move_appointments},
    merge::{Absorbed, Record, absent, absorb, merged_into, records, remove},
    model::{Choice, Client, PROBLEMS, Person, hold, resolve},
};
use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
