//! One client, with the figures over all their bookings.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    consents::{MessageConsent, consents},
    record::ClientRecord,
};
use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, DocumentFormId, TherapistId},
        money::Amount,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// How many forms are shown, those of the latest sessions; the timeline has all.
const FORMS: i64 = 50;

/// A client, and what their bookings come to. A therapist is shown what is theirs: their bookings, no money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientDetail {
    #[serde(flatten)]
    record: ClientRecord,
    /// Totals of the bookings.
    totals: ClientTotals,
    /// The emergency contact of the latest booking that names one. Contact data.
    emergency_contact: Option<EmergencyContact>,
    /// The therapists with whom there are sessions, neither cancelled nor no-shows; most sessions first.
    therapists: Vec<ClientTherapist>,
    /// The forms around the sessions, those of the latest sessions first, fifty at most.
    forms: Vec<ClientForm>,
    /// What the client said about getting messages, by channel; of one that is missing nothing is known, and nothing is sent.
    /// Null for therapists.
    message_consents: Option<Vec<MessageConsent>>,
}

/// Totals of a client's bookings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "bookings": 15, "sessions": 12, "upcoming": 1, "cancelled": 2, "no_shows": 1, "free_consultations": 1,
    "paid": "23800.00", "refunded": "1700.00", "currency": "INR",
    "currencies": [{ "currency": "INR", "paid": "23800.00", "refunded": "1700.00" }]
}))]
struct ClientTotals {
    /// All bookings.
    bookings: i64,
    /// Those neither cancelled nor no-shows.
    sessions: i64,
    /// Those of the sessions that are ahead.
    upcoming: i64,
    /// Those called off.
    cancelled: i64,
    /// Those the client did not come to.
    no_shows: i64,
    /// Those of the sessions that are free.
    free_consultations: i64,
    /// The sum of payments, cancelled bookings included. Payment data, null for therapists.
    paid: Amount,
    /// The sum of completed refunds. Payment data.
    refunded: Amount,
    /// The currency of both. Payment data.
    currency: Option<String>,
    /// The sums by currency: first those in rupees, which stand above too, then what there is in others, by code. Payment
    /// data, empty for therapists.
    currencies: Vec<ClientMoney>,
}

/// What a client paid in one currency.
#[derive(Debug, Serialize, ToSchema)]
struct ClientMoney {
    /// The currency: an ISO 4217 code, or another program's word as it is.
    currency: String,
    /// The sum of payments.
    #[schema(value_type = String, format = "decimal")]
    paid: Amount,
    /// The sum of completed refunds.
    #[schema(value_type = String, format = "decimal")]
    refunded: Amount,
}

/// Somebody to call in an emergency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "Ravi Iyer", "relation": "Brother", "number": "+919800054321" }))]
struct EmergencyContact {
    /// Their name.
    name: Option<String>,
    /// Their relation to the client.
    relation: Option<String>,
    /// Their phone.
    number: Option<String>,
}

/// A therapist a client has sessions with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "therapist_id": "58701", "name": "Asha Rao", "sessions": 12,
    "first_session_at": "2025-06-10T10:30:00Z", "last_session_at": "2026-02-04T10:30:00Z"
}))]
struct ClientTherapist {
    /// The therapist; null where another program named nobody.
    therapist_id: Option<TherapistId>,
    /// The therapist's name.
    name: Option<String>,
    /// How many sessions, those ahead included.
    sessions: i64,
    /// When the first one started.
    first_session_at: Timestamp,
    /// When the last one started, or starts.
    last_session_at: Timestamp,
}

/// A form around a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "link_id": 17, "booking_id": "bk_0199c0de00007000800000000000000a",
    "paperform_link": "https://forms.example.org/intake", "status": "completed"
}))]
struct ClientForm {
    /// The form's id.
    link_id: DocumentFormId,
    /// The session it belongs to.
    booking_id: BookingId,
    /// Where it is filled in.
    paperform_link: Option<String>,
    /// `pending`, `completed` or `no_show`; another program's word as it is.
    status: String,
}

/// Get a client
///
/// With totals, emergency contact, the therapists seen and the forms. The id of a client that was merged into another
/// answers 404 with `merged_into`.
#[utoipa::path(
    get,
    path = "/clients/{client_id}",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id")),
    responses(
        (status = 200, description = "The client", body = ClientDetail),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_client(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<ClientId>,
    unless: Preconditions,
) -> Result<Versioned<ClientDetail>> {
    let mut db = app.db.read(&scope).await?;
    let client = ClientDetail::read(&mut db, &scope, &id, app.clock.now()).await?;
    Ok(client.versioned().unless(unless))
}

impl ClientDetail {
    /// One client of the scope, as its caller sees them.
    pub(super) async fn read(db: &mut PgConnection, scope: &Scope, id: &ClientId, now: DateTime<Utc>) -> Result<Self> {
        let record = ClientRecord::read(db, scope, id, now).await?;
        let totals = totals(db, scope, id, now).await?;
        let emergency_contact = if record.contact_visible { emergency_contact(db, scope, id).await? } else { None };
        let therapists = therapists(db, scope, id).await?;
        let forms = forms(db, scope, id).await?;
        let message_consents = if scope.is_practice() { Some(consents(db, id).await?) } else { None };
        Ok(Self { record, totals, emergency_contact, therapists, forms, message_consents })
    }

    /// The stored record.
    pub(super) fn record(&self) -> &ClientRecord {
        &self.record
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.record.version.clone(), self)
    }
}

