//! Bookings as a service tells them, written as they came: nothing is refused. `arrivals` gives them the rest.

use serde_json::{Map, Value};

use super::lock;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::{
        received::{Received, RowChange, Written},
        scope::Scope,
    },
    domain::{
        contact::Phone,
        ids::{BookingId, TherapistId},
        status::{BookingStatus, InviteeStatus},
        time::{Timestamp, client_zone, text::invitee_time_text},
    },
    error::Result,
    http::etag::Preconditions,
    therapists,
};

/// The columns that name who holds a session.
const HOST: [&str; 4] = ["booking_host_user_id", "booking_host_name", "booking_host_phone", "booking_host_email"];
/// The columns that a payment row decides, once there is one.
const PRICE: [&str; 5] = [
    "invitee_payment_reference_id",
    "invitee_payment_gateway",
    "invitee_payment_name",
    "invitee_payment_currency",
    "invitee_payment_amount",
];

/// A booking as a service tells it.
#[derive(Debug)]
pub struct SaidBooking {
    /// Its id.
    pub booking_id: BookingId,
    /// The columns that are told, by name; times in UTC.
    pub columns: Map<String, Value>,
    /// Since when it is so.
    pub said_at: Timestamp,
    /// When it starts and ends, where that is told.
    pub slot: Option<(Timestamp, Timestamp)>,
    /// Whether the service itself has changed who holds it.
    pub host_changed: bool,
}

/// The row there is.
struct Stored {
    row: Value,
    status: Option<String>,
    invitee_status: Option<String>,
    mode: Option<String>,
    start_at: Timestamp,
    updated_at: Timestamp,
    therapist_id: Option<TherapistId>,
    is_paid: bool,
}

/// Writes a booking as it is told; columns that read the same stay as they are.
///
/// # Errors
///
/// If the data of its client was erased.
pub async fn receive(uow: &mut UnitOfWork, said: &SaidBooking) -> Result<Received> {
    let mut columns = said.columns.clone();
    let therapist = therapist_of(uow, &columns).await?;
    let stored = read(uow, &said.booking_id).await?;
    match &stored {
        None => {
            if !columns.contains_key("invitee_name") || !columns.contains_key("booking_start_at") {
                return Ok(Received::Missing("the booking is not there yet"));
            }
            if let Some(therapist) = &therapist {
                therapists::lock(uow.db(), therapist).await?;
            }
        }
        Some(_) => {
            lock::lock(uow, &Scope::Practice, &said.booking_id, &Preconditions::default()).await?;
        }
    }
    // Read again under the lock.
    let stored = read(uow, &said.booking_id).await?;
    if let Some(stored) = &stored {
        if stored.updated_at.instant() > said.said_at.instant() {
            return Ok(Received::Overtaken);
        }
        keep_what_stands(&mut columns, stored, said);
    }
    let keeps_therapist = stored.as_ref().is_some_and(|stored| stored.therapist_id.is_some() && !said.host_changed)
        || therapist.is_none();
    columns.remove("therapist_id");
    if let Some(therapist) = therapist.filter(|_| !keeps_therapist) {
        columns.insert("therapist_id".to_owned(), therapist.as_str().into());
    }
    if let Some((start, end)) = said.slot
        && let (Some(start), Some(end)) = (start.instant(), end.instant())
        && stored.as_ref().is_none_or(|stored| stored.start_at.instant() != Some(start))
    {
        let zone = columns.get("invitee_timezone").and_then(Value::as_str);
        let text = invitee_time_text(start, end, &client_zone(zone, uow.app().zone).0);
        columns.entry("booking_invitee_time").or_insert(text.into());
    }
    columns.insert("booking_id".to_owned(), said.booking_id.as_str().into());
    let is_new = stored.is_none();
    let columns = Value::Object(columns);
    uow.as_another_program(async |uow| if is_new { insert(uow, &columns).await } else { update(uow, &columns).await })
        .await?;
    let after = read(uow, &said.booking_id).await?.map_or(Value::Null, |stored| stored.row);
    let row = RowChange { table: "bookings", before: stored.map(|stored| stored.row), after };
    Ok(Received::Written(Written { booking: Some(said.booking_id.clone()), rows: vec![row], contradicts: None }))
}

/// Takes out the columns that read the same as what stands, and what the service does not know better: a session that took
/// place, a payment that arrived, a therapist the practice has chosen.
fn keep_what_stands(columns: &mut Map<String, Value>, stored: &Stored, said: &SaidBooking) {
    let told = |columns: &Map<String, Value>, name: &str| columns.get(name).and_then(Value::as_str).map(str::to_owned);
    let same = |columns: &mut Map<String, Value>, name: &str, stored: Option<&str>| {
        if told(columns, name).as_deref() == stored {
            columns.remove(name);
        }
    };
    same(columns, "booking_status", stored.status.as_deref());
    same(columns, "invitee_status", stored.invitee_status.as_deref());
    same(columns, "booking_mode", stored.mode.as_deref());
    for phone in ["invitee_phone", "booking_host_phone"] {
        let read = |text: Option<&str>| text.and_then(Phone::parse);
        if read(told(columns, phone).as_deref()) == read(stored.row[phone].as_str()) {
            columns.remove(phone);
        }
    }
    let has_ended = [BookingStatus::NoShow, BookingStatus::Completed]
        .iter()
        .any(|ended| stored.status.as_deref() == Some(ended.as_str()));
    let is_moved = said.slot.is_some_and(|(start, _)| start.instant() != stored.start_at.instant());
    let is_cancelled = told(columns, "booking_status").as_deref() == Some(BookingStatus::Cancelled.as_str());
    if has_ended && !is_moved && !is_cancelled {
        columns.remove("booking_status");
    }
    if stored.is_paid {
        for name in PRICE {
            columns.remove(name);
        }
        if told(columns, "invitee_status").as_deref() == Some(InviteeStatus::Waiting.as_str()) {
            columns.remove("invitee_status");
        }
    }
    if stored.therapist_id.is_some() && !said.host_changed {
        for name in HOST {
            columns.remove(name);
        }
    }
}

