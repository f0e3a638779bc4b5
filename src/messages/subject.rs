//! What a message is about, as it stands when it is sent: the booking or the request, the client, and their consents.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    app::messaging::Messaging,
    domain::{
        contact::{Email, Phone},
        ids::{BookingId, BookingRequestId},
        status::{BookingMode, BookingStatus, Channel, MessageKind, RequestStatus, words},
        text::NO_NAME,
        time::{Timestamp, Zone, client_zone},
    },
    error::Result,
};

words! {
    /// Why a message stands as it does.
    #[schema(as = MessageReason)]
    pub(super) enum Reason {
        /// The session was called off.
        Cancelled,
        /// The session is at another time.
        Moved,
        /// The session has begun, or is over.
        Past,
        /// The session is not paid for.
        Unpaid,
        /// A booking came of the request, or it has expired.
        Closed,
        /// There is no such booking or request any more, or no client of it.
        Gone,
        /// The client's data was erased.
        Erased,
        /// The therapist takes no sessions any more.
        Retired,
        /// The client has not agreed to get messages, or does not want them any more.
        NoConsent,
        /// The client has no phone or address for a channel that they agreed to.
        NoAddress,
        /// There is no campaign for this therapy and therapist.
        NoCampaign,
        /// There is no link to send.
        NoLink,
        /// The configuration does not send this kind any more.
        SwitchedOff,
        /// The service refused it; it is tried again.
        Refused,
        /// The service refused it too often.
        GivenUp,
        /// The service took it, and said later that it was not delivered.
        Undelivered,
        /// No answer came: the service may have taken it.
        NoAnswer,
        /// The server ended while it was being sent.
        Interrupted,
        /// An admin said that it arrived.
        Received,
        /// An admin left it as it was.
        Left,
    }
}

/// A booking or a request, and its client.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of one statement")]
pub(super) struct Subject {
    pub(super) is_there: bool,
    /// The written word, of a booking.
    pub(super) booking_status: Option<String>,
    pub(super) invitee_status: Option<String>,
    pub(super) start_at: Timestamp,
    pub(super) end_at: Timestamp,
    pub(super) time_zone: Option<String>,
    pub(super) mode: Option<BookingMode>,
    pub(super) therapy: Option<String>,
    pub(super) therapist: Option<String>,
    pub(super) joining_link: Option<String>,
    pub(super) request_status: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_name: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) erased: bool,
    pub(super) retired: bool,
    pub(super) whatsapp: bool,
    pub(super) mail: bool,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Whatsapp(Phone),
    Email(Email),
}

impl Address {
    pub(super) fn channel(&self) -> Channel {
        match self {
            Self::Whatsapp(_) => Channel::Whatsapp,
            Self::Email(_) => Channel::Email,
        }
    }
}

