//! A booking as notes need it: read while something is written about it, locked while its note is created or signed.

use super::{
    lock::{self, Locked, Transition},
    model::Booking,
    outcome,
};
use crate::{
    app::unit_of_work::UnitOfWork,
    clients,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId},
        status::{BookingState, BookingStatus},
        time::{Timestamp, Zone, text::invitee_time_text},
    },
    error::Result,
    http::etag::Preconditions,
    scheduling::Slot,
};

/// A session that is written about: until the transaction ends, nobody erases or merges its client. The therapist and the booking
/// are not locked, since no rule compares them.
#[derive(Debug)]
pub struct Subject {
    /// The client.
    pub client_id: ClientId,
    /// Their name, as the booking has it.
    pub client_name: String,
    /// The therapist who holds the session.
    pub host_name: Option<String>,
    /// When it starts.
    pub start_at: Timestamp,
}

impl Subject {
    /// Reads a session of the scope, and completes it first where another program left it without a client.
    ///
    /// # Errors
    ///
    /// If there is none in the scope, or the client's data was erased.
    pub async fn read(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Self> {
        let now = uow.now();
        let booking = Booking::find(uow.db(), scope, id, now).await?;
        let client = match &booking.client_id {
            Some(client) => clients::lock_to_read(uow.db(), client).await?,
            None => None,
        };
        let (Some(client), Some(host_name)) = (client, booking.booking_host_name) else {
            let session = Session::lock(uow, scope, id).await?;
            let (client_id, name) = session.client();
            return Ok(Self {
                client_id: client_id.clone(),
                client_name: session.invitee_name().unwrap_or(name).to_owned(),
                host_name: session.host_name().map(str::to_owned),
                start_at: session.start_at(),
            });
        };
        client.ensure_kept()?;
        Ok(Self {
            client_name: booking.invitee_name.unwrap_or(client.name),
            client_id: client.client_id,
            host_name: Some(host_name),
            start_at: booking.booking_start_at,
        })
    }
}

/// A session, locked until the transaction ends: its therapist, its client and its booking, in this order.
#[derive(Debug)]
pub struct Session(Locked);

impl Session {
    /// Locks a session of the scope, and completes it first where another program left it without a client.
    ///
    /// # Errors
    ///
    /// If there is none in the scope.
    pub async fn lock(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Self> {
        lock::lock(uow, scope, id, &Preconditions::default()).await.map(Self)
    }

    /// Where it stands.
    pub fn state(&self) -> BookingState {
        self.0.booking.state
    }

    /// When it starts.
    pub fn start_at(&self) -> Timestamp {
        self.0.booking.booking_start_at
    }

    /// The client: id and name.
    pub fn client(&self) -> (&ClientId, &str) {
        (&self.0.client.client_id, &self.0.client.name)
    }

    /// The client's name, as the booking has it.
    pub fn invitee_name(&self) -> Option<&str> {
        self.0.booking.invitee_name.as_deref()
    }

    /// The therapist who holds the session.
    pub fn host_name(&self) -> Option<&str> {
        let therapist = self.0.therapist.as_ref().map(|therapist| therapist.name.as_str());
        self.0.booking.booking_host_name.as_deref().or(therapist)
    }

    /// When it takes place, in the words of `booking_invitee_time`, as the clocks of a zone show it.
    pub fn timing(&self, zone: Zone) -> Option<String> {
        let Slot { start, end } = self.0.booking.slot()?;
        Some(invitee_time_text(start, end, &zone.0))
    }

    /// Says that it took place, where that can be said.
    pub async fn complete(&self, uow: &mut UnitOfWork, scope: &Scope) -> Result<()> {
        if Transition::Complete.is_allowed(self.state(), scope) {
            outcome::write(uow, &self.0, Transition::Complete, None).await?;
        }
        Ok(())
    }

    /// The same where its note, which another program submitted, has said so already.
    pub async fn complete_noted(&self, uow: &mut UnitOfWork) -> Result<()> {
        let said = self.0.booking.booking_status.as_deref() == Some(BookingStatus::Completed.as_str());
        if self.state() == BookingState::Completed && !said {
            outcome::write(uow, &self.0, Transition::Complete, None).await?;
        }
        Ok(())
    }
}
