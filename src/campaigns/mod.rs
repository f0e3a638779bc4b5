//! Marketing campaigns: which campaign is sent for which therapy of which therapist.
//!
//! The table has no key, and other programs have left duplicates and NULLs in it. So a campaign is the value of its
//! three columns: equal rows are one campaign with a `count`, and every operation applies to all of them.
//!
//! It is addressed by query parameters of the names of the columns. A parameter that is left out stands for NULL, an empty
//! one (`therapy=`) for the empty text: the two are different campaigns. In bodies NULL is null, or left out; empty texts
//! are not written any more.
//!
//! There are few of them, even in an old practice. They are grouped at each read, and every change locks the whole
//! table against other writers, since a campaign that does not exist yet has no row to lock.

mod list;
mod model;
mod write;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::model::PROBLEMS;
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(
        list::list_campaigns,
        write::create_campaign,
        write::replace_campaign,
        write::delete_campaign
    ))
}
