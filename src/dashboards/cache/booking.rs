//! Updates the caches after bookings were created, changed or removed: one, or many at once, by the same statements.

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{ids::BookingId, time::Timestamp},
    error::Result,
};

/// The bookings as the caches counted them before the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the caches have to follow the change"]
pub struct Before {
    therapist_id: Option<String>,
    client_id: Option<String>,
    /// `active`, `cancelled` or `no_show`; none if there is no booking.
    counts_as: Option<String>,
}

impl Before {
    /// Of a booking that is about to be made.
    pub fn nothing() -> Self {
        Self::default()
    }
}

/// Reads how the caches count a booking, and locks it, before it is changed.
pub async fn before(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Before> {
    Ok(before_all(uow, std::slice::from_ref(booking)).await?.pop().unwrap_or_default())
}

/// Reads how the caches count bookings, and locks them in the order of their ids, before they are changed.
pub async fn before_all(uow: &mut UnitOfWork, bookings: &[BookingId]) -> Result<Vec<Before>> {
    let before = sqlx::query_as!(
        Before,
        r#"select b.therapist_id,
                  a.client_id,
                  case when internal.is_active(b.booking_status) then 'active'
                       else internal.booking_status(b.booking_status)
                  end as counts_as
           from bookings b
           left join lateral internal.appointment_of(b.booking_id) a on true
           where b.booking_id = any ($1)
           order by b.booking_id
           for no key update of b"#,
        bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(before)
}

/// Updates all caches after the change of a booking: created, rescheduled, cancelled, restored, completed, transferred,
/// edited, removed.
///
/// Call it once per change, after the booking and its appointment have been written.
pub async fn follow(uow: &mut UnitOfWork, booking: &BookingId, before: Before) -> Result<()> {
    follow_all(uow, std::slice::from_ref(booking), &[before]).await
}

/// Updates all caches after the change of many bookings at once, of any therapists.
pub async fn follow_all(uow: &mut UnitOfWork, bookings: &[BookingId], before: &[Before]) -> Result<()> {
    let now = Timestamp::from(uow.now());
    let db = uow.db();
    let before = Known {
        therapists: before.iter().map(|before| before.therapist_id.as_deref()).collect(),
        clients: before.iter().filter_map(|before| before.client_id.as_deref()).collect(),
        counted_as: before.iter().map(|before| before.counts_as.as_deref()).collect(),
    };
    sqlx::query!(
        "select internal.follow_bookings($1, $2, $3, $4, $5)",
        bookings as &[BookingId],
        &before.therapists as &[Option<&str>],
        &before.clients as &[&str],
        &before.counted_as as &[Option<&str>],
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The former counts, column by column.
struct Known<'a> {
    therapists: Vec<Option<&'a str>>,
    clients: Vec<&'a str>,
    counted_as: Vec<Option<&'a str>>,
}
