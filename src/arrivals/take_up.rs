//! Takes up one booking or request, in the transaction of the caller.

use std::collections::BTreeSet;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    booking_requests,
    bookings::{self, Former},
    domain::{
        ids::{BookingId, BookingRequestId, NoteId},
        time::Timestamp,
    },
    error::{Error, Result},
    notes, payments,
};

/// The subject of arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Booking(BookingId),
    Request(BookingRequestId),
}

/// An arrival of a booking.
struct Arrival {
    what: String,
    note_id: Option<NoteId>,
    was_there: bool,
    status_before: Option<String>,
    start_before: Timestamp,
    refund_before: Option<String>,
    is_load: bool,
}

/// Waits less for locks than requests do: another program may hold a booking for long, and the others do not wait for it.
pub(super) async fn hurry(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query!("select set_config('lock_timeout', '500ms', true)").fetch_one(uow.db()).await?;
    Ok(())
}

/// Takes up a subject; nothing, where another instance is at it.
pub(super) async fn take_up(uow: &mut UnitOfWork, subject: &Subject) -> Result<()> {
    match subject {
        Subject::Booking(id) => {
            let arrivals = claim(uow, id).await?;
            if arrivals.is_empty() {
                return Ok(());
            }
            match booking(uow, id, &arrivals).await {
                // Deleted, now or before it was taken up; or a note of no session.
                Err(Error::NotFound(_)) if arrivals.iter().any(|arrival| arrival.what == "booking") => {
                    bookings::leave(uow, id).await?;
                }
                Err(Error::NotFound(_)) => {}
                done => done?,
            }
        }
        Subject::Request(id) => {
            let claimed = sqlx::query_scalar!(
                r#"with claimed as (
                       select arrival_id, is_load from internal.arrivals where request_id = $1 for update skip locked
                   ), taken as (
                       delete from internal.arrivals where arrival_id in (select arrival_id from claimed)
                   )
                   select bool_and(is_load)
                   from claimed"#,
                id.0,
            )
            .fetch_one(uow.db())
            .await?;
            let Some(is_load) = claimed else { return Ok(()) };
            match booking_requests::arrive(uow, *id, !is_load).await {
                // Deleted before it was taken up.
                Err(Error::NotFound(_)) => {}
                done => done?,
            }
        }
    }
    if uow.is_idle() {
        uow.record(Entry::new("arrival", "Another program wrote what needs nothing more").quiet());
    }
    Ok(())
}

/// Claims the arrivals of a booking, the oldest first: they are gone with the commit.
async fn claim(uow: &mut UnitOfWork, id: &BookingId) -> Result<Vec<Arrival>> {
    let claimed = sqlx::query_as!(
        Arrival,
        r#"with claimed as (
               select * from internal.arrivals where booking_id = $1 for update skip locked
           ), taken as (
               delete from internal.arrivals where arrival_id in (select arrival_id from claimed)
           )
           select what as "what!",
                  note_id as "note_id: NoteId",
                  was_there as "was_there!",
                  status_before,
                  start_before as "start_before!: Timestamp",
                  refund_before,
                  is_load as "is_load!"
           from claimed
           order by arrival_id"#,
        id.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(claimed)
}

async fn booking(uow: &mut UnitOfWork, id: &BookingId, arrivals: &[Arrival]) -> Result<()> {
    let tells = arrivals.iter().any(|arrival| !arrival.is_load);
    let mut of_booking = arrivals.iter().filter(|arrival| arrival.what == "booking");
    let mut has_money = arrivals.iter().any(|arrival| arrival.what == "money");
    // How far the refund was when it was last taken up, whichever table says so.
    let refund = arrivals.iter().find_map(|arrival| arrival.refund_before.as_deref());
    if let Some(first) = of_booking.next() {
        let is_new = !first.was_there || of_booking.any(|later| !later.was_there);
        let former = Former { status: first.status_before.clone(), start_at: first.start_before };
        has_money |= bookings::arrive(uow, id, (!is_new).then_some(&former), tells).await?.as_deref() != refund;
    }
    if has_money {
        payments::arrive(uow, id, refund, tells).await?;
    }
    let notes: BTreeSet<NoteId> = arrivals.iter().filter_map(|arrival| arrival.note_id).collect();
    for note in notes {
        notes::arrive(uow, id, note, tells).await?;
    }
    Ok(())
}

/// Locks the therapists of several bookings, before anything else of them is.
pub(super) async fn lock_therapists(uow: &mut UnitOfWork, subjects: &[Subject]) -> Result<()> {
    let ids: Vec<&str> = subjects
        .iter()
        .filter_map(|subject| match subject {
            Subject::Booking(id) => Some(id.as_str()),
            Subject::Request(_) => None,
        })
        .collect();
    sqlx::query!(
        "select
         from therapists t
         where t.therapist_id in (select b.therapist_id from bookings b where b.booking_id = any ($1))
         order by t.therapist_id
         for no key update",
        &ids as &[&str],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(())
}
