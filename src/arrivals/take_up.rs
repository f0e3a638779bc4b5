//! Takes up one booking or request, in the transaction of the caller.

use std::collections::BTreeSet;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    booking_requests,
    bookings::{self, Standing},
    domain::{
        ids::{BookingId, BookingRequestId, NoteId},
        status::words,
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

words! {
    /// The row that arrived: the booking or request itself; a payment or refund, or a session note, of the booking.
    enum What {
        Booking,
        Money,
        Note,
        Request,
    }
}

/// An arrival.
struct Arrival {
    what: What,
    note_id: Option<NoteId>,
    was_there: bool,
    status_before: Option<String>,
    start_before: Timestamp,
    refund_before: Option<String>,
    status_after: Option<String>,
    start_after: Timestamp,
    is_load: bool,
}

impl Subject {
    /// The booking.
    pub(super) fn booking(&self) -> Option<&BookingId> {
        match self {
            Self::Booking(id) => Some(id),
            Self::Request(_) => None,
        }
    }

    /// The keys of its arrivals: a booking's, or a request's.
    pub(super) fn keys(&self) -> (Option<&str>, Option<i32>) {
        match self {
            Self::Booking(id) => (Some(id.as_str()), None),
            Self::Request(id) => (None, Some(id.0)),
        }
    }
}

/// Takes up a subject; nothing, where another instance is at it.
pub(super) async fn take_up(uow: &mut UnitOfWork, subject: &Subject) -> Result<()> {
    let arrivals = claim(uow, subject).await?;
    if arrivals.is_empty() {
        return Ok(());
    }
    let tells = arrivals.iter().any(|arrival| !arrival.is_load);
    let taken_up = match subject {
        Subject::Booking(id) => booking(uow, id, &arrivals, tells).await,
        Subject::Request(id) => booking_requests::arrive(uow, *id, tells).await,
    };
    match (taken_up, subject) {
        // Deleted, now or before it was taken up.
        (Err(Error::NotFound(_)), Subject::Booking(id)) if arrivals.iter().any(|one| one.what == What::Booking) => {
            bookings::leave(uow, id);
        }
        // Likewise; or a note of no session.
        (Err(Error::NotFound(_)), _) => {}
        (taken_up, _) => taken_up?,
    }
    if uow.is_idle() {
        uow.record(Entry::new("arrival", "It needs nothing more").quiet());
    }
    Ok(())
}

/// Waits less for locks from here on than requests do: another program may hold a booking for long, and the others do not wait
/// for it.
pub(super) async fn hurry(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query!("select set_config('lock_timeout', '500ms', true)").fetch_one(uow.db()).await?;
    Ok(())
}

/// Claims the arrivals of a subject, the oldest first: they are gone with the commit.
async fn claim(uow: &mut UnitOfWork, subject: &Subject) -> Result<Vec<Arrival>> {
    let (booking, request) = subject.keys();
    let claimed = sqlx::query_as!(
        Arrival,
        r#"with claimed as (
               select * from internal.arrivals where booking_id = $1 or request_id = $2 for update skip locked
           ), taken as (
               delete from internal.arrivals where arrival_id in (select arrival_id from claimed)
           )
           select what as "what!: What",
                  note_id as "note_id: NoteId",
                  was_there as "was_there!",
                  status_before,
                  start_before as "start_before!: Timestamp",
                  refund_before,
                  status_after,
                  start_after as "start_after!: Timestamp",
                  is_load as "is_load!"
           from claimed
           order by arrival_id"#,
        booking,
        request,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(claimed)
}

async fn booking(uow: &mut UnitOfWork, id: &BookingId, arrivals: &[Arrival], tells: bool) -> Result<()> {
    let mut has_money = arrivals.iter().any(|arrival| arrival.what == What::Money);
    // How far the refund was when it was last taken up, whichever table says so.
    let refund = arrivals.iter().find_map(|arrival| arrival.refund_before.as_deref());
    let of_booking: Vec<&Arrival> = arrivals.iter().filter(|arrival| arrival.what == What::Booking).collect();
    if let [first, ..] = of_booking[..]
        && let [.., last] = of_booking[..]
    {
        let former = Standing { status: first.status_before.clone(), start_at: first.start_before };
        let former = first.was_there.then_some(&former);
        let left = Standing { status: last.status_after.clone(), start_at: last.start_after };
        has_money |= bookings::arrive(uow, id, former, &left, tells).await?.as_deref() != refund;
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
