//! Refusals of creating or changing a therapist or their resources.

use serde_json::{Map, Value, json};

use crate::{
    domain::{ids::BookingId, time::Timestamp},
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    THERAPIST_EXISTS = CONFLICT, "therapist-exists", "There is such a therapist",
        "A therapist has this `therapist_id` already. Leave it out to have one made.";
    THERAPIST_RETIRED = CONFLICT, "therapist-retired", "The therapist has retired",
        "A retired therapist takes no sessions and no clients. Choose another one, or let them return with `POST /api/v1/admin/therapists/{therapist_id}/reinstate`.";
    THERAPIST_BOOKED = CONFLICT, "therapist-booked", "The therapist has sessions ahead",
        "Sessions that run or are ahead stand against it; `upcoming` has their `count` and the first of them. Cancel them or transfer their clients first.";
    RESOURCE_EXISTS = CONFLICT, "resource-exists", "The therapist has this resource",
        "The therapist has a resource of this `resource_id` already.";
}

/// A rule about therapists that stands against a request.
#[derive(Debug, thiserror::Error)]
pub enum TherapistRefusal {
    /// The id is taken.
    #[error("a therapist has this id already")]
    Exists,
    /// They take no sessions any more.
    #[error("the therapist has retired")]
    Retired,
    /// Sessions are running or ahead.
    #[error("the therapist has {count} sessions running or ahead")]
    Booked {
        /// How many.
        count: i64,
        /// The first of them.
        first: Vec<Upcoming>,
    },
    /// The therapist has such a resource.
    #[error("the therapist has a resource of this id already")]
    ResourceExists,
}

/// A session that runs or is ahead.
#[derive(Debug)]
pub struct Upcoming {
    pub(super) booking_id: BookingId,
    pub(super) booking_start_at: Timestamp,
}

impl Refusal for TherapistRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Exists => &THERAPIST_EXISTS,
            Self::Retired => &THERAPIST_RETIRED,
            Self::Booked { .. } => &THERAPIST_BOOKED,
            Self::ResourceExists => &RESOURCE_EXISTS,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let Self::Booked { count, first } = self else { return Map::new() };
        let first: Vec<Value> = first
            .iter()
            .map(|it| json!({ "booking_id": it.booking_id, "booking_start_at": it.booking_start_at }))
            .collect();
        Map::from_iter([("upcoming".to_owned(), json!({ "count": count, "bookings": first }))])
    }
}
