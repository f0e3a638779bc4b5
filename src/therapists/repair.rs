//! Repairs of `therapist_resources`: resources of therapists who do not exist.

use super::lock;
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{ResourceId, TherapistId},
        text::NO_NAME,
    },
    error::{Error, Result},
};

const NO_ORPHAN: &str = "is not the id of an orphaned resource";

/// Assigns an orphaned resource to a therapist chosen by an admin. `place` is the therapist's field in the request.
///
/// # Errors
///
/// If the resource is no orphan, or there is no such therapist.
pub async fn adopt_resource(uow: &mut UnitOfWork, id: ResourceId, to: &TherapistId, place: &str) -> Result<()> {
    let therapist = lock::lock(uow.db(), to)
        .await?
        .ok_or_else(|| Error::body(format!("{place}/to"), "is not the id of a therapist"))?;
    let moved = sqlx::query!(
        "update therapist_resources r
         set therapist_id = $2,
             therapist_name = $3
         where r.id = $1
           and not exists (select from therapists t where t.therapist_id = r.therapist_id)",
        id.0,
        therapist.therapist_id.as_str(),
        therapist.name,
    )
    .execute(uow.db())
    .await?;
    if moved.rows_affected() == 0 {
        return Err(Error::body(format!("{place}/id"), NO_ORPHAN));
    }
    Ok(())
}

/// Deletes an orphaned resource on an admin's request; returns its name. `place` is the resource's field in the
/// request.
///
/// # Errors
///
/// If the resource is no orphan.
pub async fn remove_resource(uow: &mut UnitOfWork, id: ResourceId, place: &str) -> Result<String> {
    let name = sqlx::query_scalar!(
        r#"delete from therapist_resources r
           where r.id = $1
             and not exists (select from therapists t where t.therapist_id = r.therapist_id)
           returning coalesce(r.resource_name, $2) as "name!""#,
        id.0,
        NO_NAME,
    )
    .fetch_optional(uow.db())
    .await?;
    name.ok_or_else(|| Error::body(place, NO_ORPHAN))
}