impl Subject {
    /// As it stands now.
    pub(super) async fn read(
        db: &mut PgConnection,
        booking: Option<&BookingId>,
        request: Option<BookingRequestId>,
    ) -> Result<Self> {
        let subject = sqlx::query_as!(
            Self,
            r#"select coalesce(b.booking_id is not null or r.request_id is not null, false) as "is_there!",
                      internal.booking_status(b.booking_status) as "booking_status?",
                      internal.invitee_status(b.invitee_status) as "invitee_status?",
                      b.booking_start_at as "start_at!: Timestamp",
                      b.booking_end_at as "end_at!: Timestamp",
                      b.invitee_timezone as "time_zone?",
                      case when b.booking_id is not null then internal.booking_mode(b.booking_mode) end
                          as "mode?: BookingMode",
                      coalesce(r.therapy_type, b.booking_resource_name) as "therapy?",
                      coalesce(r.therapist_name, t.name, b.booking_host_name) as "therapist?",
                      coalesce(
                          nullif(btrim(b.booking_joining_link), ''),
                          nullif(btrim(r.booking_link), '')
                      ) as "joining_link?",
                      r.status as "request_status?",
                      c.client_id as "client_id?",
                      c.client_name as "client_name?",
                      coalesce(nullif(btrim(c.phone_number), ''), b.invitee_phone, r.client_whatsapp) as "phone?",
                      coalesce(nullif(btrim(c.email_id), ''), b.invitee_email, r.client_email) as "email?",
                      i.erased_at is not null as "erased!",
                      exists (select from internal.retirements e where e.therapist_id = b.therapist_id) as "retired!",
                      coalesce((
                          select s.given
                          from internal.consents s
                          where s.client_id = c.client_id
                            and s.channel = 'whatsapp'
                          order by s.said_at desc, s.consent_id desc
                          limit 1
                      ), false) as "whatsapp!",
                      coalesce((
                          select s.given
                          from internal.consents s
                          where s.client_id = c.client_id
                            and s.channel = 'email'
                          order by s.said_at desc, s.consent_id desc
                          limit 1
                      ), false) as "mail!"
               from (select 1) one
               left join bookings b on b.booking_id = $1
               left join booking_requests r on r.request_id = $2
               left join lateral internal.appointment_of(b.booking_id) a on true
               left join internal.request_clients l on l.request_id = r.request_id
               left join all_clients_table c on c.client_id = coalesce(a.client_id, l.client_id)
               left join internal.clients i on i.client_id = c.client_id
               left join lateral (
                   select t.name from therapists t where t.therapist_id = b.therapist_id order by t.id limit 1
               ) t on true
               limit 1"#,
            booking.map(BookingId::as_str),
            request.map(|id| id.0),
        )
        .fetch_one(db)
        .await?;
        Ok(subject)
    }

    /// The zone that the client lives by.
    pub(super) fn zone(&self, practice: Zone) -> Zone {
        client_zone(self.time_zone.as_deref(), practice)
    }

    pub(super) fn name(&self) -> &str {
        self.client_name.as_deref().unwrap_or(NO_NAME)
    }

    /// Where a message of a kind about this start goes.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(super) fn address(
        &self,
        kind: MessageKind,
        start: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        messaging: &Messaging,
    ) -> Result<Address, Reason> {
        if !messaging.sends(kind) {
            return Err(Reason::SwitchedOff);
        }
        if !self.is_there || self.client_id.is_none() {
            return Err(Reason::Gone);
        }
        if self.erased {
            return Err(Reason::Erased);
        }
        match kind {
            MessageKind::BookingLink => self.check_request()?,
            _ => self.check_booking(kind, start, now)?,
        }
        if self.retired {
            return Err(Reason::Retired);
        }
        let whatsapp = self.whatsapp && messaging.has(Channel::Whatsapp);
        let mail = self.mail && messaging.has(Channel::Email);
        if !whatsapp && !mail {
            return Err(Reason::NoConsent);
        }
        let phone = self.phone.as_deref().filter(|_| whatsapp).and_then(Phone::parse).map(Address::Whatsapp);
        let email = || self.email.as_deref().filter(|_| mail).and_then(Email::parse).map(Address::Email);
        phone.or_else(email).ok_or(Reason::NoAddress)
    }

    fn check_request(&self) -> Result<(), Reason> {
        let is_open = self.request_status.as_deref() == Some(RequestStatus::Sent.as_str());
        if is_open { Ok(()) } else { Err(Reason::Closed) }
    }

    fn check_booking(&self, kind: MessageKind, start: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Reason> {
        let is = |status: BookingStatus| self.booking_status.as_deref() == Some(status.as_str());
        let is_cancelled = is(BookingStatus::Cancelled);
        let starts = self.start_at.instant();
        if kind == MessageKind::Cancelled {
            // Restored since.
            if !is_cancelled {
                return Err(Reason::Moved);
            }
        } else if is_cancelled {
            return Err(Reason::Cancelled);
        }
        if starts != start {
            return Err(Reason::Moved);
        }
        if is(BookingStatus::NoShow) || is(BookingStatus::Completed) || starts.is_none_or(|starts| starts <= now) {
            return Err(Reason::Past);
        }
        let is_waiting = self.invitee_status.as_deref() == Some("waiting");
        if is_waiting && matches!(kind, MessageKind::Confirmation | MessageKind::Reminder) {
            return Err(Reason::Unpaid);
        }
        Ok(())
    }
}
