//! Refusals of creating or changing a note.

use serde_json::{Map, Value, json};

use crate::{
    domain::{ids::NoteId, status::BookingState, time::Timestamp},
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    NOTE_EXISTS = CONFLICT, "note-exists", "The booking has a session note",
        "A booking has one session note; `note_id` names it. Change it if it is a draft, or add to it once it is signed.";
    NOT_BEGUN = CONFLICT, "not-begun", "The session has not begun",
        "A session note is written from the session's start on, which `booking_start_at` names.";
    NO_SESSION = CONFLICT, "no-session", "There is no session to write about",
        "A session note is written about a session that took place; `state` names the booking's, `cancelled` or `no_show`.";
    NOTE_SIGNED = CONFLICT, "note-signed", "The note is signed",
        "A signed note does not change; one of another program counts as signed. Write an addendum.";
    NOTE_UNSIGNED = CONFLICT, "note-unsigned", "The note is not signed",
        "A draft takes no addenda: change it, or sign it first.";
    NOT_AUTHOR = CONFLICT, "not-author", "The note is another therapist's",
        "The note belongs to a session that another therapist held. It can be read while the client is assigned to you, and not be changed.";
    NOTE_LOCKED = CONFLICT, "note-locked", "The note can no longer be changed",
        "An additional note can be changed and deleted for five minutes after it was written, by the server's clock; `locked_at` says until when. Write another one.";
}

/// A rule about notes that a request breaks.
#[derive(Debug, thiserror::Error)]
pub enum NoteRefusal {
    /// One for each booking.
    #[error("the booking has a session note already")]
    Exists(NoteId),
    /// Too early to write about.
    #[error("the session has not begun")]
    NotBegun {
        /// When it does; absent where that is not known.
        booking_start_at: Timestamp,
    },
    /// It did not take place.
    #[error("a booking that is {0} has no session to write about")]
    NoSession(BookingState),
    /// Signed notes cannot be changed.
    #[error("the note is signed")]
    Signed,
    /// A draft takes no addenda.
    #[error("the note is not signed")]
    Unsigned,
    /// It may be read, not changed.
    #[error("the note belongs to another therapist's session")]
    NotAuthor,
    /// The five minutes have passed.
    #[error("an additional note can be changed for five minutes after it was written")]
    Locked {
        /// Since when; absent where that is not known.
        locked_at: Timestamp,
    },
}

impl Refusal for NoteRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Exists(_) => &NOTE_EXISTS,
            Self::NotBegun { .. } => &NOT_BEGUN,
            Self::NoSession(_) => &NO_SESSION,
            Self::Signed => &NOTE_SIGNED,
            Self::Unsigned => &NOTE_UNSIGNED,
            Self::NotAuthor => &NOT_AUTHOR,
            Self::Locked { .. } => &NOTE_LOCKED,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let member = match self {
            Self::Exists(note) => Some(("note_id", json!(note))),
            Self::NotBegun { booking_start_at } => Some(("booking_start_at", json!(booking_start_at))),
            Self::NoSession(state) => Some(("state", json!(state))),
            Self::Locked { locked_at } => Some(("locked_at", json!(locked_at))),
            Self::Signed | Self::Unsigned | Self::NotAuthor => None,
        };
        member.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}
