//! Listing campaigns, by name.

use axum::response::Response;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::Campaign;
use crate::{
    db::pruned::pruned,
    domain::contact::Search,
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which campaigns can be listed.
    CampaignOrder: NameUp = "campaign_name", NameDown = "-campaign_name", TherapistUp = "therapist_name",
        TherapistDown = "-therapist_name"
}

/// Which campaigns are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CampaignFilter {
    /// Only the one of this name, letter by letter.
    #[param(example = "session_reminder_v2")]
    campaign_name: Option<String>,
    /// Only those for this therapy, letter by letter.
    #[param(example = "Couples Therapy")]
    therapy: Option<String>,
    /// Only those of this therapist, letter by letter.
    #[param(example = "Asha Rao")]
    therapist_name: Option<String>,
    /// Only those of which any part holds this, in any letter case; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "reminder")]
    q: Option<String>,
}

/// List campaigns
///
/// Each once, with a `count` of the rows that say the same. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/campaigns",
    tag = "campaigns",
    params(CampaignFilter, ("sort" = inline(Option<CampaignOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of campaigns", content(
            (Page<Campaign> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_campaigns(
    Listing { filter, request }: Listing<CampaignFilter, CampaignOrder>,
) -> Result<Response> {
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(Campaigns { filter, search }).await
}

/// The campaigns that a filter wants.
struct Campaigns {
    filter: CampaignFilter,
    search: Option<Search>,
}

impl List for Campaigns {
    type Row = Campaign;
    type Order = CampaignOrder;

    async fn rows(&self, db: &mut PgConnection, order: CampaignOrder, position: &Position) -> Result<Vec<Campaign>> {
        // The identity is JSON, in which null and the empty text differ.
        let campaigns = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Campaign),
            [r#"
                select g.campaign_name,
                       g.therapy,
                       g.therapist_name,
                       g.count as "count!",
                       g.version as "version!",
                       concat(
                           internal.fold(g.campaign_name), -- by campaign_name
                           internal.fold(g.therapist_name), -- by therapist_name
                           ''
                       ) as "sort_key!",
                       g.identity as "identity!"
                from (
                    select campaign_name,
                           therapy,
                           therapist_name,
                           count(*) as count,
                           max(xmin::text::bigint)::text || '-' || count(*) as version,
                           jsonb_build_array(campaign_name, therapy, therapist_name)::text as identity
                    from aisensy_campaign_api
                    where true
                      and campaign_name = $1
                      and therapy = $2
                      and therapist_name = $3
                      and internal.search_words(campaign_name, therapy, therapist_name) like any (internal.like_words($4))
                    group by campaign_name, therapy, therapist_name
                ) g
                where true
                  and (coalesce(internal.fold(g.campaign_name), ''), g.identity) < ($5, $6) -- by campaign_name
                  and (coalesce(internal.fold(g.therapist_name), ''), g.identity) < ($5, $6) -- by therapist_name
                order by
                    coalesce(internal.fold(g.campaign_name), '') desc, -- by campaign_name
                    coalesce(internal.fold(g.therapist_name), '') desc, -- by therapist_name
                    g.identity desc -- by any
                limit $7
            "#],
            self.filter.campaign_name.as_deref(),
            self.filter.therapy.as_deref(),
            self.filter.therapist_name.as_deref(),
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(campaigns)
    }

    fn key(campaign: &Campaign) -> Key {
        campaign.key()
    }
}
