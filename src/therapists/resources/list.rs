//! A therapist's resources, and one of them.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::{super::model::ensure_named, model::Resource};
use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        contact::Search,
        ids::{ResourceId, TherapistId},
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::{ListRequest, Listing},
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which resources can be listed.
    ResourceOrder: NameUp = "resource_name", NameDown = "-resource_name", OldestFirst = "created_at",
        NewestFirst = "-created_at"
}

/// Which resources are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::therapists) struct ResourceFilter {
    /// Only those whose name or therapy holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "couples")]
    q: Option<String>,
}

/// List a therapist's resources
///
/// Also those of an id that no therapist has: orphaned rows are shown under it.
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/resources",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ResourceFilter,
        ("sort" = inline(Option<ResourceOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of resources", content(
            (Page<Resource> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(in crate::therapists) async fn list_therapist_resources(
    scope: Scope,
    State(app): State<App>,
    Path(therapist): Path<TherapistId>,
    listing: Listing<ResourceFilter, ResourceOrder>,
) -> Result<Response> {
    ensure_named(&mut *app.db.read(&scope).await?, &therapist).await?;
    answer(therapist, listing.filter, listing.request).await
}

/// List my resources
///
/// The scheduling provider's resources by which the caller is booked.
#[utoipa::path(
    get,
    path = "/resources",
    tag = "therapists",
    params(
        ResourceFilter,
        ("sort" = inline(Option<ResourceOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of resources", content(
            (Page<Resource> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(in crate::therapists) async fn list_own_resources(
    scope: Scope,
    listing: Listing<ResourceFilter, ResourceOrder>,
) -> Result<Response> {
    let own = scope.therapist().ok_or_else(|| Error::internal("own resources are asked for by no therapist"))?;
    answer(own.clone(), listing.filter, listing.request).await
}

async fn answer(
    therapist: TherapistId,
    filter: ResourceFilter,
    request: ListRequest<ResourceOrder>,
) -> Result<Response> {
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(ResourceList { therapist, id: None, search }).await
}

/// Get a resource
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/resources/{id}",
    tag = "therapists",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("id" = ResourceId, Path, description = "The number of the row"),
    ),
    responses(
        (status = 200, description = "The resource", body = Resource),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(in crate::therapists) async fn get_therapist_resource(
    scope: Scope,
    State(app): State<App>,
    Path((therapist, id)): Path<(TherapistId, ResourceId)>,
    unless: Preconditions,
) -> Result<Versioned<Resource>> {
    let mut db = app.db.read(&scope).await?;
    let resource = Resource::read(&mut db, &therapist, id).await?;
    Ok(resource.versioned().unless(unless))
}

/// The resources of a therapist: a handful.
pub(super) struct ResourceList {
    pub(super) therapist: TherapistId,
    pub(super) id: Option<ResourceId>,
    pub(super) search: Option<Search>,
}

impl List for ResourceList {
    type Row = Resource;
    type Order = ResourceOrder;

    async fn rows(&self, db: &mut PgConnection, order: ResourceOrder, position: &Position) -> Result<Vec<Resource>> {
        let resources = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Resource),
            [r#"
                select x.id as "id: ResourceId",
                       coalesce(x.resource_id, 0) as "resource_id!",
                       coalesce(x.resource_name, '(no name)') as "resource_name!",
                       x.therapist_id as "therapist_id!: TherapistId",
                       x.therapist_name,
                       x.created_at as "created_at!: Timestamp",
                       x.therapy_name,
                       x.xmin::text as "version!",
                       concat(
                           internal.fold(x.resource_name), -- by resource_name
                           coalesce(x.created_at, '-infinity'), -- by created_at
                           ''
                       ) as "sort_key!"
                from therapist_resources x
                where x.therapist_id = $1
                  and x.id = $2
                  and internal.search_words(x.resource_name, x.therapy_name, null) like any (internal.like_words($3))
                  and (coalesce(internal.fold(x.resource_name), ''), x.id) < ($4, $5::text::integer) -- by resource_name
                  and (coalesce(x.created_at, '-infinity'), x.id) < ($4::text::timestamp, $5::text::integer) -- by created_at
                order by
                    coalesce(internal.fold(x.resource_name), '') desc, -- by resource_name
                    coalesce(x.created_at, '-infinity') desc, -- by created_at
                    x.id desc -- by any
                limit $6
            "#],
            self.therapist.as_str(),
            self.id.map(|id| id.0),
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(resources)
    }

    fn key(resource: &Resource) -> Key {
        Key { sort: resource.sort_key.clone(), id: resource.id.to_string() }
    }
}

impl Resource {
    /// A resource of a therapist.
    pub(super) async fn read(db: &mut PgConnection, therapist: &TherapistId, id: ResourceId) -> Result<Self> {
        if !therapist.is_possible() {
            return Err(Error::NotFound("resource"));
        }
        let one = ResourceList { therapist: therapist.clone(), id: Some(id), search: None };
        one.first(db).await?.ok_or(Error::NotFound("resource"))
    }
}
