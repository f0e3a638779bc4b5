//! Creating a campaign.

use axum::http::StatusCode;
use serde_json::json;

use super::model::{self, Campaign, CampaignAddress, CampaignExists, WriteCampaign};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// Add a campaign
///
/// Refused if there is one of the same name, therapy and therapist.
#[utoipa::path(
    post,
    path = "/campaigns",
    tag = "campaigns",
    request_body = WriteCampaign,
    responses((status = 201, description = "Added", body = Campaign), Problems),
)]
pub(super) async fn create_campaign(work: Work, Json(wanted): Json<WriteCampaign>) -> Result<Versioned<Campaign>> {
    let wanted = CampaignAddress::from(wanted);
    work.run(async |uow| {
        // A repeat carries the same body, which is all that there is to find it by.
        uow.once(StatusCode::CREATED, &wanted.name(), async |uow| create(uow, &wanted).await).await?;
        Ok(wanted.read(uow.db()).await?.versioned().created(wanted.location()))
    })
    .await
}

async fn create(uow: &mut UnitOfWork, wanted: &CampaignAddress) -> Result<()> {
    model::lock(uow).await?;
    if wanted.find(uow.db()).await?.is_some() {
        return Err(Error::from(CampaignExists));
    }
    sqlx::query!(
        "insert into aisensy_campaign_api (campaign_name, therapy, therapist_name) values ($1, $2, $3)",
        wanted.campaign_name,
        wanted.therapy,
        wanted.therapist_name,
    )
    .execute(uow.db())
    .await?;
    uow.record(
        Entry::new("campaign_create", format!("Added the campaign {}", wanted.name()))
            .on("campaign", wanted.name())
            .detail(json!({ "therapy": wanted.therapy, "therapist_name": wanted.therapist_name })),
    );
    Ok(())
}
