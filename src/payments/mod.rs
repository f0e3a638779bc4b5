//! Payments for bookings, and their refunds.
//!
//! Four places describe a refund: `payments.refund_*`, `bookings.refund_*`, `refund_cancellation_table`, and
//! `booking_cancelled`. The payment is authoritative; the others follow it in the same transaction ([`sync`]):
//!
//! - A booking has one payment; of several that another program left, `bookings` holds the sum and the first one's gateway.
//! - A payment has one refund at most, of the whole amount or a part.
//! - `bookings` holds the sum over the booking's refunds, and the status of the least advanced one.
//! - `refund_cancellation_table` holds one row per refund, whose `id` is the refund's. A cancelled paid booking has it
//!   from its cancellation on ([`cancellation`]), `Pending`, which means that nothing was started.
//!
//! Where other programs left them disagreeing, [`refunds::disagreement`] says which is right.
//!
//! Locks: therapist, client and booking ([`lock`], or the caller's), then payments, then refunds.
//!
//! A refund of a payment through the gateway is sent there ([`refunds::send_due`]), where that is switched on.
//!
//! Bookings of other programs may be paid without a row in `payments`: everything here completes it first
//! ([`record_for_booking`]).

mod arrive;
mod awaited;
pub mod cancellation;
mod complete;
mod counts;
mod edit;
mod filter;
mod list;
mod lock;
mod model;
mod receive;
mod record;
pub mod refund;
pub mod refunds;
mod refusal;
mod summary;
mod sync;
pub mod upkeep;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    arrive::arrive,
    awaited::await_payment,
    complete::{arrived_payment, record_confirmed, record_for_booking},
    model::{Payment, PaymentState},
    receive::{Paid, SaidPayment, SaidRefund, receive},
    refusal::PROBLEMS,
    upkeep::{InFlight, erase, follow_merge, in_flight},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_payments, record::record_payment))
        .routes(routes!(counts::count_payments))
        .routes(routes!(summary::summarize_payments))
        .routes(routes!(list::get_payment, edit::edit_payment))
        .routes(routes!(refund::refund_payment))
        .routes(routes!(list::list_client_payments))
        .merge(refunds::admin_routes())
}
