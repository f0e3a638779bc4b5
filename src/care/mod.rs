//! What spans the features around one client: handing it to another therapist, making two records of one person one,
//! erasing its data.
//!
//! A **transfer** moves the client and the sessions ahead with the present therapist; what is past stays with who held it.
//! One client or many go by the same statements ([`hand_over`]), in one transaction. Where the new therapist is busy
//! nothing is done, unless those sessions are left where they are ([`plan`] tells them apart).
//!
//! A **merge** keeps the client of the path, lets everything that refers to the other record follow, and takes that one
//! away; its id then answers 404 with `merged_into`. Since two people's data become one's, it first tells which therapists
//! come to see what they could not see before ([`access`]).
//!
//! **Break-glass** ([`break_glass`]) lets an admin read a client's notes: with a reason, for an hour, under review.
//! An **export** gives all that is stored about one client as one file ([`export`]); which rows those are, [`belongings`]
//! says.
//! An **erasure** destroys the client's notes and makes all else anonymous ([`erase`]).
//!
//! Two admins at the same moment: one wins, the other finds the therapist or the client changed once the locks are granted,
//! and is refused with what became of it. Two admins one after the other are told apart by `If-Match`.

mod access;
mod belongings;
pub mod break_glass;
mod erase;
mod export;
mod hand_over;
mod hold;
mod joined;
mod list;
mod merge;
mod model;
mod plan;
mod refusal;
mod told;
mod transfer;
mod transfer_many;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::refusal::PROBLEMS;
use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_transfers))
        .routes(routes!(list::get_transfer))
        .routes(routes!(list::list_client_transfers))
        .routes(routes!(transfer::transfer_client))
        .routes(routes!(transfer_many::transfer_clients))
        .routes(routes!(merge::merge_clients))
        .merge(break_glass::admin_routes())
        .routes(routes!(export::export_client))
        .routes(routes!(erase::erase_client))
        .routes(routes!(erase::get_client_erasure))
}
