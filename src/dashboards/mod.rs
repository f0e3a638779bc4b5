//! Dashboards: the figures of the practice and of its therapists.
//!
//! # The meaning of the figures
//!
//! Each is defined once: in SQL in [`figures`] (money and counts of the practice, its therapists and its series) and
//! [`therapist`](mod@therapist) (a therapist's own), in words at the fields of the answers. Both say which filter of
//! the list of bookings counts the same, and the tests compare the two. So:
//!
//! - A period is made of calendar days of the practice's zone, or of `tz`, both ends included ([`period`]); it holds the
//!   bookings that start on them. One without a start is in no period.
//! - A session is a booking that is neither cancelled nor a no-show, whatever its other columns say.
//! - Gross is the sum of payments, for cancelled bookings too; refunded is the sum of completed refunds; net is the
//!   difference. Refunds under way are a figure of their own. An amount that is no number counts as 0.
//! - Figures are those of the bookings as they stand now, those of the previous period too.
//!
//! The derived tables and columns are kept by [`cache`]; no figure here is read from them.

pub mod cache;
mod currencies;
mod figures;
mod live;
mod period;
mod practice;
mod series;
mod therapist;
mod therapists;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::currencies::{CurrencyFigures, elsewhere};
pub(crate) use self::period::{Period, PeriodParams};

use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(practice::get_dashboard))
        .routes(routes!(series::get_dashboard_series))
        .routes(routes!(therapists::get_dashboard_of_therapists))
        .routes(routes!(live::list_live_sessions))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(therapist::get_own_dashboard))
}
