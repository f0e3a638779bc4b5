//! The filters of the list of refunds.

use serde::Deserialize;
use utoipa::IntoParams;

use super::model::RefundState;
use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::{BookingId, ClientId, RefundId, TherapistId},
        time::{Day, Zone},
    },
    error::{Error, Result},
    http::{extract::AnyOf, page::orders, period::Period},
};

orders! {
    /// The orders in which refunds can be listed.
    RefundOrder: NewestFirst = "-id", OldestFirst = "id", LatestSession = "-session_timings",
        EarliestSession = "session_timings", NameUp = "client_name", NameDown = "-client_name"
}

/// Which refunds an admin lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundFilter {
    /// Only those in this state; `pending`: to be decided, nothing was started.
    #[serde(default)]
    #[param(value_type = Option<Vec<RefundState>>, inline, style = Form, explode = false)]
    status: AnyOf<RefundState>,
    /// Only those for sessions starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those for sessions starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those for sessions with this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those for this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those whose client's name, payment or gateway's id holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A filter as the statements take it.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    pub(super) id: Option<RefundId>,
    pub(super) status: AnyOf<RefundState>,
    pub(super) period: Period,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) booking_id: Option<BookingId>,
    pub(super) search: Option<Search>,
}

impl RefundFilter {
    /// Checks the values against each other and puts them into the form of the statements.
    pub(super) fn criteria(self, app: &App) -> Result<Criteria> {
        let search = self.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        Ok(Criteria {
            id: None,
            status: self.status,
            period: Period::of(self.from, self.to, self.tz, app.zone)?,
            therapist_id: self.therapist_id,
            client_id: self.client_id,
            booking_id: self.booking_id,
            search,
        })
    }
}
