//! The audit entries about a client's clinical record, and their wording for people.
//!
//! Only this module defines which entries an access log contains: all other actions concern something else (a booking's
//! time, a payment, a phone number). A refused attempt is worded by its route.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::http::extract::AnyOf;

/// The kind of access to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccessKind {
    /// Something was read.
    Read,
    /// Something was written, changed or destroyed.
    Change,
    /// Somebody came to read it, or no longer does.
    Permission,
}

use AccessKind::{Change, Permission, Read};

/// The actions, in words.
const ACTIONS: &[(&str, AccessKind, &str)] = &[
    ("session_notes_read", Read, "Read the session note"),
    ("additional_notes_read", Read, "Read an additional note"),
    ("risk_read", Read, "Read how the risk went"),
    ("break_glass_read", Read, "By break-glass: read"),
    ("access_log_read", Read, "Looked up who opened the record"),
    ("client_export", Read, "Exported the data"),
    ("session_notes_create", Change, "Began the session note"),
    ("session_notes_edit", Change, "Saved the session note"),
    ("session_notes", Change, "Signed and submitted the session note"),
    ("session_notes_addendum", Change, "Added to the signed session note"),
    ("session_note_relink", Change, "Found the booking of an orphan: the session note"),
    ("additional_notes_create", Change, "Wrote an additional note"),
    ("additional_notes_edit", Change, "Changed an additional note"),
    ("additional_notes_delete", Change, "Deleted an additional note"),
    ("client_consent", Change, "Changed which messages the client agreed to get"),
    ("client_erase", Change, "Erased the data"),
    ("client_erase_request", Change, "Requested to erase the data"),
    ("client_erase_withdraw", Change, "Withdrew the request to erase the data"),
    ("client_erase_expire", Change, "Let the request to erase the data expire"),
    ("client_erase_refused", Change, "Could not erase the data yet"),
    ("break_glass", Permission, "Opened the record by break-glass"),
    ("break_glass_review", Permission, "Reviewed a break-glass grant"),
    ("break_glass_unreviewed", Permission, "Closed a break-glass grant that no admin could review"),
    ("client_export_review", Permission, "Reviewed an export"),
    ("client_export_unreviewed", Permission, "Closed an export that no admin could review"),
    ("client_transfer", Permission, "Transferred the client to another therapist"),
    ("booking_transfer", Permission, "Gave another therapist the session"),
    ("client_merge", Permission, "Merged two records of the client"),
];

/// The action name of every refused or failed attempt.
pub(super) const ATTEMPT: &str = "attempt";

/// The routes of attempts, in words.
const ATTEMPTS: &[(&str, AccessKind, &str)] = &[
    ("GET /api/v1/admin/clients/{client_id}/notes", Read, "Tried to list the notes without a grant"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}", Read, "Tried to read a note without a grant"),
    (
        "GET /api/v1/admin/clients/{client_id}/notes/{note_id}/versions",
        Read,
        "Tried to read the versions of a note without a grant",
    ),
    ("POST /api/v1/admin/clients/{client_id}/break-glass", Permission, "Tried to open the record by break-glass"),
    ("POST /api/v1/admin/clients/{client_id}/export", Read, "Tried to export the data"),
    ("POST /api/v1/admin/clients/{client_id}/erase", Change, "Tried to request the erasure of the data"),
    ("POST /api/v1/admin/clients/{client_id}/transfer", Permission, "Tried to transfer the client"),
    ("POST /api/v1/admin/clients/{client_id}/merge", Permission, "Tried to merge two records of the client"),
];

