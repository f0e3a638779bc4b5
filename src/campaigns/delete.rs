//! Deleting a campaign, all its duplicates with it.

use axum::http::StatusCode;
use serde_json::json;

use super::model::{self, CampaignAddress};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    error::{Result, problem::Problems},
    http::{etag::Preconditions, extract::Query},
};

/// Delete a campaign
///
/// The parameters say which one: a parameter left out stands for NULL, an empty one for the empty text. All its
/// duplicates go.
#[utoipa::path(
    delete,
    path = "/campaigns",
    tag = "campaigns",
    params(CampaignAddress, Preconditions),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "There is no such campaign"),
        Problems,
    ),
)]
pub(super) async fn delete_campaign(
    work: Work,
    Query(address): Query<CampaignAddress>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| delete(uow, &address, &conditions).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(uow: &mut UnitOfWork, address: &CampaignAddress, conditions: &Preconditions) -> Result<()> {
    model::lock(uow).await?;
    let locked = address.read(uow.db()).await?;
    conditions.check(&locked.version, &locked)?;
    sqlx::query!(
        "delete from aisensy_campaign_api
         where campaign_name is not distinct from $1
           and therapy is not distinct from $2
           and therapist_name is not distinct from $3",
        address.campaign_name,
        address.therapy,
        address.therapist_name,
    )
    .execute(uow.db())
    .await?;
    uow.record(
        Entry::new("campaign_delete", format!("Deleted the campaign {}", address.name()))
            .on("campaign", address.name())
            .detail(json!({
                "rows": locked.count,
                "therapy": address.therapy,
                "therapist_name": address.therapist_name,
            })),
    );
    Ok(())
}