/// Fails with 412, and shows the client as an admin reads them, if the request names another version than the stored one.
///
/// # Errors
///
/// [`Error::Stale`](crate::error::Error::Stale).
pub async fn ensure_current(
    uow: &mut UnitOfWork,
    id: &ClientId,
    stored: &str,
    conditions: &Preconditions,
) -> Result<()> {
    if conditions.are_met(stored) {
        return Ok(());
    }
    let now = uow.now();
    let current = ClientDetail::read(uow.db(), &Scope::Practice, id, now).await?;
    conditions.check(stored, &current)
}

async fn totals(db: &mut PgConnection, scope: &Scope, id: &ClientId, now: DateTime<Utc>) -> Result<ClientTotals> {
    let counted = sqlx::query!(
        r#"select count(*) as "bookings!",
                  count(*) filter (where s.is_active) as "sessions!",
                  count(*) filter (where s.is_active and s.start_at > $2) as "upcoming!",
                  count(*) filter (where s.is_cancelled) as "cancelled!",
                  count(*) filter (where not s.is_active and not s.is_cancelled) as "no_shows!",
                  count(*) filter (where s.is_active and internal.is_free(b.invitee_payment_amount))
                      as "free_consultations!"
           from internal.client_bookings() s
           join bookings b on b.booking_id = s.booking_id
           where s.client_id = $1
             and ($3::text is null or s.therapist_id = $3)"#,
        id.as_str(),
        Timestamp::from(now) as Timestamp,
        scope.owner(),
    )
    .fetch_one(&mut *db)
    .await?;
    // A therapist's login cannot read money at all.
    let currencies = if scope.is_practice() { money(db, id).await? } else { Vec::new() };
    let rupees = currencies.first();
    Ok(ClientTotals {
        bookings: counted.bookings,
        sessions: counted.sessions,
        upcoming: counted.upcoming,
        cancelled: counted.cancelled,
        no_shows: counted.no_shows,
        free_consultations: counted.free_consultations,
        paid: rupees.map_or(Amount::ABSENT, |money| money.paid),
        refunded: rupees.map_or(Amount::ABSENT, |money| money.refunded),
        currency: rupees.map(|money| money.currency.clone()),
        currencies,
    })
}

/// What the client paid in each currency, rupees first.
async fn money(db: &mut PgConnection, id: &ClientId) -> Result<Vec<ClientMoney>> {
    let money = sqlx::query_as!(
        ClientMoney,
        r#"select m.currency as "currency!",
                  round(coalesce(sum(m.paid), 0), 2) as "paid!: Amount",
                  round(coalesce(sum(m.refunded), 0), 2) as "refunded!: Amount"
           from (
               select 'INR' as currency, 0 as paid, 0 as refunded
               union all
               select m.currency, m.paid, m.refunded
               from internal.client_bookings() s
               join internal.booking_facts f on f.booking_id = s.booking_id
               cross join lateral (
                   select 'INR' as currency, f.paid, f.refunded
                   union all
                   select e.key, (e.value ->> 'paid')::numeric, (e.value ->> 'refunded')::numeric
                   from jsonb_each(f.elsewhere) e
               ) m
               where s.client_id = $1
           ) m
           group by m.currency
           having m.currency = 'INR' or sum(m.paid) + sum(m.refunded) > 0
           order by m.currency <> 'INR', m.currency"#,
        id.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(money)
}

async fn emergency_contact(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<Option<EmergencyContact>> {
    let contact = sqlx::query_as!(
        EmergencyContact,
        r#"select nullif(btrim(b.emergency_contact_name), '') as name,
                  nullif(btrim(b.emergency_contact_relation), '') as relation,
                  nullif(btrim(b.emergency_contact_number), '') as number
           from internal.client_bookings() s
           join bookings b on b.booking_id = s.booking_id
           where s.client_id = $1
             and ($2::text is null or s.therapist_id = $2)
             and (btrim(b.emergency_contact_name) <> '' or btrim(b.emergency_contact_number) <> '')
           order by s.start_at desc, s.booking_id desc
           limit 1"#,
        id.as_str(),
        scope.owner(),
    )
    .fetch_optional(db)
    .await?;
    Ok(contact)
}

async fn therapists(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<Vec<ClientTherapist>> {
    let therapists = sqlx::query_as!(
        ClientTherapist,
        r#"select s.therapist_id as "therapist_id: TherapistId",
                  t.name as "name?",
                  s.sessions as "sessions!",
                  s.first_at as "first_session_at!: Timestamp",
                  s.last_at as "last_session_at!: Timestamp"
           from (
               select s.therapist_id,
                      count(*) as sessions,
                      min(s.start_at) filter (where isfinite(s.start_at)) as first_at,
                      max(s.start_at) filter (where isfinite(s.start_at)) as last_at
               from internal.client_bookings() s
               where s.client_id = $1
                 and s.is_active
                 and ($2::text is null or s.therapist_id = $2)
               group by s.therapist_id
           ) s
           left join lateral (
               select t.name from therapists t where t.therapist_id = s.therapist_id order by t.id limit 1
           ) t on true
           order by s.sessions desc, s.therapist_id"#,
        id.as_str(),
        scope.owner(),
    )
    .fetch_all(db)
    .await?;
    Ok(therapists)
}

async fn forms(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<Vec<ClientForm>> {
    let forms = sqlx::query_as!(
        ClientForm,
        r#"select f.link_id as "link_id: DocumentFormId",
                  s.booking_id as "booking_id!: BookingId",
                  f.paperform_link,
                  internal.form_status(f.status) as "status!"
           from internal.client_bookings() s
           join client_doc_form f on f.booking_id = s.booking_id
           where s.client_id = $1
             and ($2::text is null or s.therapist_id = $2)
           order by s.start_at desc, f.link_id desc
           limit $3"#,
        id.as_str(),
        scope.owner(),
        FORMS,
    )
    .fetch_all(db)
    .await?;
    Ok(forms)
}
