//! Additional notes, which a therapist writes beside the session note. Only the author reads the text.
//!
//! For five minutes after it was written, by the server's clock, its author may change it or take it back; then it stays.
//! Only the server keeps that rule: other programs write to the table by their own.

pub(super) mod create;
pub(super) mod edit;
pub(super) mod list;
mod model;

pub use self::model::AdditionalNote;
