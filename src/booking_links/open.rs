//! Opening a link: what it books, or the session that it has booked, and the free times.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use crate::{
    app::state::App,
    db::checkout::Connection,
    domain::{
        ids::{BookingId, BookingRequestId, TherapistId},
        money::Amount,
        status::{BookingMode, BookingState},
        text::NO_NAME,
        time::{Timestamp, Zone, client_zone},
    },
    error::{Error, Result},
    scheduling::{self, DaySlots, FreeTimes, SessionKind},
};

/// How long it takes to find that a link opens nothing: several times the duration of the look-up.
const ABSENCE: Duration = Duration::from_millis(50);

/// A link that opens something.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) request_id: BookingRequestId,
    first_name: Option<String>,
    pub(super) therapist_id: TherapistId,
    pub(super) therapist_name: String,
    session: String,
    free: bool,
    amount: Amount,
    currency: Option<String>,
    expires_at: DateTime<Utc>,
    pub(super) booking_id: Option<BookingId>,
    pub(super) start_at: Timestamp,
    pub(super) end_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) sequence: Option<i32>,
    pub(super) state: Option<BookingState>,
    mode: Option<String>,
    zone: Option<String>,
    /// Whether the practice has sessions with a price paid first.
    pays_first: bool,
    /// Whether the booking is not paid yet, and the link has not booked until it is.
    pub(super) is_attempt: bool,
    payment_url: Option<String>,
    payment_until: Option<DateTime<Utc>>,
    held_until: Option<DateTime<Utc>>,
}

/// What a booking link opens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "first_name": "Meera", "therapist_name": "Asha Rao", "session": "Individual Therapy", "free": false, "amount": "1700.00",
    "currency": "INR", "pays_first": false, "length_minutes": 50, "expires_at": "2026-02-11T04:30:00Z", "booking": null,
    "tz": "Asia/Kolkata",
    "from": "2026-02-04", "to": "2026-02-17",
    "days": [{ "day": "2026-02-05", "starts": ["2026-02-05T04:30:00Z", "2026-02-05T05:30:00Z"] }],
    "next_available": "2026-02-18T04:30:00Z"
}))]
pub(super) struct BookingLink {
    /// The client's first name.
    pub(super) first_name: Option<String>,
    /// Who holds the session.
    pub(super) therapist_name: String,
    /// The name of the session.
    pub(super) session: String,
    /// Whether it is free.
    pub(super) free: bool,
    /// The price; null where it is free.
    pub(super) amount: Amount,
    /// The currency of the price.
    pub(super) currency: Option<String>,
    /// Whether the client pays first: the time is held, and the link books once it is paid.
    pub(super) pays_first: bool,
    /// How many minutes it takes.
    pub(super) length_minutes: i64,
    /// Until when the link books; null once it has.
    pub(super) expires_at: Timestamp,
    /// The session that it has booked, or that is to be paid first.
    pub(super) booking: Option<LinkedBooking>,
    /// The zone of the days.
    #[schema(value_type = Zone)]
    pub(super) tz: Zone,
    /// The first day.
    pub(super) from: NaiveDate,
    /// The last day.
    pub(super) to: NaiveDate,
    /// The days with times at which the session may start: free ones, or others than it has; none where it cannot be moved.
    pub(super) days: Vec<DaySlots>,
    /// The first free time after these days, within 92 days.
    pub(super) next_available: Timestamp,
    /// Where its forms may lead, beside this server: to the payment gateway, which may lead on.
    #[serde(skip)]
    pub(super) leads_to: &'static str,
}

/// The session that a link has booked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "booking_start_at": "2026-02-05T04:30:00Z", "booking_end_at": "2026-02-05T05:20:00Z", "state": "scheduled",
    "booking_mode": "google_meet", "change_until": "2026-02-05T03:30:00Z", "is_booked": true, "payment": null
}))]
pub(super) struct LinkedBooking {
    /// When it starts.
    pub(super) booking_start_at: Timestamp,
    /// When it ends.
    pub(super) booking_end_at: Timestamp,
    /// How it stands.
    pub(super) state: BookingState,
    /// How it is held, in whichever words.
    pub(super) booking_mode: Option<String>,
    /// Until when it can be moved or cancelled here; null where it cannot any more. One that is not booked yet can be cancelled always.
    pub(super) change_until: Timestamp,
    /// False while it is to be paid first: the time is held, and the link has not booked.
    pub(super) is_booked: bool,
    /// The payment that it waits for.
    pub(super) payment: Option<LinkedPayment>,
}

/// How a session is paid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "payment_url": "https://rzp.example.org/i/abc", "expires_at": "2026-02-04T05:00:00Z", "holds_until": "2026-02-04T05:02:00Z"
}))]
pub(super) struct LinkedPayment {
    /// The page of the payment gateway; null while it is being made (book the same time again to get it), and where it cannot be
    /// paid any more.
    pub(super) payment_url: Option<String>,
    /// Until when it can be paid there; null where it cannot any more.
    pub(super) expires_at: Timestamp,
    /// Until when the time is held; null where it is not given away.
    pub(super) holds_until: Timestamp,
}

/// The days that are asked for.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Days {
    pub(super) zone: Option<Zone>,
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

