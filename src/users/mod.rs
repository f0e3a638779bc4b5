//! The people who log in, and how their logins end.
//!
//! Other programs fill `public.users` too: roles in any letter case, passwords in plain text (those never match), names
//! that differ in letter case only (nobody logs in by such a name). What a row there cannot say, `internal.accounts` does.
//!
//! Whatever changes who somebody is (role, therapist, password) or shuts them out ends their sessions in the same
//! transaction: see [`sessions`].

mod account;
mod create;
mod disable;
mod edit;
mod legacy;
pub mod mend;
mod model;
pub mod password;
pub mod sessions;

use utoipa_axum::router::OpenApiRouter;

pub use self::{
    account::{Account, Rights},
    create::{NewUser, PROBLEMS, UsernameTaken, create},
    disable::disable,
    edit::{EditProfile, edit_profile},
    legacy::{Legacy, hash_legacy, legacy},
    model::{User, list},
};
use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
