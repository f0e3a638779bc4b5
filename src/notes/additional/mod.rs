//! Additional notes, which a therapist writes beside the session note. Only the author reads the text.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod detail;
pub(super) mod edit;
pub(super) mod list;
mod model;

pub use self::model::AdditionalNote;