/// Opens a link. What opens nothing takes its time, whatever the reason.
///
/// # Errors
///
/// [`Error::NotFound`] if it opens nothing, and [`Error::TooMany`] if it is opened too often.
pub(super) async fn open(app: &App, token: &str, address: Option<IpAddr>) -> Result<(Opened, Connection)> {
    let absent = Instant::now() + ABSENCE;
    let named = app.seals.links.of(token.as_bytes());
    let now = app.clock.now();
    app.visits.count(named.first().map_or(&[], Vec::as_slice), address, now)?;
    let mut db = app.db.read_linked(&named).await?;
    let opened = sqlx::query_as!(
        Opened,
        r#"select o.request_id as "request_id!: BookingRequestId",
                  o.first_name,
                  o.therapist_id as "therapist_id!: TherapistId",
                  o.therapist_name as "therapist_name!",
                  o.session as "session!",
                  o.free as "free!",
                  o.amount as "amount!: Amount",
                  o.currency,
                  o.expires_at as "expires_at!",
                  o.booking_id as "booking_id: BookingId",
                  o.start_at as "start_at!: Timestamp",
                  o.end_at as "end_at!: Timestamp",
                  o.updated_at as "updated_at!: Timestamp",
                  o.sequence,
                  o.state as "state: BookingState",
                  o.mode,
                  o.zone,
                  o.pays_first as "pays_first!",
                  o.is_attempt as "is_attempt!",
                  o.payment_url,
                  o.payment_until,
                  o.held_until
           from internal.opened_link($1) o"#,
        now,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(opened) = opened {
        return Ok((opened, db));
    }
    drop(db);
    sleep_until(absent).await;
    Err(Error::NotFound("booking link"))
}

impl Opened {
    /// The session's kind, by which rules know it.
    fn kind(&self) -> SessionKind<'_> {
        SessionKind::new(self.free, Some(&self.session))
    }

    /// Whether sessions with a price are paid first: where the practice says so, and there is a gateway.
    pub(super) fn pays_first(&self, app: &App) -> bool {
        app.razorpay.is_some() && (self.pays_first || self.is_attempt)
    }

    /// What is shown of it, with the free times of some days.
    pub(super) async fn show(&self, app: &App, mut db: Connection, days: Days) -> Result<BookingLink> {
        let now = app.clock.now();
        let kind = self.kind();
        let notice = scheduling::notice(&mut db, &self.therapist_id, &kind).await?;
        let times = self.start_at.instant().zip(self.end_at.instant());
        let minutes = times.and_then(|(start, end)| i32::try_from((end - start).num_minutes()).ok());
        let change_until = times
            .filter(|_| self.state == Some(BookingState::Scheduled))
            .map(|(start, _)| start - notice)
            .filter(|until| *until > now);
        let zone = days.zone.unwrap_or_else(|| client_zone(self.zone.as_deref(), app.zone));
        let wanted = FreeTimes {
            therapist_id: &self.therapist_id,
            kind,
            minutes: minutes.filter(|minutes| (1..=1440).contains(minutes)),
            moving: self.booking_id.as_ref(),
            zone,
            from: days.from,
            to: days.to,
        };
        let (free, (from, to)) = scheduling::free_times(&mut db, app, &wanted).await?;
        drop(db);
        let length_minutes =
            free.as_ref().map_or(minutes.map_or(kind.usual_minutes(), i64::from), |free| free.length_minutes);
        let free = free.filter(|_| self.booking_id.is_none() || change_until.is_some());
        let (mut days, next_available) = free.map(|free| (free.days, free.next_available)).unwrap_or_default();
        if self.booking_id.is_some() {
            for day in &mut days {
                day.starts.retain(|start| *start != self.start_at);
            }
            days.retain(|day| !day.starts.is_empty());
        }
        let booking = self.state.filter(|_| self.booking_id.is_some()).map(|state| LinkedBooking {
            booking_start_at: self.start_at,
            booking_end_at: self.end_at,
            state,
            booking_mode: self.mode.clone(),
            change_until: change_until.into(),
            is_booked: !self.is_attempt,
            payment: (self.is_attempt || self.payment_until.is_some()).then(|| LinkedPayment {
                payment_url: self.payment_url.clone(),
                expires_at: self.payment_until.into(),
                holds_until: self.held_until.into(),
            }),
        });
        let pays_first = !self.free && self.pays_first(app);
        Ok(BookingLink {
            first_name: self
                .first_name
                .clone()
                .filter(|_| !NO_NAME.starts_with(self.first_name.as_deref().unwrap_or("?"))),
            therapist_name: self.therapist_name.clone(),
            session: self.session.clone(),
            free: self.free,
            amount: self.amount,
            currency: self.currency.clone().filter(|_| !self.free),
            pays_first: pays_first && (booking.is_none() || self.is_attempt),
            length_minutes,
            expires_at: if booking.is_some() && !self.is_attempt {
                Timestamp::default()
            } else {
                self.expires_at.into()
            },
            booking,
            tz: zone,
            from,
            to,
            days,
            next_available,
            leads_to: match &app.razorpay {
                Some(account) if pays_first && account.address.scheme() == "http" => " http:",
                Some(_) if pays_first => " https:",
                _ => "",
            },
        })
    }
}

/// How a session is held, for people.
pub(super) fn mode_in_words(mode: Option<&str>) -> &'static str {
    match mode {
        Some(mode) if mode == BookingMode::InPerson.as_str() => "In person",
        Some(mode) if mode == BookingMode::Phone.as_str() => "By phone",
        _ => "Online",
    }
}
