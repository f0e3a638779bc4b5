//! Transfers of clients to another therapist.
//!
//! A transfer moves the client and the sessions ahead with the present therapist; what is past stays with who held it.
//! One client or many go by the same statements ([`reassign`]), in one transaction. Where the new therapist is busy
//! nothing is done, unless those sessions are left where they are ([`plan`] tells them apart).
//!
//! Two admins at the same moment: one wins, the other finds the therapist or the client changed once the locks are granted,
//! and is refused with what became of it. Two admins one after the other are told apart by `If-Match`.

pub(crate) mod erase;
mod list;
pub(crate) mod lock;
pub(crate) mod merged;
mod model;
pub(crate) mod notify;
pub(crate) mod plan;
pub(crate) mod reassign;
pub(crate) mod refusal;
mod transfer;
mod transfer_many;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::refusal::PROBLEMS;
use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_transfers))
        .routes(routes!(list::get_transfer))
        .routes(routes!(list::list_client_transfers))
        .routes(routes!(transfer::transfer_client))
        .routes(routes!(transfer_many::transfer_clients))
}
