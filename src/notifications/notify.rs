//! Notifies users of an event: one statement, one row for each of them.
//!
//! The statement also sends [`listen::NEWS`] without a payload, so that PostgreSQL delivers it once however many rows a
//! transaction writes.

use crate::{
    app::{listen, unit_of_work::UnitOfWork},
    domain::{
        ids::{TherapistId, UserId},
        status::words,
        text::cut,
        time::IstTimestamp,
    },
    error::Result,
};

words! {
    /// The kind of event.
    #[schema(title = "NotificationKind")]
    pub enum NotificationKind {
        /// A session was booked.
        NewBooking,
        /// A booking link was sent.
        NewBookingRequest,
        /// A session was cancelled.
        BookingCancelled,
        /// A session was moved to another time.
        BookingRescheduled,
        /// A client did not come.
        NoShow,
        /// A client was transferred from one therapist to another; for admins.
        ClientTransfer,
        /// A client was transferred to you.
        ClientTransferIn,
        /// A client of yours was transferred to another therapist.
        ClientTransferOut,
        /// The note of a session was signed.
        SessionNotesSubmitted,
        /// A refund was opened.
        RefundRequested,
        /// A refund was paid.
        RefundProcessed,
        /// A therapist calls for help.
        SosTicket,
        /// An admin opened clinical text.
        BreakGlass,
        /// An admin exported a client's data, notes included.
        ExportReview,
        /// The erasure of a client's data was requested, carried out or withdrawn, or the request expired.
        EraseRequest,
        /// A note records a higher risk.
        RiskRaised,
        /// An account was made, enabled, reset, or given another role or therapist.
        AccountChanged,
        /// Somebody sends wrong codes or passwords for your account.
        LoginAlert,
        /// The audit trail was rewritten in the database.
        TrailBroken,
        /// Nothing more is sent to a webhook endpoint: it failed for days, or is gone.
        WebhookDisabled,
    }
}

/// The length of `notifications.title`.
const TITLE_CHARS: usize = 255;
/// The length of `notifications.related_id`; ids made here are shorter.
pub(super) const RELATED_ID_CHARS: usize = 50;

/// A notification to send. Neither title nor message contains contact data or clinical text.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The kind of event.
    pub kind: NotificationKind,
    /// In a few words.
    pub title: &'a str,
    /// In a sentence.
    pub message: &'a str,
    /// The id of its subject, of the table that the kind says: a booking, a transfer, a booking request, a grant of
    /// break-glass or an export, a request to erase, or a change of an account. None where there is no subject: a refund of
    /// a payment without a booking.
    pub related_id: Option<&'a str>,
    /// The recipients. A user named twice is notified once.
    pub to: &'a [Recipient],
}

/// Recipients. Only users that can log in are notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// All admins but the one whose doing it is.
    Admins,
    /// All admins.
    EveryAdmin,
    /// The users of that therapist, but the one whose doing it is.
    Therapist(TherapistId),
    /// That user, whoever's doing it is.
    User(UserId),
}

/// Writes the notifications of a notice, and wakes the streams of all instances at the commit.
pub async fn notify(uow: &mut UnitOfWork, notice: Notice<'_>) -> Result<()> {
    let at = IstTimestamp::from(uow.now());
    let actor = uow.actor().map(|actor| actor.user_id.0);
    let therapists: Vec<&str> = notice
        .to
        .iter()
        .filter_map(|recipient| match recipient {
            Recipient::Therapist(therapist) => Some(therapist.as_str()),
            Recipient::Admins | Recipient::EveryAdmin | Recipient::User(_) => None,
        })
        .collect();
    let users: Vec<i32> = notice
        .to
        .iter()
        .filter_map(|recipient| match recipient {
            Recipient::User(user) => Some(user.0),
            Recipient::Admins | Recipient::EveryAdmin | Recipient::Therapist(_) => None,
        })
        .collect();
    sqlx::query!(
        "select internal.notify($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        notice.kind.as_str(),
        cut(notice.title, TITLE_CHARS),
        notice.message,
        notice.related_id.map(|id| cut(id, RELATED_ID_CHARS)),
        at as IstTimestamp,
        actor,
        notice.to.contains(&Recipient::Admins),
        notice.to.contains(&Recipient::EveryAdmin),
        &therapists as &[&str],
        &users,
        listen::NEWS,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
