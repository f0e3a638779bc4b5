//! The groups of routes, and whom they admit.

/// The access token: one scheme, whichever role it has, so that a page has one field for it.
pub(super) const TOKEN: &str = "access_token";

/// A group of routes: the callers it admits, known by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// For everybody.
    Open,
    /// Routes for everybody with an account, and the login.
    Auth,
    /// For admins.
    Admin,
    /// For therapists.
    Therapist,
}

impl Group {
    /// Where its paths start.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Auth => "/api/v1/auth",
            Self::Admin => "/api/v1/admin",
            Self::Therapist => "/api/v1/therapist",
        }
    }

    /// The role that its operations need; it stands before their ids and tags, since these groups share handlers.
    pub(super) fn role(self) -> Option<&'static str> {
        match self {
            Self::Open | Self::Auth => None,
            Self::Admin => Some("admin"),
            Self::Therapist => Some("therapist"),
        }
    }

    /// Whether an access token opens it.
    pub(super) fn is_guarded(self) -> bool {
        self != Self::Open
    }

    /// The name under which it shows a feature's tag.
    pub(super) fn tag(self, feature: &str) -> String {
        self.role().map_or_else(|| feature.to_owned(), |role| format!("{role}-{feature}"))
    }
}
