//! The filters of the lists of bookings: the parameters of each role, and the one form they share.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use strum::VariantArray as _;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::{ClientId, TherapistId},
        status::{BookingMode, BookingState, BookingStatus, PaymentLinkState, RefundStatus},
        time::{Day, Zone},
    },
    error::{Error, Result},
    http::{extract::AnyOf, page::orders, period::Period},
};

orders! {
    /// The orders in which bookings can be listed.
    BookingOrder: LatestFirst = "-booking_start_at", EarliestFirst = "booking_start_at", NameUp = "invitee_name",
        NameDown = "-invitee_name", NewestFirst = "-invitee_created_at", OldestFirst = "invitee_created_at"
}

/// The tabs of a therapist's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "BookingTab")]
pub(crate) enum BookingTab {
    /// Running or ahead.
    Upcoming,
    /// Every booking.
    All,
    /// Held.
    Completed,
    /// Ended, neither cancelled nor a no-show, without a submitted session note; whether or not somebody said completed.
    PendingNotes,
    /// Called off.
    Cancelled,
    /// The client did not come.
    NoShow,
}

/// Which bookings an admin lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdminBookingFilter {
    /// Only those in this computed state.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingState>>, inline, style = Form, explode = false)]
    state: AnyOf<BookingState>,
    /// Only those of this tab.
    #[param(inline)]
    tab: Option<BookingTab>,
    /// Only those of which this was said.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<BookingStatus>,
    /// Only those of this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those held this way.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingMode>>, inline, style = Form, explode = false)]
    mode: AnyOf<BookingMode>,
    /// Only those starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only free consultations, or only paid sessions.
    free: Option<bool>,
    /// Only those with, or without, a submitted session note.
    has_note: Option<bool>,
    /// Only sessions: bookings neither cancelled nor no-show; or only the others.
    active: Option<bool>,
    /// Only those whose refund is this far.
    #[serde(default)]
    #[param(value_type = Option<Vec<RefundStatus>>, inline, style = Form, explode = false)]
    refund_status: AnyOf<RefundStatus>,
    /// Only those whose payment link, the last one, stands so.
    #[serde(default)]
    #[param(value_type = Option<Vec<PaymentLinkState>>, inline, style = Form, explode = false)]
    payment_link: AnyOf<PaymentLinkState>,
    /// Only those of a therapist the practice has, or only those without one.
    has_therapist: Option<bool>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// Which of their bookings a therapist lists.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TherapistBookingFilter {
    /// Only those of this tab.
    #[param(inline)]
    tab: Option<BookingTab>,
    /// Only those in this computed state.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingState>>, inline, style = Form, explode = false)]
    state: AnyOf<BookingState>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those held this way.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingMode>>, inline, style = Form, explode = false)]
    mode: AnyOf<BookingMode>,
    /// Only those starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those with, or without, a submitted session note.
    has_note: Option<bool>,
    /// Only sessions: bookings neither cancelled nor no-show; or only the others.
    active: Option<bool>,
    /// Only those whose client's name holds this, or whose e-mail address or phone does as far as you may see it; two letters
    /// find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

impl From<TherapistBookingFilter> for AdminBookingFilter {
    fn from(filter: TherapistBookingFilter) -> Self {
        let TherapistBookingFilter { tab, state, client_id, mode, from, to, tz, has_note, active, q } = filter;
        Self { state, tab, client_id, mode, from, to, tz, has_note, active, q, ..Self::default() }
    }
}

/// Which of a client's bookings are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClientBookingFilter {
    /// Only those of this tab.
    #[param(inline)]
    tab: Option<BookingTab>,
    /// Only those in this computed state.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingState>>, inline, style = Form, explode = false)]
    state: AnyOf<BookingState>,
    /// Only those held this way.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingMode>>, inline, style = Form, explode = false)]
    mode: AnyOf<BookingMode>,
    /// Only those starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those with, or without, a submitted session note.
    has_note: Option<bool>,
}

impl ClientBookingFilter {
    /// The same, of that client.
    pub(super) fn of(self, client: ClientId) -> AdminBookingFilter {
        let Self { tab, state, mode, from, to, tz, has_note } = self;
        let client_id = Some(client);
        AdminBookingFilter { state, tab, client_id, mode, from, to, tz, has_note, ..AdminBookingFilter::default() }
    }
}

/// A filter as the statements take it: conditions on the facts of bookings.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    pub(super) therapist_id: Option<TherapistId>,
    pub(super) client_id: Option<ClientId>,
    pub(super) status: AnyOf<BookingStatus>,
    pub(super) mode: AnyOf<BookingMode>,
    /// The phase of the bookings wanted; and where they are of several, those, and the states of those that are open.
    pub(super) phase: Option<&'static str>,
    pub(super) phases: Option<Vec<&'static str>>,
    pub(super) open_states: Option<Vec<&'static str>>,
    pub(super) start_from: Option<DateTime<Utc>>,
    pub(super) start_before: Option<DateTime<Utc>>,
    pub(super) ends_after: Option<DateTime<Utc>>,
    pub(super) ends_by: Option<DateTime<Utc>>,
    pub(super) free: Option<bool>,
    pub(super) has_note: Option<bool>,
    pub(super) active: Option<bool>,
    pub(super) refund_status: AnyOf<RefundStatus>,
    pub(super) payment_link: Option<Vec<&'static str>>,
    pub(super) has_therapist: Option<bool>,
    pub(super) search: Option<Search>,
}

