//! When therapists take sessions: their hours, the rules for booking, free times, holds, and the check of every time that is
//! given to somebody.
//!
//! - [`availability`] has the weekly hours of therapists, [`overrides`] the days that differ, [`rules`] the rules for booking.
//!   A therapist without hours takes sessions at any hour.
//! - [`timetable`] works out when somebody is free, from what [`diary`] reads. [`slots`] lists it, and [`check`] asks the same
//!   where time is taken: what is listed can be booked.
//! - [`holds`] keep a time for some minutes.

mod availability;
mod check;
mod diary;
mod holds;
mod hours;
mod import;
mod overrides;
mod refusal;
mod rules;
mod slot;
mod slots;
mod timetable;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

pub use self::{
    check::booked,
    refusal::{PROBLEMS, THERAPIST_FULL},
};
pub(crate) use self::{
    check::{Purpose, Wanted, notice, take, usual_length},
    diary::lapsed,
    refusal::SlotRefusal,
    slot::{Override, SessionKind, Slot},
    slots::{DaySlots, FreeTimes, free_times},
};

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(availability::get_availability, availability::replace_availability))
        .routes(routes!(import::import_availability))
        .routes(routes!(overrides::list_overrides))
        .routes(routes!(overrides::get_override, overrides::set_override, overrides::remove_override))
        .routes(routes!(rules::get_scheduling_policy, rules::replace_scheduling_policy))
        .routes(routes!(slots::list_slots))
        .routes(routes!(holds::list_holds, holds::create_hold))
        .routes(routes!(holds::get_hold, holds::release_hold))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(availability::get_own_availability, availability::replace_own_availability))
        .routes(routes!(overrides::list_own_overrides))
        .routes(routes!(overrides::get_own_override, overrides::set_own_override, overrides::remove_own_override))
        .routes(routes!(slots::list_own_slots))
}
