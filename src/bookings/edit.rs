//! Correcting a booking's other columns than its time, its state, its people and its money.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    lock,
    model::Booking,
    refusal::BookingRefusal,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{
        contact::{EmailInput, PhoneInput},
        ids::BookingId,
        status::{BookingMode, BookingState, InviteeStatus},
        text::Text,
        time::{Timestamp, Zone, client_zone, text::invitee_time_text},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path, use_operations, use_payments, use_reschedule, use_transfer},
    },
    payments,
    scheduling::Slot,
};

/// Fields to correct (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "booking_mode": "phone", "booking_joining_link": null }))]
#[expect(dead_code, reason = "the last fields are there to be refused with advice")]
pub(super) struct EditBooking {
    /// The client's name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    invitee_name: Patch<Text<255>>,
    /// The client's phone.
    #[serde(default)]
    #[schema(value_type = Option<PhoneInput>)]
    invitee_phone: Patch<PhoneInput>,
    /// The client's e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<EmailInput>)]
    invitee_email: Patch<EmailInput>,
    /// The client's answer to the question of the booking form.
    #[serde(default)]
    #[schema(value_type = Option<Text<5000>>)]
    invitee_question: Patch<Text<5000>>,
    /// The client's country.
    #[serde(default)]
    #[schema(value_type = Option<Text<100>>)]
    invitee_country: Patch<Text<100>>,
    /// The client's city.
    #[serde(default)]
    #[schema(value_type = Option<Text<100>>)]
    invitee_city: Patch<Text<100>>,
    /// The client's time zone, an IANA name; the time as the client was told it follows.
    #[serde(default)]
    #[schema(value_type = Option<Zone>)]
    invitee_timezone: Patch<Zone>,
    /// `waiting` while the payment is pending, `confirmed` after, which records it; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<InviteeStatus>)]
    invitee_status: Patch<InviteeStatus>,
    /// How the session is held; cleared, it is `google_meet`.
    #[serde(default)]
    #[schema(value_type = Option<BookingMode>)]
    booking_mode: Patch<BookingMode>,
    /// The name of the session.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    booking_resource_name: Patch<Text<255>>,
    /// The subject of the session.
    #[serde(default)]
    #[schema(value_type = Option<Text<500>>)]
    booking_subject: Patch<Text<500>>,
    /// Where an online session is joined.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    booking_joining_link: Patch<Text<2000>>,
    /// Where the client checks in.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    booking_checkin_url: Patch<Text<2000>>,
    /// The name of the emergency contact.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    emergency_contact_name: Patch<Text<255>>,
    /// The emergency contact's relation to the client.
    #[serde(default)]
    #[schema(value_type = Option<Text<100>>)]
    emergency_contact_relation: Patch<Text<100>>,
    /// Their phone.
    #[serde(default)]
    #[schema(value_type = Option<PhoneInput>)]
    emergency_contact_number: Patch<PhoneInput>,
    #[serde(default, deserialize_with = "use_transfer")]
    #[schema(ignore)]
    therapist_id: (),
    #[serde(default, deserialize_with = "use_transfer")]
    #[schema(ignore)]
    client_id: (),
    #[serde(default, deserialize_with = "use_reschedule")]
    #[schema(ignore)]
    booking_start_at: (),
    #[serde(default, deserialize_with = "use_reschedule")]
    #[schema(ignore)]
    booking_end_at: (),
    #[serde(default, deserialize_with = "use_reschedule")]
    #[schema(ignore)]
    booking_duration: (),
    #[serde(default, deserialize_with = "use_operations")]
    #[schema(ignore)]
    booking_status: (),
    #[serde(default, deserialize_with = "use_payments")]
    #[schema(ignore)]
    invitee_payment_amount: (),
    #[serde(default, deserialize_with = "use_payments")]
    #[schema(ignore)]
    refund_amount: (),
    #[serde(default, deserialize_with = "use_payments")]
    #[schema(ignore)]
    refund_status: (),
}

/// Correct a booking
///
/// JSON merge patch. The therapist, the time, the state and the money have operations of their own.
#[utoipa::path(
    patch,
    path = "/bookings/{booking_id}",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), Preconditions),
    request_body = EditBooking,
    responses((status = 200, description = "Corrected", body = ChangedBooking), Problems),
)]
pub(super) async fn edit_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    conditions: Preconditions,
    Json(request): Json<EditBooking>,
) -> Result<Versioned<ChangedBooking>> {
    work.run(async |uow| {
        edit(uow, &scope, &id, &conditions, request).await?;
        answer::read(uow, &scope, &id).await
    })
    .await
}

