//! How admins make and change accounts, and confirm those of others.
//!
//! To make or enable an account, to reset its password, to give it another role or therapist takes the admin's password once
//! more. Nobody changes their own role or therapist, and nobody chooses another's password: the user sets it by a one-time
//! link. Everybody concerned is told, and a therapist's account so changed opens no clinical text until an independent
//! admin has confirmed who holds it: see [`users`](crate::users). Everything else works meanwhile.

mod create;
mod edit;
mod refusal;
mod reset;
mod reviews;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::refusal::PROBLEMS;
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create_user))
        .routes(routes!(edit::edit_user))
        .routes(routes!(reset::reset_password))
        .routes(routes!(reviews::list_account_reviews))
        .routes(routes!(reviews::confirm_account))
}
