//! Accounts and their sessions.
//!
//! Other programs fill `public.users` too: roles in any letter case, passwords in plain text (those never match), names
//! that differ in letter case only (nobody logs in by such a name). `internal.accounts` has the columns that this table
//! lacks. Such users are listed and can be corrected like any other.
//!
//! A change of role, therapist or password, and disabling, end the user's sessions in the same transaction: see
//! [`sessions`]. They revoke the one-time link to set a password too: see [`links`]; and the link to the user's calendar,
//! except where users change their own password: see [`calendar_links`]. One enabled admin always remains: see [`rules`].

mod account;
pub mod calendar_links;
mod change;
mod changes;
mod create;
mod detail;
mod disable;
mod edit;
pub mod links;
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
    change::{EditUser, change},
    changes::{
        AccountChange, Confirm, confirm, ensure_independent, has_one_admin, is_enabled_admin, lock_change, note,
        schedule_opening,
    },
    create::{NewUser, create},
    disable::{disable, disable_therapist},
    edit::{EditProfile, edit_profile},
    list::list,
    model::User,
    refusal::{PROBLEMS, UserRefusal},
    repair::{Legacy, hash_legacy, legacy},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_users))
        .routes(routes!(detail::get_user, disable::disable_user))
        .routes(routes!(reset::log_user_out))
}
