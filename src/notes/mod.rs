//! The clinical record: session notes and additional notes.
//!
//! # Rights to read
//!
//! Lists contain metadata: author, time and session, and whether the note is signed. Never the text, and never as CSV;
//! the lists of risk contain words (`high`, `yes`), and only for therapists. Text leaves by the reads of a single note
//! and of its versions, and by the answers to its author's changes, never before their audit entry is committed: where
//! no entry can be written, the answer is 503 and no text. A refusal that shows the current version (412) leaves one
//! likewise, and so does the repeat of an idempotent request, which elsewhere leaves none. Reads of a client's risk
//! leave one too, in the client's risk timeline and in the list of clients at high risk. An admin reads text by
//! [break-glass](crate::break_glass), under entries of its own.
//!
//! A therapist reads the notes of their own bookings, and the submitted ones of clients now assigned to them, which
//! stay with the therapist who held the session. A change to a note that may only be read is refused with 409
//! `not-author`; a note that may not be read does not exist (404).
//!
//! # The life of a session note
//!
//! One for each booking, which the booking's lock ensures; from the session's start on. A draft changes nothing else.
//! Signing submits it: the booking is completed, admins are notified, and the text stays as it is from then on, also
//! for SQL (`migrations/functions/notes.sql`); only addenda follow. Each change is kept as a version. A note that
//! another program wrote counts as submitted. What such a program overwrites or deletes, of a draft or of a note of its
//! own, a trigger keeps as a version (`internal.keep_version`), and `integrity` names the note. Where a booking has
//! several, a submitted one counts before a draft, then the one written here, then the newest; `other_note_ids` lists the
//! rest.
//!
//! Only the author reads an additional note, and may change or delete it for five minutes.
//!
//! # Actions in the audit trail
//!
//! `session_notes` (submitted: the word in use), `session_notes_create`, `session_notes_edit`,
//! `session_notes_addendum`, `session_notes_read`, `risk_read`, `additional_notes_create`, `additional_notes_edit`,
//! `additional_notes_delete`, `additional_notes_read`. An entry names the client and the fields that changed, never
//! their values.

mod addenda;
mod additional;
mod arrive;
mod create;
mod edit;
mod fields;
mod high_risk;
mod list;
mod model;
mod of_client;
mod pending;
mod refusal;
mod risk;
mod sign;
pub mod upkeep;
mod versions;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::versions::{NoteVersion, VersionOrder, Versions};
pub use self::{
    additional::AdditionalNote,
    arrive::arrive,
    model::SessionNote,
    refusal::{NoteRefusal, PROBLEMS},
    upkeep::erase,
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_session_notes))
        .routes(routes!(additional::list::list_additional_notes))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pending::list_own_session_notes, create::create_session_note))
        .routes(routes!(list::get_session_note, edit::edit_session_note))
        .routes(routes!(list::get_session_note_of_booking))
        .routes(routes!(sign::sign_session_note))
        .routes(routes!(addenda::add_addendum))
        .routes(routes!(versions::list_note_versions))
        .routes(routes!(of_client::list_session_notes_of_client))
        .routes(routes!(risk::list_risk_of_client))
        .routes(routes!(high_risk::list_high_risk))
        .routes(routes!(additional::list::list_additional_notes_of_booking))
        .routes(routes!(additional::list::list_own_additional_notes, additional::create::create_additional_note))
        .routes(routes!(
            additional::list::get_additional_note,
            additional::edit::edit_additional_note,
            additional::edit::delete_additional_note
        ))
}
