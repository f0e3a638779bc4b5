//! The status words in the form this server writes.
//!
//! Other programs spell them in other ways (`canceled`, `No Show`); those are understood by the functions of the schema
//! `internal` (`internal.booking_status(text)` and its like), so that a query's condition and its answer agree. They
//! return one of the words here.

/// Declares an enum of words: how it is written, shown, read from a request and from the database.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? }
    )+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        // From the variant's name, since utoipa does not see a renaming that a macro passes on; a test compares it with
        // `as_str`.
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            /// All words, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as it is written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <str as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(column: &sqlx::postgres::PgTypeInfo) -> bool {
                <str as sqlx::Type<sqlx::Postgres>>::compatible(column)
            }
        }

        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <&str as sqlx::postgres::PgHasArrayType>::array_type_info()
            }

            fn array_compatible(column: &sqlx::postgres::PgTypeInfo) -> bool {
                <&str as sqlx::postgres::PgHasArrayType>::array_compatible(column)
            }
        }

        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&str as sqlx::Encode<sqlx::Postgres>>::encode(self.as_str(), buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    format!("{text:?} is no {}", stringify!($name)).into()
                })
            }
        }
    )+};
}

pub(crate) use words;

words! {
    /// `bookings.booking_status`.
    BookingStatus {
        /// Agreed.
        Confirmed = "confirmed",
        /// Agreed for another time than at first.
        Rescheduled = "rescheduled",
        /// Called off.
        Cancelled = "cancelled",
        /// The client did not come.
        NoShow = "no_show",
        /// Held.
        Completed = "completed",
    }

    /// `bookings.invitee_status`.
    InviteeStatus {
        /// The client comes.
        Confirmed = "confirmed",
        /// The payment is pending.
        Waiting = "waiting",
        /// The client does not come.
        Cancelled = "cancelled",
    }

    /// How far a refund is.
    RefundStatus {
        /// Asked for.
        Initiated = "initiated",
        /// With the gateway.
        Processing = "processing",
        /// The money is back.
        Completed = "completed",
        /// The gateway refused; it may be initiated again.
        Failed = "failed",
    }

    /// `bookings.booking_mode`: where a session takes place.
    BookingMode {
        /// By video; also where nothing is said.
        GoogleMeet = "google_meet",
        /// At the practice.
        InPerson = "in_person",
        /// By telephone.
        Phone = "phone",
    }

    /// Where a booking stands, computed from its status, its times and its note.
    BookingState {
        /// Called off.
        Cancelled = "cancelled",
        /// The client did not come.
        NoShow = "no_show",
        /// Held: said so, or a session note was submitted.
        Completed = "completed",
        /// Ended, and no session note was submitted.
        PendingNotes = "pending_notes",
        /// Running now.
        Live = "live",
        /// Ahead.
        Scheduled = "scheduled",
    }

    /// How a client stands, computed from the bookings.
    ClientStatus {
        /// Has no booking yet.
        Lead = "lead",
        /// Has one, not cancelled, in the last 30 days or ahead.
        Active = "active",
        /// Had several, or only cancelled ones, all longer ago.
        Inactive = "inactive",
        /// Had exactly one that was not cancelled, longer ago.
        DropOut = "drop_out",
    }

    /// `client_session_notes.current_risk_level`, as far as it is one of the known words.
    RiskLevel {
        /// No risk seen.
        None = "none",
        /// Low.
        Low = "low",
        /// Moderate.
        Moderate = "moderate",
        /// High.
        High = "high",
    }

    /// `client_doc_form.status`.
    FormStatus {
        /// Not filled in yet.
        Pending = "pending",
        /// Filled in.
        Completed = "completed",
        /// The client did not come.
        NoShow = "no_show",
    }

    /// `booking_requests.status`.
    RequestStatus {
        /// The link was sent.
        Sent = "sent",
        /// A booking came of it.
        Booked = "booked",
        /// None did.
        Expired = "expired",
    }

    /// `users.role`, as far as its holder can log in.
    UserRole {
        /// Runs the practice.
        Admin = "admin",
        /// Holds sessions.
        Therapist = "therapist",
    }
}

impl UserRole {
    /// Reads a role in any letter case; none for a role that cannot log in.
    pub fn read(role: &str) -> Option<Self> {
        let role = role.trim();
        Self::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(role))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn described<T: utoipa::PartialSchema>() -> Vec<serde_json::Value> {
        let schema = json!(T::schema());
        schema["enum"].as_array().expect("a list of words").clone()
    }

    /// Each word has the same form in JSON, in the OpenAPI document, in `as_str` and in `Display`; it is snake case.
    macro_rules! one_form {
        ($($name:ident),+) => {$(
            for word in $name::ALL {
                let text = word.as_str();
                assert_eq!(json!(word), json!(text));
                assert_eq!(from_value::<$name>(json!(text)).expect(text), *word);
                assert_eq!(word.to_string(), text);
                assert!(described::<$name>().contains(&json!(text)), "{text}");
                assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
            }
        )+};
    }

    #[test]
    fn a_word_has_one_form_everywhere() {
        one_form!(
            BookingStatus,
            InviteeStatus,
            RefundStatus,
            BookingMode,
            BookingState,
            ClientStatus,
            RiskLevel,
            FormStatus,
            RequestStatus,
            UserRole
        );
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
