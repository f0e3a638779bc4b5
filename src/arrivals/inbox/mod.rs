//! The inbox: what services send to `POST /webhooks/{endpoint}`, each by an endpoint that an admin made.
//!
//! 1. **Received** ([`receive`]): proved by its signature or by the secret in the address, and kept, sealed. It is answered once it
//!    is committed; what was answered is never lost. A repeat is known by its key and kept once.
//! 2. **Worked** ([`work`]) by the worker of arrivals, in order with the others about the same booking or order, and however often
//!    to the same end. An endpoint is `shadow` first: nothing is written, and the messages tell where the tables differ.
//! 3. **Kept** for 30 days ([`upkeep`]). Admins see what a message is about and what became of it ([`list`]); its text only under a
//!    break-glass grant for the client ([`body`]). An erasure destroys it.
//!
//! Each service has a file in [`sources`] that reads its messages. What is not understood is kept, and shown with the reason.

mod body;
mod endpoints;
mod fold;
mod list;
mod message;
mod receive;
mod signature;
mod sources;
mod upkeep;
mod work;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::work::{measure, work_some};
pub use self::{
    list::retry,
    upkeep::{erase, purge},
};
use crate::app::state::App;

/// The route open to services.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive::receive_webhook, receive::answer_webhook_challenge))
}

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(endpoints::list_inbound_endpoints, endpoints::make_inbound_endpoint))
        .routes(routes!(
            endpoints::get_inbound_endpoint,
            endpoints::edit_inbound_endpoint,
            endpoints::delete_inbound_endpoint
        ))
        .routes(routes!(endpoints::rotate_inbound_secret))
        .routes(routes!(endpoints::withdraw_inbound_secret))
        .routes(routes!(list::list_inbox))
        .routes(routes!(list::get_inbox_message))
        .routes(routes!(list::replay_inbox_message))
        .routes(routes!(body::get_client_inbox_message))
}
