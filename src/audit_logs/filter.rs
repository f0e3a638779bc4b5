//! The filters of the audit log: the parameters of each role.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    domain::{
        ids::{ClientId, TherapistId},
        text::Text,
        time::{Day, Zone},
    },
    http::page::orders,
};

orders! {
    /// The orders in which the log can be read.
    AuditLogOrder: NewestFirst = "-log_id", OldestFirst = "log_id"
}

/// Which rows an admin sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "Visibility")]
pub(super) enum Visibility {
    /// Those not hidden.
    #[default]
    Visible,
    /// The hidden ones.
    Hidden,
    /// Both.
    All,
}

/// Which rows an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditLogFilter {
    /// Only what this therapist did.
    #[param(example = "58101")]
    pub(super) therapist_id: Option<TherapistId>,
    /// Only this kind of action.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "booking_cancel")]
    pub(super) action: Option<Text<100>>,
    /// Only what concerns this client, as far as this server did it.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    pub(super) client_id: Option<ClientId>,
    /// Only what concerns a client of this name, in any letter case.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255, example = "Meera Iyer")]
    pub(super) client_name: Option<Text<255>>,
    /// Only what was done on this calendar day or later.
    #[param(example = "2026-02-01")]
    pub(super) from: Option<Day>,
    /// Only what was done on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    pub(super) to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    pub(super) tz: Option<Zone>,
    /// Only what holds this in its sentence or in a name; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "refund")]
    pub(super) q: Option<String>,
    /// Only what is not hidden (unless given), only what is, or both.
    #[serde(default)]
    #[param(inline, value_type = Option<Visibility>)]
    pub(super) visibility: Visibility,
}

/// Which rows a therapist lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnAuditLogFilter {
    /// Only this kind of action.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "session_notes")]
    action: Option<Text<100>>,
    /// Only what concerns this client, as far as this server did it.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only what concerns a client of this name, in any letter case.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255, example = "Meera Iyer")]
    client_name: Option<Text<255>>,
    /// Only what was done on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only what was done on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only what holds this in its sentence or in a name; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "note")]
    q: Option<String>,
}

impl From<OwnAuditLogFilter> for AuditLogFilter {
    fn from(filter: OwnAuditLogFilter) -> Self {
        let OwnAuditLogFilter { action, client_id, client_name, from, to, tz, q } = filter;
        Self { action, client_id, client_name, from, to, tz, q, ..Self::default() }
    }
}
