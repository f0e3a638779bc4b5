//! Creating a campaign; replacing and deleting one, all its duplicates with it.

use axum::http::StatusCode;
use serde_json::json;

use super::model::{self, Campaign, CampaignAddress, CampaignExists, CampaignParams, WriteCampaign};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Query},
    },
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

/// Replace a campaign
///
/// The parameters say which one: name, therapy and therapist, each of them; `\N` for what it does not have. All its duplicates
/// become what the body says; `count` tells how many. Refused if the body is a campaign that exists already.
#[utoipa::path(
    put,
    path = "/campaigns",
    tag = "campaigns",
    params(CampaignParams, Preconditions),
    request_body = WriteCampaign,
    responses(
        (status = 200, description = "Replaced", body = Campaign),
        (status = 404, description = "There is no such campaign"),
        Problems,
    ),
)]
pub(super) async fn replace_campaign(
    work: Work,
    Query(params): Query<CampaignParams>,
    conditions: Preconditions,
    Json(wanted): Json<WriteCampaign>,
) -> Result<Versioned<Campaign>> {
    let address = CampaignAddress::from(params);
    let wanted = CampaignAddress::from(wanted);
    work.run(async |uow| {
        replace(uow, &address, &conditions, &wanted).await?;
        Ok(wanted.read(uow.db()).await?.versioned())
    })
    .await
}

async fn replace(
    uow: &mut UnitOfWork,
    address: &CampaignAddress,
    conditions: &Preconditions,
    wanted: &CampaignAddress,
) -> Result<()> {
    model::lock(uow).await?;
    let locked = address.read(uow.db()).await?;
    conditions.check(&locked.version, &locked)?;
    if wanted != address && wanted.find(uow.db()).await?.is_some() {
        return Err(Error::from(CampaignExists));
    }
    sqlx::query!(
        "update aisensy_campaign_api
         set campaign_name = $4,
             therapy = $5,
             therapist_name = $6
         where campaign_name is not distinct from $1
           and therapy is not distinct from $2
           and therapist_name is not distinct from $3",
        address.campaign_name,
        address.therapy,
        address.therapist_name,
        wanted.campaign_name,
        wanted.therapy,
        wanted.therapist_name,
    )
    .execute(uow.db())
    .await?;
    uow.record(
        Entry::new("campaign_edit", format!("Changed the campaign {}", address.name()))
            .on("campaign", address.name())
            .detail(json!({
                "rows": locked.count,
                "from": { "therapy": address.therapy, "therapist_name": address.therapist_name },
                "to": {
                    "campaign_name": wanted.campaign_name,
                    "therapy": wanted.therapy,
                    "therapist_name": wanted.therapist_name,
                },
            })),
    );
    Ok(())
}

/// Delete a campaign
///
/// The parameters say which one: name, therapy and therapist, each of them, so that one that was forgotten deletes nothing; `\N`
/// for what it does not have. All its duplicates go.
#[utoipa::path(
    delete,
    path = "/campaigns",
    tag = "campaigns",
    params(CampaignParams, Preconditions),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "There is no such campaign"),
        Problems,
    ),
)]
pub(super) async fn delete_campaign(
    work: Work,
    Query(params): Query<CampaignParams>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    let address = CampaignAddress::from(params);
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
