//! Webhooks: events that are sent to other systems, as Standard Webhooks 1.0.0 says.
//!
//! - **Events arise in the database** (`migrations/functions/webhooks.sql`), in the transaction of the change, whoever writes: so
//!   none is missing and none is sent of what was rolled back. One thing that changes twice in a transaction is one event. An event
//!   is thin: which thing, a version that only grows, which columns changed. The receiver reads the rest with a token of its own, so
//!   that reading stays audited.
//! - **Endpoints** ([`endpoints`]) are made by admins; their secrets are shown once and kept sealed. While there is none that wants
//!   an event, nothing is written.
//! - **Deliveries** ([`send`]) are at least once and in no promised order: the version tells which is the newer. A worker of each
//!   instance claims those that are due, sends them outside any transaction, and notes what came of it. A claim is a time: where
//!   the process dies, the delivery is due again.
//! - Each type is described in the OpenAPI document ([`described`]).
//! - **The log** ([`deliveries`]) keeps each for 30 days.

mod data;
mod deliveries;
mod described;
mod endpoints;
mod event;
mod send;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    deliveries::purge,
    described::described_events,
    send::{run, send_all},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(endpoints::list_outbound_endpoints, endpoints::make_outbound_endpoint))
        .routes(routes!(
            endpoints::get_outbound_endpoint,
            endpoints::edit_outbound_endpoint,
            endpoints::delete_outbound_endpoint
        ))
        .routes(routes!(endpoints::rotate_outbound_secret))
        .routes(routes!(endpoints::withdraw_outbound_secret))
        .routes(routes!(deliveries::test_outbound_endpoint))
        .routes(routes!(deliveries::replay_outbound_endpoint))
        .routes(routes!(deliveries::list_webhook_deliveries))
        .routes(routes!(deliveries::get_webhook_delivery))
        .routes(routes!(deliveries::replay_webhook_delivery))
}
