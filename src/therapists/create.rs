//! Creating a therapist.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{model::Profile, refusal::TherapistRefusal};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{contact::Phone, ids::TherapistId, text::Text},
    error::{Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// Somebody who shall hold sessions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Asha Rao",
    "specialization": "Individual Therapy, Couples Therapy",
    "contact_info": "asha.rao@example.org",
    "capacity": 30
}))]
pub(super) struct CreateTherapist {
    /// The id other programs know them by; made if not given.
    #[schema(value_type = Option<String>, max_length = 50, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$", example = "58611")]
    therapist_id: Option<NewId>,
    /// Their name.
    name: Text<255>,
    /// The therapies offered, separated by commas.
    specialization: Option<Text<2000>>,
    /// A phone or an e-mail address.
    contact_info: Option<Text<255>>,
    /// How many sessions ahead they take at most; 0, which it is unless given: any number.
    #[schema(minimum = 0, maximum = 100_000, example = 30)]
    capacity: Option<Capacity>,
}

/// An id that fits into a path and into the narrowest column that refers to it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct NewId(TherapistId);

impl TryFrom<String> for NewId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, &'static str> {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if plain && id.len() <= 50 && id.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            Ok(Self(TherapistId::from(id)))
        } else {
            Err("takes 1 to 50 letters, digits, dots, hyphens and underscores, and starts with a letter or digit")
        }
    }
}

/// How many sessions ahead a therapist takes: 0 to 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = i32)]
pub(super) struct Capacity(pub(super) i32);

impl TryFrom<i64> for Capacity {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, &'static str> {
        match i32::try_from(number) {
            Ok(number @ 0..=100_000) => Ok(Self(number)),
            _ => Err("must be from 0 to 100000"),
        }
    }
}

impl From<Capacity> for i32 {
    fn from(capacity: Capacity) -> Self {
        capacity.0
    }
}

/// Create a therapist
///
/// Accounts for the therapist are users of their own.
#[utoipa::path(
    post,
    path = "/therapists",
    tag = "therapists",
    request_body = CreateTherapist,
    responses((status = 201, description = "Created", body = Profile), Problems),
)]
pub(super) async fn create_therapist(work: Work, Json(request): Json<CreateTherapist>) -> Result<Versioned<Profile>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, request).await).await?;
        let now = uow.now();
        let profile = Profile::read(uow.db(), &id, now).await?;
        Ok(profile.versioned().created(format!("/api/v1/admin/therapists/{id}")))
    })
    .await
}

async fn create(uow: &mut UnitOfWork, request: CreateTherapist) -> Result<TherapistId> {
    let now = uow.now();
    let id = match request.therapist_id {
        Some(NewId(id)) => id,
        None => TherapistId::new_at(now),
    };
    // An adopted database may lack the unique rule, so two who ask at the same moment queue here.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('therapist ' || $1, 0))::text as locked", id.as_str())
        .fetch_one(uow.db())
        .await?;
    let taken = sqlx::query_scalar!(
        r#"select exists (select from therapists where therapist_id = $1) as "taken!""#,
        id.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    if taken {
        return Err(TherapistRefusal::Exists.into());
    }
    sqlx::query!(
        "insert into therapists
             (therapist_id, name, specialization, contact_info, sessions_booked, capacity, created_at)
         values ($1::text, $2, $3, $4, internal.therapist_upcoming($1::text, $6), $5, $6)",
        id.as_str(),
        &*request.name,
        request.specialization.as_deref(),
        request.contact_info.as_deref().map(Phone::stored),
        request.capacity.map_or(0, |capacity| capacity.0),
        now.naive_utc(),
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("therapist_create", format!("Created the therapist {}", request.name));
    uow.record(entry.on("therapist", &id).detail(json!({ "capacity": request.capacity.map_or(0, |it| it.0) })));
    Ok(id)
}
