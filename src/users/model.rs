//! A user as an answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
        time::Timestamp,
    },
    http::{etag::Versioned, page::Key},
};

/// Somebody who logs in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 3,
    "username": "asha",
    "name": "Asha",
    "role": "therapist",
    "created_at": "2025-01-06T04:30:00Z",
    "updated_at": "2025-01-06T04:30:00Z",
    "therapist_id": "58701",
    "full_name": "Asha Rao",
    "disabled": false,
    "totp_enabled": false,
    "awaiting_confirmation": false
}))]
pub struct User {
    /// The account.
    pub(crate) id: UserId,
    /// The login name, in any letter case.
    pub(crate) username: String,
    /// The name they are called by.
    pub(crate) name: String,
    /// `admin` or `therapist`; another text cannot log in.
    pub(crate) role: Option<String>,
    /// Since when they are here.
    pub(super) created_at: Timestamp,
    /// When the row was last written.
    pub(super) updated_at: Timestamp,
    /// The therapist whose account it is, for the role therapist.
    pub(crate) therapist_id: Option<TherapistId>,
    /// The name in full, which lists and the audit show; null: they show `name`.
    pub(crate) full_name: Option<String>,
    /// Whether they cannot log in.
    pub(crate) disabled: bool,
    /// Whether a second factor is asked for at login.
    pub(crate) totp_enabled: bool,
    /// Whether another admin has still to confirm who holds this therapist's account: until then it opens no clinical text.
    pub(crate) awaiting_confirmation: bool,
    #[serde(skip)]
    pub(super) version: String,
    #[serde(skip)]
    pub(super) sort_key: String,
}

impl User {
    /// The role; none where the stored word is no role that can log in.
    pub(super) fn known_role(&self) -> Option<UserRole> {
        UserRole::read(self.role.as_deref()?)
    }

    /// Whether they run the practice, and are let in.
    pub(super) fn is_enabled_admin(&self) -> bool {
        !self.disabled && self.known_role() == Some(UserRole::Admin)
    }

    /// The version that `If-Match` names.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.sort_key.clone(), id: self.id.to_string() }
    }

    /// As an answer, with its version.
    pub fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}
