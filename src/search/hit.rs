//! Found rows as an answer shows them.

use std::cmp::{Ordering, Reverse};

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    candidates::{FoundBooking, FoundClient, FoundTherapist},
    rank::{Field, Fit, Known},
};
use crate::domain::{
    ids::{ClientId, TherapistId},
    text::NO_NAME,
    time::{Timestamp, Zone},
};

/// A client, a booking or a therapist that fits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    as = SearchHit,
    example = json!({
        "kind": "booking",
        "id": "bk_0199c0de00007000800000000000000a",
        "title": "Meera Iyer",
        "subtitle": "Wed, 4 Feb 2026, 16:00 · Asha Rao · confirmed",
        "matched": "name",
        "score": 0.793,
        "client_id": "cl_0199c0de00007000800000000000000b",
        "therapist_id": "58701",
        "booking_start_at": "2026-02-04T10:30:00Z"
    })
)]
pub(super) struct Hit {
    /// The kind of the result.
    kind: Kind,
    /// Its id, by which it is read: `/clients/{id}`, `/bookings/{id}`, `/therapists/{id}`.
    pub(super) id: String,
    /// The name: of the client, or of the therapist.
    title: String,
    /// A text that distinguishes it from others of that name, for people; times in the practice's zone.
    subtitle: String,
    /// The field that fits best; for a booking found by its client, the client's field.
    matched: Field,
    /// How well it fits: above 0, and 1 at most.
    #[schema(minimum = 0, maximum = 1)]
    score: f64,
    /// The client, or the booking's.
    client_id: Option<ClientId>,
    /// The therapist, or the client's or booking's.
    therapist_id: Option<TherapistId>,
    /// When the booking starts; null for clients and therapists.
    booking_start_at: Timestamp,
}

/// The kinds of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SearchKind)]
pub(super) enum Kind {
    /// A row of `all_clients_table`.
    Client,
    /// A row of `bookings`.
    Booking,
    /// A row of `therapists`.
    Therapist,
}

impl Hit {
    /// The best first; of those that fit alike clients before bookings before therapists, bookings latest first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        fn rest(hit: &Hit) -> (Kind, Reverse<Timestamp>, &str, &str) {
            (hit.kind, Reverse(hit.booking_start_at), &hit.title, &hit.id)
        }
        other.score.total_cmp(&self.score).then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl FoundClient {
    /// The values that a search compares.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            id: &self.folded_id,
            references: [None; 2],
            name: self.folded_name.as_deref(),
            phone: self.phone_digits.as_deref(),
            email: self.folded_email.as_deref(),
        }
    }

    /// As it is shown.
    pub(super) fn hit(self, (score, matched): Fit) -> Hit {
        Hit {
            kind: Kind::Client,
            id: self.client_id.to_string(),
            title: title(self.client_name),
            subtitle: joined([self.phone_number, self.email_id, self.assigned_therapist]),
            matched,
            score: shown(score),
            client_id: Some(self.client_id),
            therapist_id: self.therapist_id,
            booking_start_at: Timestamp::ABSENT,
        }
    }
}

impl FoundTherapist {
    /// The values that a search compares. `contact_info` is a phone or an e-mail address.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            id: &self.folded_id,
            references: [None; 2],
            name: self.folded_name.as_deref(),
            phone: self.phone_digits.as_deref(),
            email: self.folded_contact.as_deref(),
        }
    }

    /// As it is shown.
    pub(super) fn hit(self, (score, matched): Fit) -> Hit {
        Hit {
            kind: Kind::Therapist,
            id: self.therapist_id.to_string(),
            title: title(Some(self.name)),
            subtitle: joined([self.specialization, self.contact_info, None]),
            matched,
            score: shown(score),
            client_id: None,
            therapist_id: Some(self.therapist_id),
            booking_start_at: Timestamp::ABSENT,
        }
    }
}

impl FoundBooking {
    /// The values that a search compares.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            id: &self.folded_id,
            references: [self.folded_reference.as_deref(), self.folded_payment_reference.as_deref()],
            name: self.folded_name.as_deref(),
            phone: self.phone_digits.as_deref(),
            email: self.folded_email.as_deref(),
        }
    }

    /// As it is shown.
    pub(super) fn hit(self, (score, matched): Fit, zone: Zone) -> Hit {
        let start = self.booking_start_at.instant();
        let start = start.map(|start| start.with_timezone(&zone.0).format("%a, %-d %b %Y, %H:%M").to_string());
        Hit {
            kind: Kind::Booking,
            id: self.booking_id.to_string(),
            title: title(self.invitee_name),
            subtitle: joined([start, self.booking_host_name, self.booking_status]),
            matched,
            score: shown(score),
            client_id: self.client_id,
            therapist_id: self.therapist_id,
            booking_start_at: self.booking_start_at,
        }
    }
}

fn title(name: Option<String>) -> String {
    name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NO_NAME.to_owned())
}

fn joined(parts: [Option<String>; 3]) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    parts.join(" · ")
}

/// Three places are enough to compare by.
fn shown(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}
