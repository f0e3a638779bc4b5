//! The fields of a session note, listed once for all statements and structs that use them.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::model::NoteRecord;
use crate::{
    domain::{ids::BookingId, status::RiskLevel, text::Text},
    http::extract::Patch,
};

/// A few words.
type Words = Text<255>;
/// As much as there is to say.
type Prose = Text<20000>;

/// The oldest client there may be.
const OLDEST: i32 = 150;
/// How many cues a note may list.
const MOST_CUES: usize = 50;

/// An age in years.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age(i32);

impl From<Age> for i32 {
    fn from(age: Age) -> Self {
        age.0
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match i32::deserialize(input)? {
            years @ 0..=OLDEST => Ok(Self(years)),
            _ => Err(de::Error::custom(format_args!("must be from 0 to {OLDEST}"))),
        }
    }
}

impl PartialSchema for Age {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(OLDEST))
            .description(Some("An age in years"))
            .into()
    }
}

impl ToSchema for Age {}

/// Bodily reactions.
#[derive(Debug, Clone)]
pub(super) struct SomaticCues(Vec<Words>);

impl From<SomaticCues> for Vec<String> {
    fn from(cues: SomaticCues) -> Self {
        cues.0.into_iter().map(Text::into_string).collect()
    }
}

impl<'de> Deserialize<'de> for SomaticCues {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let cues = Vec::deserialize(input)?;
        if cues.len() > MOST_CUES {
            return Err(de::Error::custom(format_args!("at most {MOST_CUES} of them")));
        }
        Ok(Self(cues))
    }
}

impl PartialSchema for SomaticCues {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Words::schema())
            .max_items(Some(MOST_CUES))
            .description(Some("Signs of the body during the session, in a few words each"))
            .into()
    }
}

impl ToSchema for SomaticCues {}

/// Declares the bodies that have the fields, and the code for each field.
macro_rules! note_fields {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ident,)+) => {
        /// A session note to be begun.
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(example = json!({
            "booking_id": "bk_0199c0de00007000800000000000000b",
            "concerns_discussed": "Sleeps badly before presentations",
            "somatic_cues": ["tight chest"],
            "current_risk_level": "low"
        }))]
        pub(super) struct CreateSessionNote {
            /// The booking of the session.
            pub(super) booking_id: BookingId,
            $(
                $(#[doc = $doc])+
                #[serde(default)]
                #[schema(value_type = Option<$type>)]
                $field: Patch<$type>,
            )+
        }

        /// Fields to save (JSON merge patch): absent fields stay, null clears.
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(example = json!({ "next_session_plan": "Review the thought record", "homework_suggested": null }))]
        pub(super) struct EditSessionNote {
            $(
                $(#[doc = $doc])+
                #[serde(default)]
                #[schema(value_type = Option<$type>)]
                $field: Patch<$type>,
            )+
        }

        impl CreateSessionNote {
            /// The booking, and the fields to save at once.
            pub(super) fn split(self) -> (BookingId, EditSessionNote) {
                (self.booking_id, EditSessionNote { $($field: self.$field),+ })
            }
        }

        impl EditSessionNote {
            /// Writes its values into a note; returns every changed field: `{"field": {"from": …, "to": …}}`.
            pub(super) fn apply(self, note: &mut NoteRecord) -> Map<String, Value> {
                let mut changes = Map::new();
                $(
                    let before = note.$field.clone();
                    note.$field = self.$field.apply(note.$field.take());
                    if note.$field != before {
                        changes.insert(stringify!($field).to_owned(), json!({ "from": before, "to": note.$field }));
                    }
                )+
                changes
            }
        }
    };
}

note_fields! {
    /// How the session went, in a word.
    session_status: Words,
    /// The client's age in years.
    client_age: Age,
    /// The client's gender.
    gender: Words,
    /// The client's occupation.
    occupation: Words,
    /// The client's marital status.
    marital_status: Words,
    /// The concerns discussed.
    concerns_discussed: Prose,
    /// Bodily reactions.
    somatic_cues: SomaticCues,
    /// The therapist's interventions.
    interventions_used: Prose,
    /// The interventions that helped.
    interventions_helpful: Prose,
    /// How the client took part.
    client_participation: Prose,
    /// How far the goals are reached.
    goal_progress: Prose,
    /// The client's values.
    client_values: Prose,
    /// Whether self-harm was mentioned: `yes` or `no`. Lists of risk tell another text as `other`.
    self_harm_mention: Words,
    /// Details about self-harm.
    self_harm_details: Prose,
    /// How high the risk is.
    current_risk_level: RiskLevel,
    /// Factors that protect the client.
    protective_factors: Prose,
    /// The client's health so far.
    health_history: Prose,
    /// Diagnoses made before.
    past_diagnoses: Prose,
    /// The plan for the next session.
    next_session_plan: Prose,
    /// Homework until the next session.
    homework_suggested: Prose,
}
