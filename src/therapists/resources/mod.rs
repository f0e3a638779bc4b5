//! A therapist's resources at the scheduling provider, by which they are booked.
//!
//! The table has no key to therapists, and contains rows with unknown ids (the organisation's own host of free
//! consultations): those are listed, changed and removed under their id like any others.

pub(super) mod list;
mod model;
pub(super) mod write;
