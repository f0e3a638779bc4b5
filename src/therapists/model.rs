//! A therapist: the columns of `therapists`, and values computed from them, from the bookings and the clock.
//!
//! A row of `internal.retirements` makes a therapist retired. The version for `If-Match` covers the columns that people
//! edit: `sessions_booked`, which every booking changes, is no part of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{BookingId, TherapistId},
        time::Timestamp,
    },
    error::{Error, Result},
    http::etag::Versioned,
};

/// Somebody who holds sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Therapist, example = json!({
    "id": 1,
    "therapist_id": "58701",
    "name": "Asha Rao",
    "specialization": "Individual Therapy, Couples Therapy",
    "contact_info": "asha.rao@example.org",
    "sessions_booked": 12,
    "capacity": 30,
    "created_at": "2025-01-06T04:30:00Z",
    "therapies": ["Individual Therapy", "Couples Therapy"],
    "live_booking_id": null,
    "retired_at": null
}))]
pub struct Profile {
    /// The number of the row.
    pub(super) id: i32,
    /// The therapist's id, by which everything else names them.
    pub(super) therapist_id: TherapistId,
    /// Their name.
    pub(super) name: String,
    /// The therapies offered, separated by commas.
    pub(super) specialization: Option<String>,
    /// A phone or an e-mail address.
    pub(super) contact_info: Option<String>,
    /// How many of their active sessions are ahead; counted as of now.
    pub(super) sessions_booked: i64,
    /// How many they take at most; 0: any number.
    pub(super) capacity: i32,
    /// Since when they are here.
    pub(super) created_at: Timestamp,
    /// The therapies offered, each once.
    pub(super) therapies: Vec<String>,
    /// The session they are in now; null if they are in none.
    pub(super) live_booking_id: Option<BookingId>,
    /// Since when they take no sessions any more; null while they do.
    pub(super) retired_at: Timestamp,
    #[serde(skip)]
    version: String,
}

impl Profile {
    /// The therapist.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn read(db: &mut PgConnection, id: &TherapistId, now: DateTime<Utc>) -> Result<Self> {
        if !id.is_possible() {
            return Err(Error::NotFound("therapist"));
        }
        let profile = sqlx::query_as!(
            Self,
            r#"select t.id,
                      t.therapist_id as "therapist_id!: TherapistId",
                      coalesce(t.name, '(no name)') as "name!",
                      t.specialization,
                      t.contact_info,
                      internal.therapist_upcoming(t.therapist_id, $2) as "sessions_booked!",
                      greatest(coalesce(t.capacity, 0), 0) as "capacity!",
                      t.created_at as "created_at!: Timestamp",
                      internal.therapies(t.specialization) as "therapies!",
                      internal.therapist_live(t.therapist_id, $2) as "live_booking_id: BookingId",
                      r.retired_at at time zone 'UTC' as "retired_at!: Timestamp",
                      hashtextextended(
                          row(t.therapist_id, t.name, t.specialization, t.contact_info, t.capacity, r.retired_at)::text,
                          0
                      )::text as "version!"
               from therapists t
               left join internal.retirements r on r.therapist_id = t.therapist_id
               where t.therapist_id = $1
               order by t.id
               limit 1"#,
            id.as_str(),
            Timestamp::from(now) as Timestamp,
        )
        .fetch_optional(db)
        .await?;
        profile.ok_or(Error::NotFound("therapist"))
    }

    /// The version that `If-Match` names.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// As an answer, with its version.
    pub fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}

/// Fails unless some row names this therapist: their own, or a resource or booking of one who is not in the table (the
/// organisation's own host).
///
/// # Errors
///
/// [`Error::NotFound`].
pub async fn ensure_named(db: &mut PgConnection, id: &TherapistId) -> Result<()> {
    if !id.is_possible() {
        return Err(Error::NotFound("therapist"));
    }
    let named = sqlx::query_scalar!(
        r#"select exists (select from therapists where therapist_id = $1)
               or exists (select from therapist_resources where therapist_id = $1)
               or exists (select from bookings where therapist_id = $1 and booking_id is not null) as "named!""#,
        id.as_str(),
    )
    .fetch_one(db)
    .await?;
    if named { Ok(()) } else { Err(Error::NotFound("therapist")) }
}
