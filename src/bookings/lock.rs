//! Locks a booking for a change: the locks in their order, and the transitions that each state permits.
//!
//! Therapist, client, booking: every operation takes the locks in this order, so that two requests never wait for each other.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::{model::Booking, refusal::BookingRefusal};
use crate::{
    app::unit_of_work::UnitOfWork,
    clients::{self, Appointment, Client, Person},
    db::scope::Scope,
    domain::{
        ids::BookingId,
        status::{BookingState, InviteeStatus},
    },
    error::{Error, Result},
    http::etag::Preconditions,
    notifications::Recipient,
    scheduling::{SessionKind, Slot},
    therapists::{self, Therapist},
};

/// A booking, its client and its therapist, locked until the transaction ends.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) booking: Booking,
    pub(super) client: Client,
    /// None where an adopted booking names no therapist, or one who does not exist.
    pub(super) therapist: Option<Therapist>,
}

/// A move from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    Reschedule,
    Cancel,
    Complete,
    NoShow,
    Restore,
}

impl Transition {
    /// The resulting state, in words.
    fn participle(self) -> &'static str {
        match self {
            Self::Reschedule => "rescheduled",
            Self::Cancel => "cancelled",
            Self::Complete => "completed",
            Self::NoShow => "marked as a no-show",
            Self::Restore => "restored",
        }
    }

    /// Whether it is allowed from a state.
    pub(super) fn is_allowed(self, state: BookingState, scope: &Scope) -> bool {
        use BookingState as S;
        match self {
            Self::Reschedule => state == S::Scheduled,
            Self::Cancel => match state {
                S::Scheduled | S::Live => true,
                S::PendingNotes => scope.is_practice(),
                _ => false,
            },
            Self::Complete => match state {
                S::Live | S::PendingNotes => true,
                S::NoShow => scope.is_practice(),
                _ => false,
            },
            Self::NoShow => match state {
                S::Live | S::PendingNotes => true,
                S::Completed => scope.is_practice(),
                _ => false,
            },
            Self::Restore => state == S::Cancelled,
        }
    }
}

/// Locks a booking of the scope, in the version that the request names.
pub(super) async fn lock(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
) -> Result<Locked> {
    let now = uow.now();
    let mut seen = Booking::whole(uow.db(), scope, id, now).await?;
    if let Some(therapist) = scope.therapist()
        && !clients::is_there(uow.db(), seen.client_id.as_ref()).await?
    {
        clients::complete_for_therapist(uow, seen.client_id.as_ref(), &seen.appointment(), therapist).await?;
        seen = Booking::whole(uow.db(), scope, id, now).await?;
    }
    let therapist = match &seen.therapist_id {
        Some(id) => therapists::lock(uow.db(), id).await?,
        None => None,
    };
    let client =
        clients::lock_of_booking(uow, seen.client_id.as_ref(), &seen.appointment(), therapist.as_ref()).await?;
    sqlx::query!("select from bookings where booking_id = $1 for no key update", id.as_str())
        .fetch_optional(uow.db())
        .await?;
    // Read again under the lock: until then somebody may have changed it, or moved it to another therapist.
    let booking = Booking::whole(uow.db(), scope, id, now).await?;
    if booking.therapist_id != seen.therapist_id || booking.client_id.as_ref() != Some(&client.client_id) {
        return Err(Error::contended("the booking was moved while it was being held"));
    }
    conditions.check(&booking.version, &booking.clone().seen_by(scope))?;
    client.ensure_kept()?;
    Ok(Locked { booking, client, therapist })
}

