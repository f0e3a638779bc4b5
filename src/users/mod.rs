//! The people who log in, and how their logins end.
//!
//! Other programs fill `public.users` too: roles in any letter case, passwords in plain text (those never match), names
//! that differ in letter case only (nobody logs in by such a name). What a row there cannot say, `internal.accounts` does.
//! Such users are listed and can be put right like any other.
//!
//! Whatever changes who somebody is (role, therapist, password) or shuts them out ends their sessions in the same
//! transaction: see [`sessions`]. The first two end the link to their calendar too: see [`calendar_links`]. An admin is always left: see [`rules`].

mod account;
pub mod calendar_links;
mod change;
mod create;
mod detail;
mod disable;
mod edit;
mod legacy;
mod list;
mod model;
pub mod password;
mod refusal;
pub mod repair;
mod reset;
mod rules;
pub mod sessions;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    account::{Account, Rights},
    create::{NewUser, create},
    disable::{disable, disable_therapist},
    edit::{EditProfile, edit_profile},
    legacy::{Legacy, hash_legacy, legacy},
    model::{User, list},
    refusal::{PROBLEMS, UserRefusal},
};
use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_users, create::create_user))
        .routes(routes!(detail::get_user, change::edit_user, disable::disable_user))
        .routes(routes!(reset::reset_password))
        .routes(routes!(reset::log_user_out))
}