impl AdminBookingFilter {
    /// The order where the request names none.
    pub(super) fn usual_order(&self) -> BookingOrder {
        if self.tab == Some(BookingTab::Upcoming) { BookingOrder::EarliestFirst } else { BookingOrder::default() }
    }

    /// The same of one therapist.
    pub(super) fn of_therapist(self, therapist: TherapistId) -> Self {
        Self { therapist_id: Some(therapist), ..self }
    }

    /// Checks the values against each other and puts them into the form of the statements.
    pub(super) fn criteria(self, app: &App) -> Result<Criteria> {
        let Period { from: start_from, before: start_before } = Period::of(self.from, self.to, self.tz, app.zone)?;
        let search = self.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
        let mut criteria = Criteria {
            therapist_id: self.therapist_id,
            client_id: self.client_id,
            status: self.status,
            mode: self.mode,
            start_from,
            start_before,
            free: self.free,
            has_note: self.has_note,
            active: self.active,
            refund_status: self.refund_status,
            payment_link: self.payment_link.words(),
            has_therapist: self.has_therapist,
            search,
            ..Criteria::default()
        };
        let now = app.clock.now();
        if self.tab == Some(BookingTab::PendingNotes) {
            criteria.limit_to_pending_notes(now);
        }
        let tab = self.tab.filter(|tab| !matches!(tab, BookingTab::All | BookingTab::PendingNotes));
        if !self.state.is_open() || tab.is_some() {
            let states: Vec<BookingState> = BookingState::VARIANTS
                .iter()
                .copied()
                .filter(|state| self.state.lets_pass(*state))
                .filter(|state| tab.is_none_or(|tab| tab.states().contains(state)))
                .collect();
            criteria.limit_to(&states, now);
        }
        Ok(criteria)
    }
}

/// An instant of PostgreSQL is whole microseconds.
const INSTANT: TimeDelta = TimeDelta::microseconds(1);

impl Criteria {
    /// Wants sessions that ended and lack a submitted note, whatever else was said of them: fewer than all of a state.
    fn limit_to_pending_notes(&mut self, now: DateTime<Utc>) {
        if self.active == Some(false) || self.has_note == Some(true) {
            self.phase = Some("none");
        }
        (self.active, self.has_note) = (Some(true), Some(false));
        self.limit_to_ended(now);
    }

    /// Wants what has ended.
    fn limit_to_ended(&mut self, now: DateTime<Utc>) {
        self.ends_by = Some(now);
        // It has started, which an index knows.
        let later = now + INSTANT;
        self.start_before = self.start_before.map_or(Some(later), |before| Some(before.min(later)));
    }

    /// Wants bookings in some states, or in none. A state is a phase and a range of time.
    fn limit_to(&mut self, states: &[BookingState], now: DateTime<Utc>) {
        use BookingState as S;
        let phase = match states {
            [] => "none",
            [S::Cancelled | S::NoShow | S::Completed] => states[0].as_str(),
            [S::Scheduled | S::Live | S::PendingNotes] | [S::Live, S::Scheduled] | [S::Scheduled, S::Live] => "open",
            _ => {
                let (open, closed): (Vec<S>, Vec<S>) =
                    states.iter().partition(|state| matches!(state, S::Scheduled | S::Live | S::PendingNotes));
                let open_phase = (!open.is_empty()).then_some("open");
                self.phases = Some(closed.into_iter().map(S::as_str).chain(open_phase).collect());
                self.open_states = Some(open.into_iter().map(S::as_str).collect());
                return;
            }
        };
        self.phase.get_or_insert(phase);
        let later = now + INSTANT;
        let is_wanted = |state| states.contains(&state);
        if is_wanted(S::PendingNotes) {
            self.limit_to_ended(now);
        } else if is_wanted(S::Scheduled) || is_wanted(S::Live) {
            self.ends_after = Some(now);
            if is_wanted(S::Live) {
                // A session is at most a day long (internal.booking_end).
                self.start_from = self.start_from.max(Some(now - TimeDelta::days(1)));
                if !is_wanted(S::Scheduled) {
                    self.start_before = self.start_before.map_or(Some(later), |before| Some(before.min(later)));
                }
            } else {
                self.start_from = self.start_from.max(Some(later));
            }
        }
    }
}

impl BookingTab {
    /// The states it shows.
    fn states(self) -> &'static [BookingState] {
        use BookingState as S;
        match self {
            Self::Upcoming => &[S::Scheduled, S::Live],
            Self::All => BookingState::VARIANTS,
            Self::Completed => &[S::Completed],
            Self::PendingNotes => &[S::PendingNotes],
            Self::Cancelled => &[S::Cancelled],
            Self::NoShow => &[S::NoShow],
        }
    }
}
