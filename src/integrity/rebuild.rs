//! Rebuilding the derived tables on request.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{check::Findings, checks, report::keep};
use crate::{
    app::{reports::give_room, unit_of_work::Work},
    audit::entry::Entry,
    dashboards::cache::{self, Rebuilt},
    db::scope::Scope,
    error::{Result, problem::Problems},
    http::extract::{DryRun, Json, Query},
};

/// The result of a rebuild.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "dry_run": false,
    "drifted": 3,
    "dashboard_stats": 12,
    "clients_summary": 410,
    "appointments_cache": 2950,
    "client_sessions": 1,
    "sessions_booked": 0,
    "appointments": 0,
    "booking_facts": 0,
    "booking_sums": 0,
    "client_facts": 820
}))]
pub(super) struct RebuiltCaches {
    /// True if nothing was kept.
    dry_run: bool,
    /// How many rows had drifted before.
    drifted: i64,
    #[serde(flatten)]
    rebuilt: Rebuilt,
}

/// Write the caches anew
///
/// Computes all derived tables and columns from their sources, in one transaction. On a million bookings it takes up to
/// a minute; bookings can be read meanwhile, whoever wants to change one waits.
#[utoipa::path(
    post,
    path = "/caches/rebuild",
    tag = "integrity",
    params(
        ("dry_run" = inline(Option<bool>), Query, description = "True: do it all, tell what was done, and keep nothing."),
    ),
    responses((status = 200, description = "Written anew", body = RebuiltCaches), Problems),
)]
pub(super) async fn rebuild_caches(
    _scope: Scope,
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
) -> Result<Json<RebuiltCaches>> {
    work.dry_run(dry_run)
        .run(async |uow| {
            let now = uow.now();
            give_room(uow.db()).await?;
            let drifted = cache::drift(uow.db(), now).await?.rows();
            let rebuilt = cache::rebuild(uow.db(), now).await?;
            if let Some(check) = checks::by_code("cache_drift") {
                keep(uow.db(), check, now, &Findings::default()).await?;
            }
            uow.record(
                Entry::new("caches_rebuild", "Wrote the caches anew")
                    .detail(json!({ "drifted": drifted, "rebuilt": rebuilt })),
            );
            uow.answers_with(StatusCode::OK, "caches");
            Ok(Json(RebuiltCaches { dry_run: dry_run == Some(true), drifted, rebuilt }))
        })
        .await
}