/// Corrects a booking of the scope.
async fn edit(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
    request: EditBooking,
) -> Result<()> {
    if request.invitee_name == Patch::Clear {
        return Err(Error::body("/invitee_name", "cannot be cleared"));
    }
    if matches!(request.invitee_status, Patch::Clear | Patch::Set(InviteeStatus::Cancelled)) {
        return Err(Error::body("/invitee_status", "must be confirmed or waiting; to cancel, use cancel"));
    }
    let locked = lock::lock(uow, scope, id, conditions).await?;
    if request.invitee_status.is_named() && locked.booking.state == BookingState::Cancelled {
        return Err(BookingRefusal::WrongState { state: BookingState::Cancelled, wanted: "confirmed by PATCH" }.into());
    }
    if request.invitee_status == Patch::Set(InviteeStatus::Waiting)
        && let Some(payment) = payments::arrived_payment(uow.db(), id).await?
    {
        return Err(BookingRefusal::Paid(payment).into());
    }
    let changed = request.names();
    let clears = request.invitee_phone == Patch::Clear || request.invitee_email == Patch::Clear;
    let mut booking = locked.booking.clone();
    request.apply(&mut booking);
    if clears && booking.invitee_phone.is_none() && booking.invitee_email.is_none() {
        return Err(Error::body("/invitee_phone", "a phone or an e-mail address is needed"));
    }
    let now = Timestamp::from(uow.now());
    let zone = client_zone(booking.invitee_timezone.as_deref(), uow.app().zone);
    if let (true, Some(Slot { start, end })) = (changed.contains(&"invitee_timezone"), booking.slot()) {
        booking.booking_invitee_time = Some(invitee_time_text(start, end, &zone.0));
    }
    sqlx::query!(
        "update bookings
         set invitee_name = $2,
             invitee_phone = $3,
             invitee_email = $4,
             invitee_question = $5,
             invitee_country = $6,
             invitee_city = $7,
             invitee_timezone = $8,
             invitee_status = $9,
             booking_mode = case when $10 then $11 else booking_mode end,
             booking_resource_name = $12,
             booking_subject = $13,
             booking_joining_link = $14,
             booking_checkin_url = $15,
             emergency_contact_name = $16,
             emergency_contact_relation = $17,
             emergency_contact_number = $18,
             booking_invitee_time = $19,
             booking_updated_at = $20
         where booking_id = $1",
        id.as_str(),
        booking.invitee_name,
        booking.invitee_phone,
        booking.invitee_email,
        booking.invitee_question,
        booking.invitee_country,
        booking.invitee_city,
        booking.invitee_timezone,
        booking.invitee_status,
        changed.contains(&"booking_mode"),
        booking.booking_mode,
        booking.booking_resource_name,
        booking.booking_subject,
        booking.booking_joining_link,
        booking.booking_checkin_url,
        booking.emergency_contact_name,
        booking.emergency_contact_relation,
        booking.emergency_contact_number,
        booking.booking_invitee_time,
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    if changed.contains(&"invitee_status") {
        payments::record_confirmed(uow, id).await?;
    }
    uow.record(
        Entry::new("booking_edit", format!("Corrected the booking of {}", locked.client.name))
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({ "changed": changed })),
    );
    Ok(())
}

/// Lists the fields once, for all statements that use them.
macro_rules! each_field {
    ($($field:ident),+ $(,)?) => {
        impl EditBooking {
            /// The fields it names.
            fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_named() {
                    names.push(stringify!($field));
                })+
                if self.booking_mode.is_named() {
                    names.push("booking_mode");
                }
                names
            }

            /// Puts its values into a booking.
            fn apply(self, booking: &mut Booking) {
                $(booking.$field = self.$field.apply(booking.$field.take());)+
                match self.booking_mode {
                    Patch::Keep => {}
                    Patch::Clear => booking.booking_mode = BookingMode::GoogleMeet.to_string(),
                    Patch::Set(mode) => booking.booking_mode = mode.to_string(),
                }
            }
        }
    };
}

each_field! {
    invitee_name, invitee_phone, invitee_email, invitee_question, invitee_country, invitee_city, invitee_timezone,
    invitee_status, booking_resource_name, booking_subject, booking_joining_link, booking_checkin_url,
    emergency_contact_name, emergency_contact_relation, emergency_contact_number,
}
