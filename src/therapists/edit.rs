//! Changing a therapist's record.
//!
//! Names are copied into many tables. Rows about the present follow a new name: the therapist's resources here, and
//! their clients and upcoming sessions at the end of the request ([`clients`](crate::clients)). Rows about the past
//! keep the former name: bookings as they were made, transfers, notes, the audit trail; and so do campaigns and booking
//! requests, which know therapists by name only and belong to other programs.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{create::Capacity, lock::lock, model::Profile};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{contact::Phone, ids::TherapistId, text::Text},
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch},
    },
};

/// Fields to change (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "specialization": "Individual Therapy, EMDR", "capacity": 25 }))]
pub struct EditTherapist {
    /// Their name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    name: Patch<Text<255>>,
    /// The therapies offered, separated by commas.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    specialization: Patch<Text<2000>>,
    /// A phone or an e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    contact_info: Patch<Text<255>>,
    /// How many sessions ahead they take at most; 0, or cleared: any number. Present bookings stay.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 0, maximum = 100_000)]
    capacity: Patch<Capacity>,
}

/// Changes a therapist of the given version, and locks their row; returns the new name, if it has changed.
///
/// # Errors
///
/// If there is none, or not of that version, or the name is to be cleared.
pub async fn edit(
    uow: &mut UnitOfWork,
    id: &TherapistId,
    patch: EditTherapist,
    when: &Preconditions,
) -> Result<Option<String>> {
    if patch.name == Patch::Clear {
        return Err(Error::body("/name", "cannot be cleared"));
    }
    let now = uow.now();
    lock(uow.db(), id).await?.ok_or(Error::NotFound("therapist"))?;
    let before = Profile::read(uow.db(), id, now).await?;
    when.check(before.version(), &before)?;
    let fields: Vec<&str> = [
        ("name", patch.name.is_named()),
        ("specialization", patch.specialization.is_named()),
        ("contact_info", patch.contact_info.is_named()),
        ("capacity", patch.capacity.is_named()),
    ]
    .into_iter()
    .filter_map(|(field, named)| named.then_some(field))
    .collect();
    let name = patch.name.apply::<String>(None);
    let contact = contact_info(patch.contact_info, before.contact_info);
    let capacity = patch.capacity.apply(Some(before.capacity)).unwrap_or(0);
    sqlx::query!(
        "update therapists
         set name = coalesce($2, name),
             specialization = $3,
             contact_info = $4,
             capacity = $5
         where therapist_id = $1",
        id.as_str(),
        name,
        patch.specialization.apply(before.specialization),
        contact,
        capacity,
    )
    .execute(uow.db())
    .await?;
    let renamed = name.filter(|name| *name != before.name);
    if let Some(name) = &renamed {
        sqlx::query!("update therapist_resources set therapist_name = $2 where therapist_id = $1", id.as_str(), name)
            .execute(uow.db())
            .await?;
    }
    let entry = Entry::new("therapist_edit", format!("Changed the therapist {}", before.name)).on("therapist", id);
    uow.record(entry.detail(json!({
        "fields": fields,
        "name": renamed.as_ref().map(|name| json!({ "from": before.name, "to": name })),
        "capacity": (capacity != before.capacity).then(|| json!({ "from": before.capacity, "to": capacity })),
    })));
    Ok(renamed)
}

/// The contact after a patch; a phone in E.164.
fn contact_info(patch: Patch<Text<255>>, before: Option<String>) -> Option<String> {
    match patch {
        Patch::Set(contact) => Some(Phone::stored(&contact)),
        unset => unset.apply(before),
    }
}

/// Fields of one's own to change (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "specialization": "Individual Therapy, EMDR" }))]
pub(super) struct EditOwnProfile {
    /// The therapies offered, separated by commas.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    specialization: Patch<Text<2000>>,
    /// A phone or an e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    contact_info: Patch<Text<255>>,
}

/// Change my profile as a therapist
///
/// JSON merge patch of the contact and the therapies offered. Name and capacity are changed by an admin.
#[utoipa::path(
    patch,
    path = "/profile",
    tag = "therapists",
    params(Preconditions),
    request_body = EditOwnProfile,
    responses((status = 200, description = "Changed", body = Profile), Problems),
)]
pub(super) async fn edit_own_profile(
    scope: Scope,
    work: Work,
    when: Preconditions,
    Json(patch): Json<EditOwnProfile>,
) -> Result<Versioned<Profile>> {
    let own = scope.therapist().ok_or_else(|| Error::internal("a profile is changed by no therapist"))?;
    work.run(async |uow| {
        edit_own(uow, own, patch, &when).await?;
        let now = uow.now();
        Ok(Profile::read(uow.db(), own, now).await?.versioned())
    })
    .await
}

async fn edit_own(uow: &mut UnitOfWork, own: &TherapistId, patch: EditOwnProfile, when: &Preconditions) -> Result<()> {
    let now = uow.now();
    lock(uow.db(), own).await?.ok_or(Error::NotFound("therapist"))?;
    let before = Profile::read(uow.db(), own, now).await?;
    when.check(before.version(), &before)?;
    let fields = [("specialization", patch.specialization.is_named()), ("contact_info", patch.contact_info.is_named())];
    let fields: Vec<&str> = fields.into_iter().filter_map(|(field, named)| named.then_some(field)).collect();
    sqlx::query!(
        "update therapists
         set specialization = $2,
             contact_info = $3
         where therapist_id = $1",
        own.as_str(),
        patch.specialization.apply(before.specialization),
        contact_info(patch.contact_info, before.contact_info),
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("therapist_edit", format!("Changed the therapist {}", before.name)).on("therapist", own);
    uow.record(entry.detail(json!({ "fields": fields })));
    Ok(())
}
