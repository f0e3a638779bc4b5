//! Locking a therapist's row, so that two requests cannot book the same hour.
//!
//! Everything that changes who is busy when takes this lock first, before the client's and the booking's, so that
//! decisions about one therapist follow each other on all instances. `for no key update`, because a plain `for update`
//! would block every audit row that refers to the therapist.

use sqlx::PgConnection;

use super::refusal::TherapistRefusal;
use crate::{
    domain::{ids::TherapistId, text::NO_NAME},
    error::Result,
};

/// A therapist, locked until the transaction ends.
#[derive(Debug)]
pub struct Therapist {
    /// The id.
    pub therapist_id: TherapistId,
    /// The name.
    pub name: String,
    /// How many upcoming bookings they take; 0: any number.
    pub capacity: i32,
}

/// Locks a therapist; `None` if there is none with this id.
pub async fn lock(db: &mut PgConnection, id: &TherapistId) -> Result<Option<Therapist>> {
    if !id.is_possible() {
        return Ok(None);
    }
    let therapist = sqlx::query_as!(
        Therapist,
        r#"select therapist_id as "therapist_id!: TherapistId",
                  coalesce(name, $2) as "name!",
                  greatest(coalesce(capacity, 0), 0) as "capacity!"
           from therapists
           where therapist_id = $1
           for no key update"#,
        id.as_str(),
        NO_NAME,
    )
    .fetch_optional(db)
    .await?;
    Ok(therapist)
}

/// Fails if the therapist, whose row must be locked, has retired: they take no sessions and no clients.
///
/// A statement of its own after [`lock`], since the locking statement sees the data from before its wait.
///
/// # Errors
///
/// [`TherapistRefusal::Retired`].
pub async fn ensure_at_work(db: &mut PgConnection, therapist: &Therapist) -> Result<()> {
    let retired = sqlx::query_scalar!(
        r#"select exists (select from internal.retirements where therapist_id = $1) as "retired!""#,
        therapist.therapist_id.as_str(),
    )
    .fetch_one(db)
    .await?;
    if retired { Err(TherapistRefusal::Retired.into()) } else { Ok(()) }
}
