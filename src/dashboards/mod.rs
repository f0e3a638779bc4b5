//! What the practice and its therapists see at a glance.
//!
//! # What the figures mean
//!
//! Each is defined once: in SQL in [`figures`] (money and counts of the practice, its therapists and its series) and
//! [`therapist`](mod@therapist) (a therapist's own), in words at the fields of the answers. Both say which filter of the
//! list of bookings counts the same, and the tests hold the two against each other. So:
//!
//! - A period is made of calendar days of the practice's zone, or of `tz`, both ends included ([`period`]); it holds the
//!   bookings that start on them. One without a start is in no period.
//! - A session is a booking that is neither cancelled nor a no-show, whatever else was said of it.
//! - Gross is what was paid, for cancelled bookings too; refunded is what refunds that are completed gave back; net is the
//!   difference. What is on its way back is a figure of its own. An amount that is none counts as 0.
//! - Figures are those of the bookings as they stand now, those of the previous period too.
//!
//! The derived tables and columns are kept by [`cache`]; no figure here is read from them.

pub mod cache;
mod figures;
mod live;
mod period;
mod practice;
mod series;
mod therapist;
mod therapists;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::period::{Period, PeriodParams};

use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(practice::get_dashboard))
        .routes(routes!(series::get_dashboard_series))
        .routes(routes!(therapists::get_dashboard_of_therapists))
        .routes(routes!(live::list_live_sessions))
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(therapist::get_own_dashboard))
}
