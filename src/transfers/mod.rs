//! Transfers of clients to another therapist.
//!
//! A transfer moves the client and the upcoming sessions with the present therapist; past sessions stay with the
//! therapist who held them. The same statements ([`reassign`]) transfer one client or many, in one transaction. Where
//! the new therapist is busy the transfer is refused, unless the request leaves those sessions where they are ([`plan`]
//! finds them).
//!
//! Two admins at the same moment: one wins, the other finds the therapist or the client changed once the locks are
//! granted, and is refused with the present state. `If-Match` refuses an admin whose page is older than another one's
//! transfer.

mod list;
pub(crate) mod lock;
mod model;
pub(crate) mod notify;
pub(crate) mod plan;
pub(crate) mod reassign;
pub(crate) mod refusal;
mod transfer;
mod transfer_many;
mod upkeep;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::refusal::PROBLEMS;
pub(crate) use self::upkeep::{erase, follow_merge};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_transfers))
        .routes(routes!(list::get_transfer))
        .routes(routes!(list::list_client_transfers))
        .routes(routes!(transfer::transfer_client))
        .routes(routes!(transfer_many::transfer_clients))
}
