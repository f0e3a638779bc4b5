//! The filters of the list of payments.

use serde::Deserialize;
use utoipa::IntoParams;

use super::model::PaymentState;
use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::{BookingId, ClientId, PaymentId, TherapistId},
        text::Text,
        time::{Day, Zone},
    },
    error::{Error, Result},
    http::{extract::AnyOf, page::orders, period::Period},
};

orders! {
    /// The orders in which payments can be listed.
    PaymentOrder: LatestFirst = "-payment_date", EarliestFirst = "payment_date", LargestFirst = "-amount",
        SmallestFirst = "amount", NameUp = "invitee_name", NameDown = "-invitee_name"
}

/// Which payments an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentFilter {
    /// Only those in this computed state.
    #[serde(default)]
    #[param(value_type = Option<Vec<PaymentState>>, inline, style = Form, explode = false)]
    state: AnyOf<PaymentState>,
    /// Only those made through this gateway, in any letter case.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255, example = "razorpay")]
    gateway: Option<Text<255>>,
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
    /// Only those whose payer's name, e-mail address or reference holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// Which payments of one client an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClientPaymentFilter {
    /// Only those in this computed state.
    #[serde(default)]
    #[param(value_type = Option<Vec<PaymentState>>, inline, style = Form, explode = false)]
    state: AnyOf<PaymentState>,
    /// Only those for sessions starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those for sessions starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

impl ClientPaymentFilter {
    /// The same, of that client.
    pub(super) fn of(self, client: ClientId) -> PaymentFilter {
        let Self { state, from, to, tz } = self;
        PaymentFilter { state, from, to, tz, client_id: Some(client), ..PaymentFilter::default() }
    }
}

/// A filter as the statement takes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    pub(super) payment_id: Option<PaymentId>,
    pub(super) state: AnyOf<PaymentState>,
    pub(super) gateway: Option<String>,
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) booking_id: Option<BookingId>,
    pub(super) period: Period,
    pub(super) search: Option<Search>,
}

impl Criteria {
    /// One payment.
    pub(super) fn one(id: PaymentId) -> Self {
        Self { payment_id: Some(id), ..Self::default() }
    }

    /// The state of the refund, where that is the payment's: there is an index of those.
    pub(super) fn refund(&self) -> Option<&'static str> {
        self.state.word().and_then(|state| state.strip_prefix("refund_"))
    }

    /// Whether payments whose link has expired are among those wanted.
    pub(super) fn wants_expired(&self) -> bool {
        self.payment_id.is_none() && self.state.lets_pass(PaymentState::Expired)
    }

    /// Whether payments that have not arrived are among those wanted.
    pub(super) fn wants_awaited(&self) -> bool {
        self.payment_id.is_none() && self.state.lets_pass(PaymentState::Pending)
    }
}

impl PaymentFilter {
    /// Checks the values against each other and puts them into the form of the statement.
    pub(super) fn criteria(self, app: &App) -> Result<Criteria> {
        let search = self.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        Ok(Criteria {
            payment_id: None,
            state: self.state,
            gateway: self.gateway.map(Text::into_string),
            therapist_id: self.therapist_id,
            client_id: self.client_id,
            booking_id: self.booking_id,
            period: Period::of(self.from, self.to, self.tz, app.zone)?,
            search,
        })
    }
}
