//! Audit entries: the action, its target, and the clients and therapists concerned.

use serde_json::{Value, json};

use crate::domain::ids::ClientId;

/// An audit entry: an action and its target.
#[derive(Debug)]
pub struct Entry {
    pub(crate) action: &'static str,
    pub(crate) subject: Option<(&'static str, String)>,
    pub(crate) client: Option<(ClientId, String)>,
    pub(crate) sentence: String,
    pub(crate) detail: Value,
    pub(crate) quiet: bool,
}

impl Entry {
    /// An action by its stable name (`booking_cancel`), and a sentence about it for people.
    pub fn new(action: &'static str, sentence: impl Into<String>) -> Self {
        Self { action, subject: None, client: None, sentence: sentence.into(), detail: json!({}), quiet: false }
    }

    /// The target: a kind (`booking`) and an id.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are handed over as they are, owned or borrowed")]
    pub fn on(mut self, kind: &'static str, id: impl ToString) -> Self {
        self.subject = Some((kind, id.to_string()));
        self
    }

    /// The client whose data it concerns.
    #[must_use]
    pub fn client(mut self, id: &ClientId, name: &str) -> Self {
        self.client = Some((id.clone(), name.to_owned()));
        self
    }

    /// The facts: ids, states, times; never clinical text, and contact data only of an edit of it.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Keeps it out of the summary that the practice reads.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The effect, as a dry run lists it.
    pub(crate) fn effect(&self) -> Effect {
        let (subject_type, subject_id) = self.subject.clone().unzip();
        Effect { action: self.action, subject_type, subject_id, detail: self.detail.clone() }
    }
}

/// One effect of an operation, as a dry run lists it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Effect {
    /// The action that would be taken.
    #[schema(example = "booking_cancel")]
    action: &'static str,
    /// The kind of the subject; null where there is none.
    #[schema(example = "booking")]
    subject_type: Option<&'static str>,
    /// The subject's id.
    #[schema(example = "bk_0199c0de00007000800000000000000a")]
    subject_id: Option<String>,
    /// The facts.
    #[schema(value_type = Object)]
    detail: Value,
}
