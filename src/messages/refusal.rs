//! Why a message is not sent again, settled or tried.

use serde_json::{Map, Value, json};

use super::list::MessageState;
use crate::error::{
    Refusal,
    problem::{ProblemKind, kinds},
};

kinds! { PROBLEMS:
    MESSAGE_UNDER_WAY = CONFLICT, "message-under-way", "The message is under way",
        "It waits to be sent, or is being sent at the moment: `state` says which. Sending it once more would send it twice.";
    MESSAGE_CLEAR = CONFLICT, "message-clear", "It is known what became of the message",
        "Only one that is `unclear` waits for somebody to say what became of it. `state` says how this one stands.";
    MESSAGES_OFF = CONFLICT, "messages-off", "Such messages are not sent",
        "The server's configuration does not send this kind of message, or names no service for the channel.";
}

/// Why it does not go.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageRefusal {
    /// It waits, or is being sent.
    #[error("the message is {0}")]
    UnderWay(MessageState),
    /// It is known what became of it.
    #[error("the message is {0}")]
    Clear(MessageState),
    /// The configuration does not send it.
    #[error("such messages are not sent: the configuration does not name them")]
    Off,
}

impl Refusal for MessageRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::UnderWay(_) => &MESSAGE_UNDER_WAY,
            Self::Clear(_) => &MESSAGE_CLEAR,
            Self::Off => &MESSAGES_OFF,
        }
    }

    fn members(&self) -> Map<String, Value> {
        match self {
            Self::UnderWay(state) | Self::Clear(state) => Map::from_iter([("state".to_owned(), json!(state))]),
            Self::Off => Map::new(),
        }
    }
}
