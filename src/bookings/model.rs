//! A booking: its columns, the values computed from them, and the columns that each caller reads.
//!
//! Every answer that holds a booking holds this struct, read by `select_bookings!` and shown through
//! [`Booking::seen_by`], so that no route can show a column that another hides.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::select::select_bookings;
use crate::{
    db::{pruned::Sort, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        money::Amount,
        status::{BookingState, PaymentLinkState},
        time::Timestamp,
    },
    error::{Error, Result},
    http::{etag::Versioned, page::Key},
};

/// A session between a therapist and a client: the columns of `bookings`, and what is computed from them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
        "booking_id": "bk_0199c0de00007000800000000000000a",
        "client_id": "cl_0199c0de00007000800000000000000b",
        "therapist_id": "58701",
        "state": "scheduled",
        "has_session_note": false,
        "is_free_consultation": false,
        "contact_visible": true,
        "booking_status": "confirmed",
        "booking_subject": "Individual Therapy Session",
        "booking_start_at": "2026-02-04T10:30:00Z",
        "booking_end_at": "2026-02-04T11:20:00Z",
        "booking_duration": 50,
        "booking_invitee_time": "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)",
        "booking_mode": "google_meet",
        "booking_joining_link": "https://meet.example.org/abc-defg-hij",
        "booking_checkin_url": "https://book.example.org/checkin/1",
        "booking_resource_id": "4021",
        "booking_resource_type": "service",
        "booking_resource_name": "Individual Therapy Session",
        "booking_user_id": "58701",
        "booking_account_id": "1200",
        "booking_host_user_id": "58701",
        "booking_host_name": "Asha Rao",
        "booking_host_phone": "+919800000001",
        "booking_host_email": "asha.rao@example.org",
        "booking_updated_at": "2026-02-01T08:00:00Z",
        "booking_cancelled_by": "admin",
        "booking_cancel_reason": "Client is travelling",
        "invitee_id": "in_0199c0de00007000800000000000000c",
        "invitee_name": "Meera Iyer",
        "invitee_phone": "+919800012345",
        "invitee_email": "meera.iyer@example.org",
        "invitee_question": "Sleeping badly",
        "invitee_token": null,
        "invitee_country": "India",
        "invitee_city": "Pune",
        "invitee_timezone": "Asia/Kolkata",
        "invitee_created_at": "2026-01-28T06:15:00Z",
        "invitee_cancelled_at": null,
        "invitee_cancelled_reason": null,
        "invitee_status": "confirmed",
        "invitee_payment_reference_id": "pay_demo_1",
        "invitee_payment_gateway": "razorpay",
        "invitee_payment_name": "Meera Iyer",
        "invitee_payment_currency": "INR",
        "invitee_payment_amount": "1700.00",
        "payment_link_state": "paid",
        "refund_amount": null,
        "refund_status": null,
        "refund_failed_time": null,
        "refund_id": null,
        "rescheduled_at": null,
        "rescheduled_start_at": null,
        "rescheduled_end_at": null,
        "rescheduled_from": null,
        "emergency_contact_name": "Ravi Iyer",
        "emergency_contact_relation": "Brother",
        "emergency_contact_number": "+919800054321"
}))]
pub struct Booking {
    /// The booking's id.
    pub booking_id: BookingId,
    /// The client; null where an adopted booking has no client yet.
    pub client_id: Option<ClientId>,
    /// The therapist who holds the session.
    pub therapist_id: Option<TherapistId>,
    /// How it stands now, computed from what is stored and the clock.
    pub state: BookingState,
    /// Whether a session note was submitted for it.
    pub has_session_note: bool,
    /// Whether it is a free consultation: no amount, or 0.
    pub is_free_consultation: bool,
    /// Whether contact data is shown to the caller; where not, those fields are null.
    pub contact_visible: bool,
    /// The status: `confirmed`, `rescheduled`, `cancelled`, `no_show` or `completed`; a word of another program as it
    /// is.
    pub booking_status: Option<String>,
    /// The subject of the session.
    pub booking_subject: Option<String>,
    /// When the session starts.
    pub booking_start_at: Timestamp,
    /// When the session ends.
    pub booking_end_at: Timestamp,
    /// How long it takes, in minutes.
    pub booking_duration: Option<i32>,
    /// The session's time as the client was told it, in the client's zone.
    pub booking_invitee_time: Option<String>,
    /// `google_meet`, `in_person` or `phone`; another program's word as it is.
    pub booking_mode: String,
    /// Where an online session is joined.
    pub booking_joining_link: Option<String>,
    /// Where the client checks in.
    pub booking_checkin_url: Option<String>,
    /// The scheduling provider's id of what was booked.
    pub booking_resource_id: Option<String>,
    /// The scheduling provider's kind of what was booked.
    pub booking_resource_type: Option<String>,
    /// The name of the session booked.
    pub booking_resource_name: Option<String>,
    /// The scheduling provider's id of the user.
    pub booking_user_id: Option<String>,
    /// The scheduling provider's id of the account.
    pub booking_account_id: Option<String>,
    /// The scheduling provider's id of the host.
    pub booking_host_user_id: Option<String>,
    /// The name of the host: the therapist.
    pub booking_host_name: Option<String>,
    /// The host's phone.
    pub booking_host_phone: Option<String>,
    /// The host's e-mail address.
    pub booking_host_email: Option<String>,
    /// When it was last changed.
    pub booking_updated_at: Timestamp,
    /// The party that cancelled it.
    pub booking_cancelled_by: Option<String>,
    /// Why it was cancelled.
    pub booking_cancel_reason: Option<String>,
    /// The id of the invitation; new for every booking, not a person's.
    pub invitee_id: Option<String>,
    /// The client's name.
    pub invitee_name: Option<String>,
    /// The client's phone. Contact data.
    pub invitee_phone: Option<String>,
    /// The client's e-mail address. Contact data.
    pub invitee_email: Option<String>,
    /// The client's answer to the question of the booking form.
    pub invitee_question: Option<String>,
    /// Always null: it lets its holder act as the client.
    pub invitee_token: Option<String>,
    /// The client's country.
    pub invitee_country: Option<String>,
    /// The client's city.
    pub invitee_city: Option<String>,
    /// The client's time zone.
    pub invitee_timezone: Option<String>,
    /// When it was booked.
    pub invitee_created_at: Timestamp,
    /// When it was cancelled.
    pub invitee_cancelled_at: Timestamp,
    /// Why the client cancelled.
    pub invitee_cancelled_reason: Option<String>,
    /// `confirmed`, `waiting` (payment pending) or `cancelled`.
    pub invitee_status: Option<String>,
    /// The payment gateway's reference. Payment data, null for therapists.
    pub invitee_payment_reference_id: Option<String>,
    /// The payment gateway. Payment data.
    pub invitee_payment_gateway: Option<String>,
    /// The name the payment was made under. Payment data.
    pub invitee_payment_name: Option<String>,
    /// The currency of the amounts. Payment data.
    pub invitee_payment_currency: Option<String>,
    /// The amount paid. Payment data.
    pub invitee_payment_amount: Amount,
    /// How the booking's payment link stands, the last one; null where it has none. Payment data.
    pub payment_link_state: Option<PaymentLinkState>,
    /// The amount refunded, or about to be. Payment data.
    pub refund_amount: Amount,
    /// `initiated`, `processing`, `completed`, `failed`, or null. Payment data.
    pub refund_status: Option<String>,
    /// When the refund failed. Payment data.
    pub refund_failed_time: Timestamp,
    /// The gateway's id of the refund. Payment data.
    pub refund_id: Option<String>,
    /// When it was last rescheduled.
    pub rescheduled_at: Timestamp,
    /// The start it was rescheduled to.
    pub rescheduled_start_at: Timestamp,
    /// The end it was rescheduled to.
    pub rescheduled_end_at: Timestamp,
    /// The start it was rescheduled from (the column `recheduled_from`).
    pub rescheduled_from: Timestamp,
    /// The name of the emergency contact. Contact data.
    pub emergency_contact_name: Option<String>,
    /// The emergency contact's relation to the client. Contact data.
    pub emergency_contact_relation: Option<String>,
    /// Their phone. Contact data.
    pub emergency_contact_number: Option<String>,
    /// When it ends, by the rule of `internal.booking_end`.
    #[serde(skip)]
    pub(super) ends_at: Timestamp,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for.
    #[serde(skip)]
    pub(super) sort_key: String,
}

