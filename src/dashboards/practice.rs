//! The cards of the practice's page.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    figures::{Figures, count},
    period::PeriodParams,
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{money::Currency, time::Zone},
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// The practice's figures of a period, and of as many days right before it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dashboard {
    /// The zone whose calendar days the periods are made of.
    #[schema(value_type = Zone)]
    tz: String,
    /// The currency of the amounts that name none.
    #[schema(example = "INR")]
    currency: &'static str,
    /// The period asked for.
    current: Figures,
    /// As many days, right before it.
    previous: Figures,
}

/// Get the practice's figures
///
/// The figures of the bookings of a period, and those of the previous period of equal length. Every figure says which
/// filter of the list of bookings counts the same.
#[utoipa::path(
    get,
    path = "/dashboard",
    tag = "dashboard",
    params(PeriodParams),
    responses((status = 200, description = "The figures", body = Dashboard), Problems),
)]
pub(super) async fn get_dashboard(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<PeriodParams>,
) -> Result<Json<Dashboard>> {
    let period = params.period(&app, &scope).await?;
    let periods = [period.previous(), period];
    let mut db = app.db.read(&scope).await?;
    let counted = count(&mut db, &periods, false).await?;
    let [mut previous, mut current] = periods.map(Figures::none);
    for found in counted {
        *(if found.period == 0 { &mut previous } else { &mut current }) = found.figures;
    }
    Ok(Json(Dashboard { tz: period.zone.to_string(), currency: Currency::INR, current, previous }))
}