/// The therapist of a booking: by the host's id, else by the resource's.
async fn therapist_of(uow: &mut UnitOfWork, columns: &Map<String, Value>) -> Result<Option<TherapistId>> {
    let told = |name: &str| columns.get(name).and_then(Value::as_str);
    let found = sqlx::query_scalar!(
        r#"select coalesce(
               (select t.therapist_id from therapists t where t.therapist_id = $1),
               (select t.therapist_id
                from therapist_resources r
                join therapists t on t.therapist_id = r.therapist_id
                where r.resource_id::text = $2
                order by r.id
                limit 1)
           ) as "therapist_id: TherapistId""#,
        told("therapist_id").or_else(|| told("booking_host_user_id")),
        told("booking_resource_id"),
    )
    .fetch_one(uow.db())
    .await?;
    Ok(found)
}

async fn read(uow: &mut UnitOfWork, id: &BookingId) -> Result<Option<Stored>> {
    let stored = sqlx::query_as!(
        Stored,
        r#"select to_jsonb(b) as "row!",
                  internal.booking_status(b.booking_status) as status,
                  internal.invitee_status(b.invitee_status) as invitee_status,
                  internal.booking_mode(b.booking_mode) as mode,
                  b.booking_start_at as "start_at!: Timestamp",
                  b.booking_updated_at as "updated_at!: Timestamp",
                  b.therapist_id as "therapist_id: TherapistId",
                  exists (
                      select
                      from payments p
                      where p.booking_id = b.booking_id
                        and internal.booking_paid(p.amount) > 0
                  ) as "is_paid!"
           from bookings b
           where b.booking_id = $1"#,
        id.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(stored)
}

async fn insert(uow: &mut UnitOfWork, columns: &Value) -> Result<()> {
    sqlx::query!("insert into bookings select r.* from jsonb_populate_record(null::bookings, $1) r", columns)
        .execute(uow.db())
        .await?;
    Ok(())
}

/// Sets the columns that are told; all others keep their value.
async fn update(uow: &mut UnitOfWork, columns: &Value) -> Result<()> {
    sqlx::query!(
        "update bookings b
         set invitee_id = r.invitee_id,
             invitee_name = r.invitee_name,
             invitee_phone = r.invitee_phone,
             invitee_email = r.invitee_email,
             invitee_question = r.invitee_question,
             invitee_token = r.invitee_token,
             invitee_country = r.invitee_country,
             invitee_city = r.invitee_city,
             invitee_timezone = r.invitee_timezone,
             invitee_created_at = r.invitee_created_at,
             invitee_cancelled_at = r.invitee_cancelled_at,
             invitee_cancelled_reason = r.invitee_cancelled_reason,
             invitee_status = r.invitee_status,
             invitee_payment_reference_id = r.invitee_payment_reference_id,
             invitee_payment_gateway = r.invitee_payment_gateway,
             invitee_payment_name = r.invitee_payment_name,
             invitee_payment_currency = r.invitee_payment_currency,
             invitee_payment_amount = r.invitee_payment_amount,
             booking_user_id = r.booking_user_id,
             booking_updated_at = r.booking_updated_at,
             booking_subject = r.booking_subject,
             booking_status = r.booking_status,
             booking_resource_id = r.booking_resource_id,
             booking_resource_type = r.booking_resource_type,
             booking_resource_name = r.booking_resource_name,
             booking_checkin_url = r.booking_checkin_url,
             booking_mode = r.booking_mode,
             booking_joining_link = r.booking_joining_link,
             booking_invitee_time = r.booking_invitee_time,
             booking_host_user_id = r.booking_host_user_id,
             booking_host_name = r.booking_host_name,
             booking_host_phone = r.booking_host_phone,
             booking_host_email = r.booking_host_email,
             booking_start_at = r.booking_start_at,
             booking_end_at = r.booking_end_at,
             booking_duration = r.booking_duration,
             booking_cancelled_by = r.booking_cancelled_by,
             booking_cancel_reason = r.booking_cancel_reason,
             booking_account_id = r.booking_account_id,
             rescheduled_at = r.rescheduled_at,
             rescheduled_start_at = r.rescheduled_start_at,
             rescheduled_end_at = r.rescheduled_end_at,
             recheduled_from = r.recheduled_from,
             emergency_contact_name = r.emergency_contact_name,
             emergency_contact_relation = r.emergency_contact_relation,
             emergency_contact_number = r.emergency_contact_number,
             therapist_id = r.therapist_id
         from bookings old
         cross join lateral jsonb_populate_record(old, $1) r
         where old.booking_id = $1 ->> 'booking_id'
           and b.booking_id = old.booking_id",
        columns,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
