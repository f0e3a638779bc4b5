//! A therapist's resources, and one of them.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::{
    super::model::ensure_named,
    model::{Resource, select_resources},
};
use crate::{
    app::state::App,
    db::scope::Scope,
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
    /// Only those whose name or therapy holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "couples")]
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
    request.answer(ResourceList { therapist, search }).await
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

/// The resources of a therapist.
struct ResourceList {
    therapist: TherapistId,
    search: Option<Search>,
}

/// One page in one direction: the order's key and its type, the comparison with the position, and the direction.
macro_rules! page_of_resources {
    ($key:literal: $type:literal, $beyond:literal, $direction:literal, $list:expr, $position:expr) => {
        select_resources!(
            $key,
            [
                "and ($2::text is null or internal.search_words(x.resource_name, x.therapy_name, null)
                    like internal.like_words($2))
                 and ($3::text is null or (" $key ", x.id) " $beyond " ($3::text::" $type ", $4::text::integer)) "
                "order by " $key " " $direction ", x.id " $direction " limit $5"
            ],
            $list.therapist.as_str(),
            $list.search.as_deref(),
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl List for ResourceList {
    type Row = Resource;
    type Order = ResourceOrder;

    async fn rows(&self, db: &mut PgConnection, order: ResourceOrder, position: &Position) -> Result<Vec<Resource>> {
        use ResourceOrder as O;
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending {
                    page_of_resources!($key: $type, "<", "desc", self, position).fetch_all(db).await
                } else {
                    page_of_resources!($key: $type, ">", "asc", self, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::NameUp | O::NameDown => read!("coalesce(internal.fold(x.resource_name), '')": "text"),
            O::OldestFirst | O::NewestFirst => read!("coalesce(x.created_at, '-infinity')": "timestamp"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from therapist_resources x
               where x.therapist_id = $1
                 and ($2::text is null or internal.search_words(x.resource_name, x.therapy_name, null)
                     like internal.like_words($2))"#,
            self.therapist.as_str(),
            self.search.as_deref(),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(resource: &Resource) -> Key {
        Key { sort: resource.sort_key.clone(), id: resource.id.to_string() }
    }
}
