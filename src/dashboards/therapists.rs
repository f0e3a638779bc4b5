//! The practice's figures, therapist by therapist.

use std::collections::HashMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    figures::{Counted, Figures, count},
    period::PeriodParams,
};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{ids::TherapistId, money::Currency, time::Zone},
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// The figures of each therapist: together they are those of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DashboardOfTherapists {
    /// The zone whose calendar days the periods are made of.
    #[schema(value_type = Zone)]
    tz: String,
    /// The currency of the amounts that name none.
    #[schema(example = "INR")]
    currency: &'static str,
    /// The therapists by name, then the bookings that are none of theirs.
    data: Vec<TherapistFigures>,
}

/// The figures of one therapist.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TherapistFigures {
    /// The therapist. Null, in the last row, for bookings without a therapist or of one that the practice does not
    /// have: the list with `has_therapist=false`. That row is left out where there are no such bookings.
    #[schema(example = "58701")]
    therapist_id: Option<TherapistId>,
    /// The therapist's name.
    #[schema(example = "Asha Rao")]
    name: Option<String>,
    /// The period asked for.
    current: Figures,
    /// As many days, right before it.
    previous: Figures,
}

/// Get the figures by therapist
///
/// The practice's figures by therapist, those without bookings too; with the previous period of equal length.
#[utoipa::path(
    get,
    path = "/dashboard/therapists",
    tag = "dashboard",
    params(PeriodParams),
    responses((status = 200, description = "The figures of every therapist", body = DashboardOfTherapists), Problems),
)]
pub(super) async fn get_dashboard_of_therapists(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<PeriodParams>,
) -> Result<Json<DashboardOfTherapists>> {
    let period = params.period(&app, &scope).await?;
    let periods = [period.previous(), period];
    let mut db = app.db.read(&scope).await?;
    let counted = count(&mut db, &periods, true).await?;
    let therapists = sqlx::query!(
        r#"select t.therapist_id as "therapist_id!: TherapistId", t.name as "name!"
           from (
               select distinct on (therapist_id) therapist_id, coalesce(name, '(no name)') as name
               from therapists
               where therapist_id is not null
               order by therapist_id, id
           ) t
           order by internal.fold(t.name), t.therapist_id"#,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut found: HashMap<Option<TherapistId>, [Figures; 2]> = HashMap::new();
    for Counted { period, therapist_id, figures } in counted {
        found.entry(therapist_id).or_insert_with(|| periods.map(Figures::none))[period] = figures;
    }
    let of_nobody = found.remove(&None);
    let row = |therapist_id, name, [previous, current]: [Figures; 2]| TherapistFigures {
        therapist_id,
        name,
        current,
        previous,
    };
    let mut data: Vec<TherapistFigures> = therapists
        .into_iter()
        .map(|therapist| {
            let id = Some(therapist.therapist_id);
            let figures = found.remove(&id).unwrap_or_else(|| periods.map(Figures::none));
            row(id, Some(therapist.name), figures)
        })
        .collect();
    data.extend(of_nobody.map(|figures| row(None, None, figures)));
    Ok(Json(DashboardOfTherapists { tz: period.zone.to_string(), currency: Currency::INR, data }))
}
