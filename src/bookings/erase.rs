//! Erasing a person from bookings.

use serde::Serialize;

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ERASED, Erased, RowsToErase},
    domain::{
        ids::{BookingId, TherapistId},
        status::BookingStatus,
        time::Timestamp,
    },
    error::Result,
};

/// A session that is not over.
#[derive(Debug, Serialize)]
pub struct SessionAhead {
    /// The booking.
    pub booking_id: BookingId,
    /// When it starts.
    pub booking_start_at: Timestamp,
    /// With whom.
    pub therapist_id: Option<TherapistId>,
}

/// The active sessions that are ahead, or running.
pub async fn not_over(uow: &mut UnitOfWork, bookings: &[BookingId]) -> Result<Vec<SessionAhead>> {
    let now = Timestamp::from(uow.now());
    let ahead = sqlx::query_as!(
        SessionAhead,
        r#"select booking_id as "booking_id!: BookingId",
                  booking_start_at as "booking_start_at!: Timestamp",
                  therapist_id as "therapist_id: TherapistId"
           from bookings
           where booking_id = any ($1)
             and internal.is_active(booking_status)
             and internal.booking_end(booking_start_at, booking_end_at, booking_duration, invitee_payment_amount) > $2
           order by booking_start_at, booking_id"#,
        bookings as &[BookingId],
        now as Timestamp,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(ahead)
}

/// Removes from a client's bookings, and from the records of their cancellations, the data that identifies the client,
/// and the texts. Time, therapist, state and money stay. No note will follow any more, so a session that took place is
/// completed.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    let now = Timestamp::from(uow.now());
    let pattern = theirs.pattern();
    sqlx::query!(
        "update bookings
         set invitee_id = null,
             invitee_name = $2,
             invitee_phone = null,
             invitee_email = null,
             invitee_question = null,
             invitee_token = null,
             invitee_country = null,
             invitee_city = null,
             invitee_timezone = null,
             invitee_cancelled_reason = null,
             booking_subject = null,
             booking_checkin_url = null,
             booking_joining_link = null,
             booking_cancelled_by = coalesce(regexp_replace(booking_cancelled_by, $4, $2, 'gi'), booking_cancelled_by),
             booking_cancel_reason = null,
             emergency_contact_name = null,
             emergency_contact_relation = null,
             emergency_contact_number = null,
             booking_status = case
                 when internal.is_active(booking_status)
                     and internal.booking_status(booking_status) is distinct from $5
                 then $5
                 else booking_status
             end,
             booking_updated_at = $3
         where booking_id = any ($1)",
        &theirs.bookings as &[BookingId],
        ERASED,
        now as Timestamp,
        pattern.as_deref(),
        BookingStatus::Completed.as_str(),
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update booking_cancelled
         set invitee_id = null,
             invitee_name = $2,
             invitee_number = null,
             invitee_email = null,
             cancelled_by = coalesce(regexp_replace(cancelled_by, $3, $2, 'gi'), cancelled_by),
             cancel_reason = null
         where id = any ($1)",
        &theirs.cancellations,
        ERASED,
        pattern.as_deref(),
    )
    .execute(uow.db())
    .await?;
    Ok(vec![
        Erased::anonymised(
            "bookings",
            &theirs.bookings,
            &[
                "invitee_id",
                "invitee_name",
                "invitee_phone",
                "invitee_email",
                "invitee_question",
                "invitee_token",
                "invitee_country",
                "invitee_city",
                "invitee_timezone",
                "invitee_cancelled_reason",
                "invitee_payment_name",
                "booking_subject",
                "booking_checkin_url",
                "booking_joining_link",
                "booking_cancelled_by",
                "booking_cancel_reason",
                "booking_status",
                "emergency_contact_name",
                "emergency_contact_relation",
                "emergency_contact_number",
            ],
            "The practice's figures and money records: time, therapist, state, amounts and references.",
        ),
        Erased::anonymised(
            "booking_cancelled",
            &theirs.cancellations,
            &["invitee_id", "invitee_name", "invitee_number", "invitee_email", "cancelled_by", "cancel_reason"],
            "The practice's figures count the cancellations.",
        ),
    ])
}
