//! Money: what was paid for a booking, and what of it goes back.
//!
//! Four places tell of a refund: `payments.refund_*`, `bookings.refund_amount` and `.refund_status`,
//! `refund_cancellation_table`, and what a cancelled booking is waiting for. The payment's is the truth here; the others
//! follow it in the same transaction:
//!
//! - A payment has one refund at most, of at most what was paid, which may be less.
//! - `bookings` holds the sum over the booking's payments, and the state of the one that is least far.
//! - `refund_cancellation_table` holds one row per refund, whose `id` is the refund's. A cancelled paid booking has it
//!   from its cancellation on ([`cancellation`]), `Pending`, which means that nothing was started.
//!
//! Locks: therapist, client and booking are the caller's, then payments.
//!
//! Bookings of other programs may be paid without a row in `payments`: everything here completes it first
//! ([`record_for_booking`]).

pub mod cancellation;
pub mod mend;
mod merge;
mod record;
pub mod refund;

use utoipa_axum::router::OpenApiRouter;

pub use self::{merge::follow_merge, record::record_for_booking};
use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