/// One booking of a scope, by a source of its facts.
macro_rules! one_booking {
    ($source:literal, $db:expr, $scope:expr, $id:expr, $now:expr) => {{
        if !$id.is_possible() {
            return Err(Error::NotFound("booking"));
        }
        let found = select_bookings!(
            fetch_optional($db, Sort::default()),
            "''",
            [
                "where true
                   and f.booking_id = $3
                   and f.therapist_id = $4"
            ],
            [$source],
            Timestamp::from($now) => Timestamp,
            $scope.therapist().map(TherapistId::as_str),
            $id.as_str(),
            $scope.owner(),
        )?;
        found.ok_or(Error::NotFound("booking"))
    }};
}

impl Booking {
    /// One booking of the scope, as its caller sees it.
    pub(super) async fn read(db: &mut PgConnection, scope: &Scope, id: &BookingId, now: DateTime<Utc>) -> Result<Self> {
        Ok(Self::whole(db, scope, id, now).await?.seen_by(scope))
    }

    /// The same as of what is committed: read from its facts, outside of a unit of work.
    pub(super) async fn find(db: &mut PgConnection, scope: &Scope, id: &BookingId, now: DateTime<Utc>) -> Result<Self> {
        Ok(one_booking!("internal.booking_facts", db, scope, id, now)?.seen_by(scope))
    }

    /// One booking of the scope with all its columns, for deciding; not to be shown.
    pub(super) async fn whole(
        db: &mut PgConnection,
        scope: &Scope,
        id: &BookingId,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        one_booking!("internal.meanings_of_bookings()", db, scope, id, now)
    }

    /// Hides columns from the caller: payment data from therapists, contact data where the client is not theirs.
    pub(super) fn seen_by(mut self, scope: &Scope) -> Self {
        if scope.is_practice() {
            return self;
        }
        self.invitee_payment_reference_id = None;
        self.invitee_payment_gateway = None;
        self.invitee_payment_name = None;
        self.invitee_payment_currency = None;
        self.invitee_payment_amount = Amount::default();
        self.payment_link_state = None;
        self.refund_amount = Amount::default();
        self.refund_status = None;
        self.refund_failed_time = Timestamp::default();
        self.refund_id = None;
        if !self.contact_visible {
            self.invitee_phone = None;
            self.invitee_email = None;
            self.emergency_contact_name = None;
            self.emergency_contact_relation = None;
            self.emergency_contact_number = None;
        }
        self
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.sort_key.clone(), id: self.booking_id.to_string() }
    }
}
