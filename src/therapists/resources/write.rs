//! Creating, editing and deleting a therapist's resources, orphaned ones too, which is how they are corrected.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{model::ensure_named, refusal::TherapistRefusal},
    model::Resource,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::{ResourceId, TherapistId},
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path},
    },
};

/// A new resource.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "resource_id": 4021,
    "resource_name": "Individual Therapy Session",
    "therapy_name": "Individual Therapy"
}))]
pub(in crate::therapists) struct CreateResource {
    /// The provider's number.
    resource_id: i32,
    /// Its name.
    resource_name: Text<255>,
    /// Which therapy it is for.
    therapy_name: Option<Text<255>>,
}

/// Fields to change (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "resource_name": "Individual Therapy Session (50 min)" }))]
pub(in crate::therapists) struct EditResource {
    /// The provider's number; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    resource_id: Patch<i32>,
    /// Its name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    resource_name: Patch<Text<255>>,
    /// Which therapy it is for.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    therapy_name: Patch<Text<255>>,
}

/// Create a resource
///
/// The therapist's name is copied to it. A `resource_id` is taken once for each therapist.
#[utoipa::path(
    post,
    path = "/therapists/{therapist_id}/resources",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id")),
    request_body = CreateResource,
    responses((status = 201, description = "Created", body = Resource), Problems),
)]
pub(in crate::therapists) async fn create_therapist_resource(
    work: Work,
    Path(therapist): Path<TherapistId>,
    Json(request): Json<CreateResource>,
) -> Result<Versioned<Resource>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, &therapist, request).await).await?;
        let resource = Resource::read(uow.db(), &therapist, id).await?;
        let therapist: String = form_urlencoded::byte_serialize(therapist.as_str().as_bytes()).collect();
        let place = format!("/api/v1/admin/therapists/{}/resources/{id}", therapist.replace('+', "%20"));
        Ok(resource.versioned().created(place))
    })
    .await
}

async fn create(uow: &mut UnitOfWork, therapist: &TherapistId, request: CreateResource) -> Result<ResourceId> {
    ensure_named(uow.db(), therapist).await?;
    ensure_new(uow, therapist, request.resource_id, None).await?;
    let now = uow.now();
    let id = sqlx::query_scalar!(
        r#"insert into therapist_resources
               (resource_id, resource_name, therapist_id, therapist_name, created_at, therapy_name)
           values ($1, $2, $3::text, coalesce(
                       (select left(t.name, 255) from therapists t where t.therapist_id = $3::text limit 1),
                       (select x.therapist_name
                        from therapist_resources x
                        where x.therapist_id = $3::text
                        order by x.id desc
                        limit 1)
                   ), $4, $5)
           returning id as "id: ResourceId""#,
        request.resource_id,
        &*request.resource_name,
        therapist.as_str(),
        now.naive_utc(),
        request.therapy_name.as_deref(),
    )
    .fetch_one(uow.db())
    .await?;
    let entry = Entry::new("resource_create", format!("Created the resource {}", request.resource_name));
    let detail = json!({ "therapist_id": therapist, "resource_id": request.resource_id });
    uow.record(entry.on("resource", id).detail(detail));
    Ok(id)
}

