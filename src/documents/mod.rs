//! Document forms, which clients fill in around a booking.
//!
//! A form is a link that belongs to a booking; a booking may have several. Therapists see the forms of their own bookings,
//! admins all, also those that other programs left without a booking.

mod create;
mod edit;
mod list;
mod model;
mod receive;
pub mod upkeep;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{receive::receive, upkeep::erase};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_document_forms, create::create_document_form)).routes(routes!(
        list::get_document_form,
        edit::edit_document_form,
        edit::delete_document_form
    ))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_own_document_forms))
        .routes(routes!(list::get_document_form_of_booking))
}
