//! The groups of routes, and whom they admit.

/// The access tokens, a scheme for each role: so one page or tool can hold both, and use the right one.
pub(super) const TOKENS: [(&str, &str); 2] = [
    ("admin_token", "The access token of an admin's login; it is good for 15 minutes"),
    ("therapist_token", "The access token of a therapist's login; it is good for 15 minutes"),
];

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

    /// The access tokens that open it.
    pub(super) fn tokens(self) -> impl Iterator<Item = &'static str> {
        TOKENS.into_iter().map(|(name, _)| name).filter(move |name| match self.role() {
            Some(role) => name.starts_with(role),
            None => self == Self::Auth,
        })
    }

    /// The name under which it shows a feature's tag.
    pub(super) fn tag(self, feature: &str) -> String {
        self.role().map_or_else(|| feature.to_owned(), |role| format!("{role}-{feature}"))
    }
}
