//! Reassigning upcoming sessions to another therapist, many at once: the bookings of a transfer.
//!
//! The caller has locked the therapists (by id), then the clients. Every operation on a booking takes those locks first, so
//! what is found here stays until the transaction ends.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::lock::lock_all;
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        contact::{Email, Phone},
        ids::{BookingId, ClientId, TherapistId},
        time::{KnownTimestamp, Timestamp},
    },
    error::Result,
    therapists::Therapist,
};

/// A scheduled session of a client that starts later than now.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// The booking.
    pub booking_id: BookingId,
    /// The client.
    pub client_id: ClientId,
    /// The therapist who holds it.
    pub therapist_id: Option<TherapistId>,
    /// When it starts; absent where that is outside the calendar.
    pub booking_start_at: Timestamp,
    /// When it ends.
    pub booking_end_at: Timestamp,
}

/// A session, and when it takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// The booking.
    pub booking_id: BookingId,
    /// When it starts.
    #[schema(value_type = KnownTimestamp)]
    pub booking_start_at: Timestamp,
    /// When it ends.
    #[schema(value_type = KnownTimestamp)]
    pub booking_end_at: Timestamp,
}

impl From<&Ahead> for Span {
    fn from(ahead: &Ahead) -> Self {
        Self {
            booking_id: ahead.booking_id.clone(),
            booking_start_at: ahead.booking_start_at,
            booking_end_at: ahead.booking_end_at,
        }
    }
}

impl Span {
    /// Both ends, if they are on the calendar.
    fn times(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.booking_start_at.instant().zip(self.booking_end_at.instant())
    }
}

/// The upcoming sessions of clients, with any therapist; locked in the order of their ids, returned by their start.
pub async fn ahead_of(uow: &mut UnitOfWork, clients: &[ClientId]) -> Result<Vec<Ahead>> {
    let now = Timestamp::from(uow.now());
    let mut ahead = sqlx::query_as!(
        Ahead,
        r#"select b.booking_id as "booking_id!: BookingId",
                  a.client_id as "client_id!: ClientId",
                  b.therapist_id as "therapist_id: TherapistId",
                  b.booking_start_at as "booking_start_at!: Timestamp",
                  internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                       b.invitee_payment_amount) as "booking_end_at!: Timestamp"
           from appointment_table a
           join bookings b on b.booking_id = a.session_id
           where a.client_id = any ($1)
             and b.booking_start_at > $2
             and internal.is_active(b.booking_status)
             and internal.booking_state(
                     internal.booking_status(b.booking_status),
                     b.booking_start_at,
                     internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                          b.invitee_payment_amount),
                     exists (
                         select
                         from client_session_notes n
                         left join internal.session_notes own on own.note_id = n.note_id
                         where n.booking_id = b.booking_id
                           and (own.note_id is null or own.signed_at is not null)
                     ),
                     $2
                 ) = 'scheduled'
           order by b.booking_id
           for no key update of b"#,
        clients as &[ClientId],
        now as Timestamp,
    )
    .fetch_all(uow.db())
    .await?;
    ahead.sort_by(|a, b| (a.booking_start_at, &a.booking_id).cmp(&(b.booking_start_at, &b.booking_id)));
    Ok(ahead)
}

/// The sessions that keep others from moving to a therapist: by the moving session's id, the first that overlaps it.
///
/// That is one of the therapist's own; or else another of those that move, the one that starts earlier.
pub async fn clashes(uow: &mut UnitOfWork, to: &Therapist, moving: &[Span]) -> Result<HashMap<BookingId, Span>> {
    let first = moving.iter().filter_map(Span::times).map(|(start, _)| start).min();
    let last = moving.iter().filter_map(Span::times).map(|(_, end)| end).max();
    let (Some(first), Some(last)) = (first, last) else { return Ok(HashMap::new()) };
    // Both ends of the index range are bounded, as no session takes more than a day.
    let kept = sqlx::query_as!(
        Span,
        r#"select b.booking_id as "booking_id!: BookingId",
                  b.booking_start_at as "booking_start_at!: Timestamp",
                  v.end_at as "booking_end_at!: Timestamp"
           from bookings b
           cross join lateral (
               select internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                           b.invitee_payment_amount) as end_at
           ) v
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and v.end_at > $2
             and v.end_at < $3::timestamp + interval '1 day'
             and b.booking_start_at < $3
             and b.booking_id is not null
           order by b.booking_start_at, b.booking_id"#,
        to.therapist_id.as_str(),
        Timestamp::from(first) as Timestamp,
        Timestamp::from(last) as Timestamp,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(in_the_way(&kept, moving))
}

