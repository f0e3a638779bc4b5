//! The filters and orders of the client lists: the parameters of each role, and the one form they share.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::TherapistId,
        status::ClientStatus,
        time::{Day, Zone},
    },
    error::{Error, Result},
    http::{extract::AnyOf, page::orders, period::Period},
};

orders! {
    /// The orders in which clients can be listed.
    ClientOrder: NameUp = "client_name", NameDown = "-client_name", TherapistUp = "assigned_therapist",
        TherapistDown = "-assigned_therapist", LastSessionDown = "-last_session_at", LastSessionUp = "last_session_at", SessionsDown = "-no_of_sessions", SessionsUp = "no_of_sessions",
        NewestFirst = "-created_at", OldestFirst = "created_at"
}

orders! {
    /// The orders in which therapists can list their clients.
    OwnClientOrder: NameUp = "client_name", NameDown = "-client_name", LastSessionDown = "-last_session_at",
        LastSessionUp = "last_session_at"
}

/// Which clients an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AdminClientFilter {
    /// Only those who stand like this: `lead` without any booking; `active` with one, not cancelled, in the last 30 days
    /// or ahead; `drop_out` with exactly one not cancelled, longer ago; `inactive` otherwise.
    #[serde(default)]
    #[param(value_type = Option<Vec<ClientStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<ClientStatus>,
    /// Only those assigned to this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those whose last session was on this calendar day or later.
    #[param(example = "2026-01-01")]
    last_session_from: Option<Day>,
    /// Only those whose last session was on this calendar day or earlier; those without one are not among them.
    #[param(example = "2026-01-31")]
    last_session_to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those who may be the same person as another client (marked on arrival, or with the same phone), or only
    /// those who are not.
    possible_duplicate: Option<bool>,
    /// Only those whose name, e-mail address, phone (in any notation) or assigned therapist's name holds this; two letters
    /// find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// Which of their clients a therapist lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TherapistClientFilter {
    /// Only those whose name holds this, or whose e-mail address or phone does as far as you may see it; two letters
    /// find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

impl TherapistClientFilter {
    /// What is searched for.
    pub(super) fn search(&self) -> Result<Option<Search>> {
        self.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))
    }
}

/// A filter as the statements take it.
#[derive(Debug)]
pub(super) struct Criteria {
    pub(super) status: AnyOf<ClientStatus>,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) last_from: Option<DateTime<Utc>>,
    pub(super) last_before: Option<DateTime<Utc>>,
    pub(super) possible_duplicate: Option<bool>,
    pub(super) search: Option<Search>,
}

impl AdminClientFilter {
    /// Checks the values against each other and puts them into the form of the statements.
    pub(super) fn criteria(self, app: &App) -> Result<Criteria> {
        let last = Period::between(
            ("last_session_from", self.last_session_from),
            ("last_session_to", self.last_session_to),
            self.tz.unwrap_or(app.zone),
        )?;
        let search = self.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        Ok(Criteria {
            status: self.status,
            therapist_id: self.therapist_id,
            last_from: last.from,
            last_before: last.before,
            possible_duplicate: self.possible_duplicate,
            search,
        })
    }
}
