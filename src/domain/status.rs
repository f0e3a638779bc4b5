//! The status words in the form this server writes.
//!
//! Other programs spell them in other ways (`canceled`, `No Show`); those are understood by the functions of the schema
//! `internal` (`internal.booking_status(text)` and its like), so that a query's condition and its answer agree. They
//! return one of the words here.

use strum::VariantArray as _;

/// Declares enums of words: one word in JSON, in the OpenAPI document, in the database and in `as_str`, the variant's name in
/// snake case.
macro_rules! words {
    ($($(#[$meta:meta])* $visibility:vis enum $name:ident $words:tt)+) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
        #[derive(serde::Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[strum(serialize_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        #[sqlx(type_name = "text", rename_all = "snake_case")]
        $(#[$meta])*
        $visibility enum $name $words

        impl $name {
            /// The word as it is written.
            $visibility fn as_str(self) -> &'static str {
                self.into()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }
    )+};
}

pub(crate) use words;

words! {
    /// `bookings.booking_status`.
    #[schema(title = "BookingStatus")]
    pub enum BookingStatus {
        /// Agreed.
        Confirmed,
        /// Agreed for another time than at first.
        Rescheduled,
        /// Called off.
        Cancelled,
        /// The client did not come.
        NoShow,
        /// Held.
        Completed,
    }

    /// `bookings.invitee_status`.
    pub enum InviteeStatus {
        /// The client comes.
        Confirmed,
        /// The payment is pending.
        Waiting,
        /// The client does not come.
        Cancelled,
    }

    /// How far a refund is.
    pub enum RefundStatus {
        /// Asked for.
        Initiated,
        /// With the gateway.
        Processing,
        /// The money is back.
        Completed,
        /// The gateway refused; it may be initiated again.
        Failed,
    }

    /// `bookings.booking_mode`: where a session takes place.
    pub enum BookingMode {
        /// By video; also where nothing is said.
        GoogleMeet,
        /// At the practice.
        InPerson,
        /// By telephone.
        Phone,
    }

    /// Where a booking stands, computed from its status, its times and its note.
    pub enum BookingState {
        /// Called off.
        Cancelled,
        /// The client did not come.
        NoShow,
        /// Held: said so, or a session note was submitted.
        Completed,
        /// Ended, and no session note was submitted.
        PendingNotes,
        /// Running now.
        Live,
        /// Ahead.
        Scheduled,
    }

    /// How a client stands, computed from the bookings.
    pub enum ClientStatus {
        /// Has no booking yet.
        Lead,
        /// Has one, not cancelled, in the last 30 days or ahead.
        Active,
        /// Had several, or only cancelled ones, all longer ago.
        Inactive,
        /// Had exactly one that was not cancelled, longer ago.
        DropOut,
    }

    /// `client_session_notes.current_risk_level`, as far as it is one of the known words.
    pub enum RiskLevel {
        /// No risk seen.
        None,
        /// Low.
        Low,
        /// Moderate.
        Moderate,
        /// High.
        High,
    }

    /// `client_doc_form.status`.
    pub enum FormStatus {
        /// Not filled in yet.
        Pending,
        /// Filled in.
        Completed,
        /// The client did not come.
        NoShow,
    }

    /// `booking_requests.status`.
    pub enum RequestStatus {
        /// The link was sent.
        Sent,
        /// A booking came of it.
        Booked,
        /// None did.
        Expired,
    }

    /// A way on which messages reach a client.
    #[schema(title = "MessageChannel")]
    pub enum Channel {
        /// `WhatsApp`, at the client's phone.
        Whatsapp,
        /// E-mail, at the client's address.
        Email,
    }

    /// `users.role`, as far as its holder can log in.
    pub enum UserRole {
        /// Runs the practice.
        Admin,
        /// Holds sessions.
        Therapist,
    }
}

impl UserRole {
    /// Reads a role in any letter case; none for a role that cannot log in.
    pub fn read(role: &str) -> Option<Self> {
        let role = role.trim();
        Self::VARIANTS.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(role))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_word_has_one_form_everywhere() {
        let schema = json!(<BookingState as utoipa::PartialSchema>::schema());
        for (word, described) in BookingState::VARIANTS.iter().zip(schema["enum"].as_array().expect("words")) {
            assert_eq!([&json!(word), &json!(word.to_string()), described], [&json!(word.as_str()); 3]);
        }
    }

    #[test]
    fn requests_use_the_canonical_words_only() {
        for word in ["canceled", "Cancelled", "no-show", "NoShow", ""] {
            assert!(from_value::<BookingStatus>(json!(word)).is_err(), "{word}");
        }
    }

    #[test]
    fn roles_are_read_in_any_letter_case() {
        assert_eq!(UserRole::read("Admin"), Some(UserRole::Admin));
        assert_eq!(UserRole::read(" THERAPIST "), Some(UserRole::Therapist));
        for other in ["", "receptionist", "admin\0", "administrator"] {
            assert_eq!(UserRole::read(other), None);
        }
    }
}
