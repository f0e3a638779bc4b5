//! Appointments: the practice's calendar, one row a booking.
//!
//! They are written with their bookings (`clients::link_booking`), follow them (`dashboards::cache`) and read here, beside their bookings; one whose booking
//! is missing is shown too.
//!
//! They are walked by the index of their order, of a therapist or of a mode (`appointments_by_…`), or found by
//! `appointments_of_client` or `appointments_search`.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{ClientId, SessionId, TherapistId},
        status::BookingMode,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{AnyOf, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which appointments can be listed.
    AppointmentOrder: LatestFirst = "-session_timings", EarliestFirst = "session_timings", NameUp = "client_name",
        NameDown = "-client_name", TherapistUp = "therapist_name", TherapistDown = "-therapist_name"
}

/// Which appointments are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppointmentFilter {
    /// Only those of this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those held this way.
    #[serde(default)]
    #[param(value_type = Option<Vec<BookingMode>>, inline, style = Form, explode = false)]
    mode: AnyOf<BookingMode>,
    /// Only those starting on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those starting on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those whose client's name, e-mail address or phone (in any notation), session or therapist holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A session in the practice's calendar.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "session_id": "bk_0199c0de00007000800000000000000a",
    "session_timings": "2026-02-04T10:30:00Z",
    "session_name": "Individual Therapy Session",
    "session_mode": "google_meet",
    "booking_status": "confirmed",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "contact_info": "+919800012345",
    "therapist_id": "58101",
    "therapist_name": "Asha Rao"
}))]
pub(super) struct Appointment {
    /// The appointment's id, which is its booking's.
    session_id: SessionId,
    /// When the session starts.
    session_timings: Timestamp,
    /// The name of the session.
    session_name: Option<String>,
    /// `google_meet`, `in_person` or `phone`; another program's word as it is.
    session_mode: String,
    /// The booking's status; null where there is no such booking.
    booking_status: Option<String>,
    /// The client; null where another program left it out.
    client_id: Option<ClientId>,
    /// Their name.
    client_name: Option<String>,
    /// How they are reached: a phone or an e-mail address.
    contact_info: Option<String>,
    /// The therapist who holds the session.
    therapist_id: Option<TherapistId>,
    /// Their name.
    therapist_name: Option<String>,
    #[serde(skip)]
    version: String,
    #[serde(skip)]
    sort_key: String,
}

/// List appointments
///
/// Latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/appointments",
    tag = "appointments",
    params(AppointmentFilter, ("sort" = inline(Option<AppointmentOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of appointments", content(
            (Page<Appointment> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_appointments(
    State(app): State<App>,
    Listing { filter, request }: Listing<AppointmentFilter, AppointmentOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(Appointments { session_id: None, filter, period, search }).await
}

/// Get an appointment
#[utoipa::path(
    get,
    path = "/appointments/{session_id}",
    tag = "appointments",
    params(("session_id" = SessionId, Path, description = "The appointment's id, which is its booking's")),
    responses(
        (status = 200, description = "The appointment", body = Appointment),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_appointment(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<SessionId>,
    unless: Preconditions,
) -> Result<Versioned<Appointment>> {
    if !id.is_possible() {
        return Err(Error::NotFound("appointment"));
    }
    let mut db = app.db.read(&scope).await?;
    let one = Appointments { session_id: Some(id), ..Appointments::default() };
    let appointment = one.first(&mut db).await?.ok_or(Error::NotFound("appointment"))?;
    Ok(Versioned::new(appointment.version.clone(), appointment).unless(unless))
}

/// The appointments that a filter wants.
#[derive(Default)]
struct Appointments {
    session_id: Option<SessionId>,
    filter: AppointmentFilter,
    period: Period,
    search: Option<Search>,
}

impl List for Appointments {
    type Row = Appointment;
    type Order = AppointmentOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: AppointmentOrder,
        position: &Position,
    ) -> Result<Vec<Appointment>> {
        let appointments = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Appointment),
            [r#"
                select a.session_id as "session_id: SessionId",
                       a.session_timings as "session_timings!: Timestamp",
                       a.session_name,
                       internal.booking_mode(a.session_mode) as "session_mode!",
                       (select internal.booking_status(b.booking_status) from bookings b where b.booking_id = a.session_id)
                           as booking_status,
                       a.client_id as "client_id: ClientId",
                       a.client_name,
                       a.contact_info,
                       a.therapist_id as "therapist_id: TherapistId",
                       a.therapist_name,
                       a.xmin::text as "version!",
                       concat(
                           coalesce(a.session_timings, '-infinity'), -- by session_timings
                           left(internal.fold(coalesce(a.client_name, '')), 100), -- by client_name
                           left(internal.fold(coalesce(a.therapist_name, '')), 100), -- by therapist_name
                           ''
                       ) as "sort_key!"
                from appointment_table a
                where true
                  and a.session_id = $1
                  and a.therapist_id = $2
                  and a.client_id = $3
                  and internal.booking_mode(a.session_mode) = $4 -- planned anew
                  and internal.booking_mode(a.session_mode) = any ($11::text[]) -- planned anew
                  and coalesce(a.session_timings, '-infinity') >= $5
                  and coalesce(a.session_timings, '-infinity') < $6
                  and internal.appointment_text(a.client_name, a.contact_info, a.session_name, a.therapist_name) like any (internal.search_patterns($7)) -- planned anew
                  and (coalesce(a.session_timings, '-infinity'), a.session_id) < ($8::text::timestamp, $9) -- by session_timings
                  and (left(internal.fold(coalesce(a.client_name, '')), 100), a.session_id) < ($8, $9) -- by client_name
                  and (left(internal.fold(coalesce(a.therapist_name, '')), 100), a.session_id) < ($8, $9) -- by therapist_name
                order by
                    coalesce(a.session_timings, '-infinity') desc, -- by session_timings
                    left(internal.fold(coalesce(a.client_name, '')), 100) desc, -- by client_name
                    left(internal.fold(coalesce(a.therapist_name, '')), 100) desc, -- by therapist_name
                    a.session_id desc -- by any
                limit $10
            "#],
            self.session_id.as_ref().map(SessionId::as_str),
            self.filter.therapist_id.as_ref().map(TherapistId::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.mode.word(),
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
            self.filter.mode.several() => Option<Vec<&str>>,
        )?;
        Ok(appointments)
    }

    fn key(appointment: &Appointment) -> Key {
        Key { sort: appointment.sort_key.clone(), id: appointment.session_id.to_string() }
    }
}
