//! Reviewing a grant: another admin checks the reads under it, and closes it.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    list::GrantDetail,
    model::{Grant, GrantKind, GrantReview},
    refusal::BreakGlassRefusal,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    domain::{
        ids::GrantId,
        text::{NO_NAME, Text},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{OptionalJson, Path},
    },
    users,
};

/// The reviewer's note; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "note": "Talked it over with the therapist" }))]
pub(crate) struct ReviewBreakGlass {
    /// A remark, kept with the grant. Nothing clinical.
    note: Option<Text<1000>>,
}

/// Review a break-glass grant
///
/// Closes it, or an export: once, by another admin than the one who opened it, and one who is independent of that admin:
/// neither made, enabled, reset or re-roled the other's account within the 30 days before it or since, nor did a third admin
/// both. A grant that is still open ends with it.
#[utoipa::path(
    post,
    path = "/break-glass/{id}/review",
    tag = "break-glass",
    params(("id" = GrantId, Path, description = "The grant's id"), Preconditions),
    request_body = Option<ReviewBreakGlass>,
    responses((status = 200, description = "Reviewed", body = Grant), Problems),
)]
pub(crate) async fn review_break_glass(
    work: Work,
    Path(id): Path<GrantId>,
    conditions: Preconditions,
    OptionalJson(request): OptionalJson<ReviewBreakGlass>,
) -> Result<Versioned<Grant>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| review(uow, id, &conditions, request).await).await?;
        let now = uow.now();
        Ok(Grant::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

async fn review(
    uow: &mut UnitOfWork,
    id: GrantId,
    conditions: &Preconditions,
    request: ReviewBreakGlass,
) -> Result<()> {
    let now = uow.now();
    sqlx::query!("select from internal.break_glass_grants where grant_id = $1 for no key update", id.0)
        .fetch_optional(uow.db())
        .await?;
    let grant = Grant::read(uow.db(), id, now).await?;
    let reviewer = uow.actor().map(|actor| actor.user_id);
    if reviewer == Some(grant.user_id) {
        return Err(BreakGlassRefusal::Own.into());
    }
    if grant.review != GrantReview::Waiting {
        let Grant { reviewed_at, reviewed_by, unreviewed_at, .. } = grant;
        return Err(BreakGlassRefusal::Reviewed { reviewed_at, reviewed_by, unreviewed_at }.into());
    }
    if !conditions.are_met(&grant.version) {
        let stored = grant.version.clone();
        return conditions.check(&stored, &GrantDetail::of(uow.db(), grant).await?);
    }
    let reviewer = reviewer.ok_or_else(|| Error::internal("nobody reviews"))?;
    users::ensure_independent(uow, reviewer, grant.user_id, grant.opened_at.instant().unwrap_or(now)).await?;
    sqlx::query!(
        "update internal.break_glass_grants
         set reviewed_at = $2,
             reviewed_by = $3,
             review_note = $4
         where grant_id = $1",
        id.0,
        now,
        reviewer.0,
        request.note.as_deref(),
    )
    .execute(uow.db())
    .await?;
    let name = grant.client_name.as_deref().unwrap_or(NO_NAME);
    let (action, sentence) = match grant.kind {
        GrantKind::Grant => ("break_glass_review", format!("Reviewed a break-glass grant for {name}")),
        GrantKind::Export => ("client_export_review", format!("Reviewed an export of the data of {name}")),
    };
    let detail = json!({
        "opened_by": grant.user_id,
        "opened_at": grant.opened_at,
        "reads": grant.reads,
        "was_open": grant.is_open,
        "note": request.note.as_deref(),
    });
    uow.record(grant.entry(action, sentence).detail(detail));
    Ok(())
}
