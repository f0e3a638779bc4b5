//! The people the practice is for.
//!
//! A client is a row of `all_clients_table`; a booking belongs to a client through `appointment_table`. Who is one
//! person, [`model`] decides, in one place.

mod belong;
pub mod mend;
mod model;

use utoipa_axum::router::OpenApiRouter;

pub use self::{
    belong::{Appointment, belongs_to, hold_of_booking},
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
