//! Repairs of rows that other programs left in `bookings`. `integrity` finds the rows and calls these repairs.
//!
//! Locks as everywhere: therapists (by id), clients, bookings. The caches follow each repair.

mod complete;
mod times;

pub use self::{
    complete::{add_refund_rows, complete},
    times::{Disagreement, IST, disagreements, retime},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    bookings::lock::lock_therapists,
    db::repair::{BATCH, RepairedRows},
    domain::ids::BookingId,
    error::{Error, Result},
};

/// A column of status words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// `booking_status`.
    BookingStatus,
    /// `invitee_status`.
    InviteeStatus,
    /// `booking_mode`; one that contains an address stays, since no other column has it.
    BookingMode,
}

/// Writes the known words of a column in their written form. The caches have them in that form already.
pub async fn respell(uow: &mut UnitOfWork, words: Words) -> Result<RepairedRows> {
    let db = uow.db();
    let repaired = match words {
        Words::BookingStatus => {
            sqlx::query_as!(
                RepairedRows,
                r#"with changed as (
                       update bookings
                       set booking_status = internal.booking_status(booking_status)
                       where booking_status <> internal.booking_status(booking_status)
                       returning coalesce(booking_id, '') as id
                   )
                   select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
                   from changed"#,
            )
            .fetch_one(db)
            .await
        }
        Words::InviteeStatus => {
            sqlx::query_as!(
                RepairedRows,
                r#"with changed as (
                       update bookings
                       set invitee_status = internal.invitee_status(invitee_status)
                       where invitee_status <> internal.invitee_status(invitee_status)
                       returning coalesce(booking_id, '') as id
                   )
                   select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
                   from changed"#,
            )
            .fetch_one(db)
            .await
        }
        Words::BookingMode => {
            sqlx::query_as!(
                RepairedRows,
                r#"with changed as (
                       update bookings
                       set booking_mode = internal.booking_mode(booking_mode)
                       where booking_mode <> internal.booking_mode(booking_mode)
                         and translate(internal.word(booking_mode), ' -', '__') not like 'in\_person_%'
                       returning coalesce(booking_id, '') as id
                   )
                   select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
                   from changed"#,
            )
            .fetch_one(db)
            .await
        }
    }?;
    Ok(repaired)
}

/// Gives ids to bookings without one, the oldest first, at most [`BATCH`].
pub async fn give_ids(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let places = sqlx::query_scalar!(
        r#"select ctid::text as "place!"
           from bookings
           where booking_id is null
           order by booking_start_at, invitee_created_at
           limit $1
           for no key update"#,
        BATCH,
    )
    .fetch_all(uow.db())
    .await?;
    let ids: Vec<BookingId> = places.iter().map(|_| BookingId::new_at(uow.now())).collect();
    let given = sqlx::query!(
        "update bookings b
         set booking_id = given.id
         from unnest($1::text[], $2::text[]) as given (place, id)
         where b.ctid = given.place::tid
           and b.booking_id is null",
        &places,
        &ids as &[BookingId],
    )
    .execute(uow.db())
    .await?;
    if given.rows_affected() != ids.len() as u64 {
        return Err(Error::contended("bookings without an id were changed while they were given one"));
    }
    lock_therapists(uow.db(), &ids).await?;
    let mut repaired = RepairedRows::default();
    for id in ids {
        uow.record(Entry::new("booking_id_given", "Gave an id to a booking that had none").on("booking", &id).quiet());
        repaired.add(id);
    }
    Ok(repaired)
}