/// Locks the therapists of bookings, before anything else of them is.
pub async fn lock_therapists(db: &mut PgConnection, bookings: &[BookingId]) -> Result<()> {
    sqlx::query!(
        "select t.therapist_id
         from therapists t
         where t.therapist_id in (select b.therapist_id from bookings b where b.booking_id = any ($1))
         order by t.therapist_id
         for no key update",
        bookings as &[BookingId],
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Locks bookings in the order of their ids.
pub async fn lock_all(db: &mut PgConnection, bookings: &[BookingId]) -> Result<()> {
    sqlx::query!(
        "select from bookings where booking_id = any ($1) order by booking_id for no key update",
        bookings as &[BookingId],
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

impl Locked {
    /// Fails unless the present state allows the move.
    pub(super) fn ensure(&self, wanted: Transition, scope: &Scope) -> Result<()> {
        let state = self.booking.state;
        if wanted.is_allowed(state, scope) {
            return Ok(());
        }
        Err(BookingRefusal::WrongState { state, wanted: wanted.participle() }.into())
    }

    /// Whether it ended more than a day ago.
    pub(super) fn is_long_past(&self, now: DateTime<Utc>) -> bool {
        self.booking.ends_at.instant().is_none_or(|end| end < now - TimeDelta::days(1))
    }

    /// The users to notify: those given, and the therapist.
    pub(super) fn recipients(&self, others: Recipient) -> Vec<Recipient> {
        let therapist = self.therapist.as_ref().map(|therapist| Recipient::Therapist(therapist.therapist_id.clone()));
        std::iter::once(others).chain(therapist).collect()
    }
}

impl Booking {
    /// Whether money was taken for it: it has an amount, and no payment is pending.
    pub(super) fn is_paid(&self) -> bool {
        !self.is_free_consultation && self.invitee_status.as_deref() != Some(InviteeStatus::Waiting.as_str())
    }

    /// When the session starts and ends; none where its start is not known.
    pub(super) fn slot(&self) -> Option<Slot> {
        let (start, end) = self.booking_start_at.instant().zip(self.ends_at.instant())?;
        Some(Slot { start, end })
    }

    /// What the rules for booking know of it.
    pub(super) fn kind(&self) -> SessionKind<'_> {
        SessionKind::new(self.is_free_consultation, self.booking_resource_name.as_deref())
    }

    /// The columns of the client's appointment.
    pub(super) fn appointment(&self) -> Appointment<'_> {
        Appointment {
            booking_id: &self.booking_id,
            person: Person {
                name: self.invitee_name.as_deref(),
                phone: self.invitee_phone.as_deref(),
                email: self.invitee_email.as_deref(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{TherapistId, UserId};

    /// From scheduled: rescheduled, cancelled. Live: cancelled, completed, no-show. Ended: no-show, completed, cancelled
    /// (by an admin). Between no-show and completed: a correction (by an admin). Cancelled: confirmed.
    #[test]
    fn only_the_listed_moves_are_allowed() {
        use BookingState as S;
        let own = Scope::Own { therapist: TherapistId::from("T1"), user: UserId(1) };
        let all =
            [Transition::Reschedule, Transition::Cancel, Transition::Complete, Transition::NoShow, Transition::Restore];
        let allowed = |state, scope: &Scope| -> Vec<Transition> {
            all.into_iter().filter(|wanted| wanted.is_allowed(state, scope)).collect()
        };
        let admin = Scope::Practice;
        assert_eq!(allowed(S::Scheduled, &admin), [Transition::Reschedule, Transition::Cancel]);
        assert_eq!(allowed(S::Live, &admin), [Transition::Cancel, Transition::Complete, Transition::NoShow]);
        assert_eq!(allowed(S::PendingNotes, &admin), [Transition::Cancel, Transition::Complete, Transition::NoShow]);
        assert_eq!(allowed(S::NoShow, &admin), [Transition::Complete]);
        assert_eq!(allowed(S::Completed, &admin), [Transition::NoShow]);
        assert_eq!(allowed(S::Cancelled, &admin), [Transition::Restore]);
        assert_eq!(allowed(S::PendingNotes, &own), [Transition::Complete, Transition::NoShow]);
        assert_eq!(allowed(S::NoShow, &own), []);
        assert_eq!(allowed(S::Completed, &own), []);
    }
}