/// Change a resource
#[utoipa::path(
    patch,
    path = "/therapists/{therapist_id}/resources/{id}",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("id" = ResourceId, Path, description = "The number of the row"),
        Preconditions,
    ),
    request_body = EditResource,
    responses((status = 200, description = "Changed", body = Resource), Problems),
)]
pub(in crate::therapists) async fn edit_therapist_resource(
    work: Work,
    Path((therapist, id)): Path<(TherapistId, ResourceId)>,
    when: Preconditions,
    Json(patch): Json<EditResource>,
) -> Result<Versioned<Resource>> {
    for (pointer, cleared) in
        [("/resource_id", patch.resource_id == Patch::Clear), ("/resource_name", patch.resource_name == Patch::Clear)]
    {
        if cleared {
            return Err(Error::body(pointer, "cannot be cleared"));
        }
    }
    work.run(async |uow| {
        if let Patch::Set(resource_id) = patch.resource_id {
            ensure_new(uow, &therapist, resource_id, Some(id)).await?;
        }
        let before = locked(uow, &therapist, id, &when).await?;
        let fields: Vec<&str> = [
            ("resource_id", patch.resource_id.is_named()),
            ("resource_name", patch.resource_name.is_named()),
            ("therapy_name", patch.therapy_name.is_named()),
        ]
        .into_iter()
        .filter_map(|(field, named)| named.then_some(field))
        .collect();
        sqlx::query!(
            "update therapist_resources
         set resource_id = coalesce($2, resource_id),
             resource_name = coalesce($3, resource_name),
             therapy_name = $4
         where id = $1",
            id.0,
            patch.resource_id.apply::<i32>(None),
            patch.resource_name.apply::<String>(None),
            patch.therapy_name.apply(before.therapy_name),
        )
        .execute(uow.db())
        .await?;
        let entry = Entry::new("resource_edit", format!("Changed the resource {}", before.resource_name));
        uow.record(entry.on("resource", id).detail(json!({ "therapist_id": therapist, "fields": fields })));
        Ok(Resource::read(uow.db(), &therapist, id).await?.versioned())
    })
    .await
}

/// Delete a resource
#[utoipa::path(
    delete,
    path = "/therapists/{therapist_id}/resources/{id}",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("id" = ResourceId, Path, description = "The number of the row"),
        Preconditions,
    ),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(in crate::therapists) async fn delete_therapist_resource(
    work: Work,
    Path((therapist, id)): Path<(TherapistId, ResourceId)>,
    when: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| {
        let before = locked(uow, &therapist, id, &when).await?;
        sqlx::query!("delete from therapist_resources where id = $1", id.0).execute(uow.db()).await?;
        let entry = Entry::new("resource_delete", format!("Deleted the resource {}", before.resource_name));
        // The entry keeps the deleted row, so that it can be made again.
        uow.record(entry.on("resource", id).detail(json!({
            "therapist_id": therapist,
            "resource_id": before.resource_id,
            "resource_name": before.resource_name,
            "therapy_name": before.therapy_name,
        })));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Locks a resource, in the version the request names.
async fn locked(
    uow: &mut UnitOfWork,
    therapist: &TherapistId,
    id: ResourceId,
    when: &Preconditions,
) -> Result<Resource> {
    sqlx::query!("select id from therapist_resources where id = $1 for no key update", id.0)
        .fetch_optional(uow.db())
        .await?;
    let resource = Resource::read(uow.db(), therapist, id).await?;
    when.check(&resource.version, &resource)?;
    Ok(resource)
}

/// Fails if another row of the therapist has the provider's number. A concurrent request waits.
async fn ensure_new(
    uow: &mut UnitOfWork,
    therapist: &TherapistId,
    resource_id: i32,
    own: Option<ResourceId>,
) -> Result<()> {
    if !therapist.is_possible() {
        return Err(Error::NotFound("resource"));
    }
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('resources of ' || $1, 0))::text as locked",
        therapist.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    // A number that an adopted row shares with others may stay where it is.
    let taken = sqlx::query_scalar!(
        r#"select exists (
               select
               from therapist_resources
               where therapist_id = $1
                 and resource_id = $2
                 and id is distinct from $3
           ) and not exists (
               select
               from therapist_resources
               where therapist_id = $1
                 and resource_id = $2
                 and id = $3
           ) as "taken!""#,
        therapist.as_str(),
        resource_id,
        own.map(|own| own.0),
    )
    .fetch_one(uow.db())
    .await?;
    if taken { Err(TherapistRefusal::ResourceExists.into()) } else { Ok(()) }
}
