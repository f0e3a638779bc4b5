//! A client's rights: the export and the erasure of all that is stored about them, and the log of who read it.
//!
//! An **export** gives all that is stored about one client as one file ([`export`]); [`client_rows`] says which rows those
//! are. An **erasure** destroys the client's notes and makes all else anonymous ([`erase`]).

mod access_log;
mod client_rows;
mod erase;
mod erase_requests;
mod export;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::erase_requests::{PROBLEMS, carry_out_due, purge};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(access_log::list_client_accesses))
        .routes(routes!(export::export_client))
        .merge(erase_requests::admin_routes())
        .routes(routes!(erase::get_client_erasure))
}