/// The actions, and the routes of attempts, that are wanted.
pub(super) fn wanted(
    kinds: &AnyOf<AccessKind>,
    wanted: &AnyOf<AccessAction>,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let of_kind = |table: &[(&'static str, AccessKind, &str)]| -> Vec<&'static str> {
        let of_kind = table.iter().filter(|(_, of, _)| kinds.lets_pass(*of));
        of_kind.map(|(name, _, _)| *name).collect()
    };
    let (mut actions, mut routes) = (of_kind(ACTIONS), of_kind(ATTEMPTS));
    actions.retain(|name| wanted.lets_pass(AccessAction(name)));
    routes.retain(|_| wanted.lets_pass(AccessAction(ATTEMPT)));
    (actions, routes)
}

/// One of the actions in an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AccessAction(&'static str);

impl From<AccessAction> for &'static str {
    fn from(AccessAction(action): AccessAction) -> Self {
        action
    }
}

impl AccessAction {
    fn all() -> impl Iterator<Item = &'static str> {
        ACTIONS.iter().map(|(name, _, _)| *name).chain([ATTEMPT])
    }
}

impl<'de> Deserialize<'de> for AccessAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<str>::deserialize(deserializer)?;
        let known = Self::all().find(|name| *name == word);
        known.map(Self).ok_or_else(|| D::Error::custom("is none of the actions of an access log"))
    }
}

impl PartialSchema for AccessAction {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::all().map(Value::from)));
        words.title(Some("AccessAction")).into()
    }
}

impl ToSchema for AccessAction {}

/// The columns of an entry that determine its wording.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) action: &'a str,
    pub(super) route: &'a str,
    pub(super) outcome: &'a str,
    pub(super) actor_role: &'a str,
    pub(super) booking_id: Option<&'a str>,
    pub(super) detail: &'a Value,
}

impl Said<'_> {
    pub(super) fn kind(&self) -> AccessKind {
        self.row().map_or(Change, |(_, kind, _)| *kind)
    }

    fn row(&self) -> Option<&'static (&'static str, AccessKind, &'static str)> {
        if self.action == ATTEMPT {
            ATTEMPTS.iter().find(|(route, _, _)| *route == self.route)
        } else {
            ACTIONS.iter().find(|(action, _, _)| *action == self.action)
        }
    }

    /// The event, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let words = self.row().map_or(self.action, |(_, _, words)| words);
        let words = match (self.action, self.fact("what"), self.fact("kind")) {
            ("break_glass_read", Some("list"), _) => "By break-glass: listed the notes",
            ("break_glass_read", Some("versions"), _) => "By break-glass: read the versions of the session note",
            ("break_glass_read", _, Some("additional")) => "By break-glass: read an additional note",
            ("break_glass_read", ..) => "By break-glass: read the session note",
            ("client_export", ..) if self.detail["clinical"] == false => "Exported the data without the notes",
            ("risk_read", Some("list"), _) => "Saw the client among those at high risk",
            ("session_notes_read", Some("versions"), _) => "Read the versions of the session note",
            _ => words,
        };
        let of = self.booking_id.map_or_else(String::new, |booking| format!(" of booking {booking}"));
        let how = match (self.action, self.outcome) {
            (ATTEMPT, "failed") => ": failed",
            (ATTEMPT, _) => ": refused",
            _ => "",
        };
        format!("{words}{of}{how}")
    }

    /// Why: the reason that was given, else by what right.
    pub(super) fn reason(&self) -> String {
        let given = self.fact("reason").or_else(|| self.detail["override"]["reason"].as_str());
        if let Some(given) = given {
            return given.to_owned();
        }
        let reached_as = self.fact("reached_as").or(match self.action {
            "session_notes" | "session_notes_create" | "session_notes_edit" | "session_notes_addendum" => {
                Some("session_therapist")
            }
            action => action.starts_with("additional_notes_").then_some("author"),
        });
        let right = match (reached_as, self.action, self.actor_role) {
            (Some("assigned_therapist"), ..) => "As the therapist the client is assigned to",
            (Some("session_therapist"), "risk_read", _) => "As a therapist with sessions of the client",
            (Some("session_therapist"), ..) => "As the session's therapist",
            (Some("author"), ..) => "As the author of the note",
            (_, _, "admin") => "As an admin",
            (_, _, "therapist") => "As a therapist",
            _ => "By the server",
        };
        right.to_owned()
    }

    fn fact(&self, name: &str) -> Option<&str> {
        self.detail[name].as_str()
    }
}
