//! What is known after a message was handed to a service.

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The service took it, under this id of its own.
    Taken(Option<String>),
    /// The service did not take it.
    Refused(String),
    /// Nobody knows.
    Unclear(String),
}