/// As [`clashes`], with the therapist's own sessions in the order of their start.
fn in_the_way(kept: &[Span], moving: &[Span]) -> HashMap<BookingId, Span> {
    let overlap = |a: &Span, b: &Span| match (a.times(), b.times()) {
        (Some(a), Some(b)) => a.0 < b.1 && b.0 < a.1,
        _ => false,
    };
    let mut moving: Vec<&Span> = moving.iter().collect();
    moving.sort_by_key(|span| (span.booking_start_at, &span.booking_id));
    let mut found = HashMap::new();
    let mut accepted: Option<&Span> = None;
    for span in moving {
        let Some((start, end)) = span.times() else { continue };
        let earliest = Timestamp::from(start - TimeDelta::days(1));
        let from = kept.partition_point(|own| own.booking_start_at < earliest);
        let until = kept.partition_point(|own| own.booking_start_at < Timestamp::from(end));
        let own = kept.get(from..until).into_iter().flatten().find(|own| overlap(own, span));
        // Those accepted do not overlap each other, so the last of them ends last.
        match own.or(accepted.filter(|last| overlap(last, span))) {
            Some(other) => {
                found.insert(span.booking_id.clone(), other.clone());
            }
            None => accepted = Some(span),
        }
    }
    found
}

/// Reassigns bookings to a therapist, with their columns about the host.
///
/// The provider's id of the host is the therapist's id where it was so before, and unknown otherwise.
pub async fn reassign(uow: &mut UnitOfWork, bookings: &[BookingId], to: &Therapist) -> Result<()> {
    if bookings.is_empty() {
        return Ok(());
    }
    let now = Timestamp::from(uow.now());
    let contact =
        sqlx::query_scalar!("select contact_info from therapists where therapist_id = $1", to.therapist_id.as_str(),)
            .fetch_optional(uow.db())
            .await?
            .flatten();
    let words = || contact.iter().flat_map(|contact| contact.split([',', ';', '/', '|', '\n'])).map(str::trim);
    let (phone, email) = (words().find_map(Phone::parse), words().find_map(Email::parse));
    lock_all(uow.db(), bookings).await?;
    sqlx::query!(
        "update bookings
         set therapist_id = $2::text,
             booking_host_user_id = case when booking_host_user_id = therapist_id then $2::text end,
             booking_host_name = $3,
             booking_host_phone = $4,
             booking_host_email = $5,
             booking_updated_at = $6
         where booking_id = any ($1)",
        bookings as &[BookingId],
        to.therapist_id.as_str(),
        to.name,
        phone.as_ref().map(Phone::as_str),
        email.as_ref().map(Email::as_str),
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session by its name and its minutes of one day.
    fn span(name: &str, from: i64, to: i64) -> Span {
        let day: DateTime<Utc> = "2026-02-05T00:00:00Z".parse().expect("an instant");
        let at = |minutes| Timestamp::from(day + TimeDelta::minutes(minutes));
        Span { booking_id: name.into(), booking_start_at: at(from), booking_end_at: at(to) }
    }

    fn pairs(kept: &[Span], moving: &[Span]) -> Vec<String> {
        let found = in_the_way(kept, moving);
        let mut pairs: Vec<String> =
            found.iter().map(|(moving, other)| format!("{moving}-{}", other.booking_id)).collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn sessions_that_only_touch_do_not_clash() {
        let kept = [span("k", 0, 50), span("l", 100, 150)];
        assert_eq!(pairs(&kept, &[span("a", 50, 100)]), [] as [&str; 0]);
        assert_eq!(pairs(&kept, &[span("a", 49, 100)]), ["a-k"]);
        assert_eq!(pairs(&kept, &[span("a", 50, 101)]), ["a-l"]);
        assert_eq!(pairs(&kept, &[span("a", 0, 200), span("b", 10, 20)]), ["a-k", "b-k"]);
    }

    #[test]
    fn a_long_session_is_found_from_its_end() {
        let kept = [span("k", 0, 1440), span("l", 10, 20)];
        assert_eq!(pairs(&kept, &[span("a", 1430, 1450)]), ["a-k"]);
    }

    #[test]
    fn of_two_that_move_the_later_one_is_in_the_way() {
        let moving = [span("b", 10, 60), span("a", 0, 50), span("c", 50, 100)];
        assert_eq!(pairs(&[], &moving), ["b-a"]);
        // A session that cannot move blocks no other one.
        assert_eq!(pairs(&[span("k", 0, 10)], &moving), ["a-k", "c-b"]);
    }

    #[test]
    fn what_is_beyond_the_calendar_clashes_with_nothing() {
        let never =
            Span { booking_id: "n".into(), booking_start_at: Timestamp::ABSENT, booking_end_at: Timestamp::ABSENT };
        assert_eq!(pairs(&[span("k", 0, 50)], &[never.clone(), never]), [] as [&str; 0]);
    }
}
