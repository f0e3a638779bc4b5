//! Listing campaigns, by name.

use axum::response::Response;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::Campaign;
use crate::{
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
    /// Only those of which any part holds this, in any letter case; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "reminder")]
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
        use CampaignOrder as O;
        macro_rules! page {
            ($key:literal) => {
                if position.descending { page!($key, "<", "desc") } else { page!($key, ">", "asc") }
            };
            ($key:literal, $beyond:literal, $direction:literal) => {
                // The identity is JSON, in which null and the empty text differ.
                sqlx::query_as!(
                    Campaign,
                    r#"select g.campaign_name,
                              g.therapy,
                              g.therapist_name,
                              g.count as "count!",
                              g.version as "version!",
                              g.sort_key as "sort_key!",
                              g.identity as "identity!"
                       from (
                           select campaign_name,
                                  therapy,
                                  therapist_name,
                                  count(*) as count,
                                  max(xmin::text::bigint)::text || '-' || count(*) as version,
                                  internal.fold(coalesce("# + $key + r#", '')) as sort_key,
                                  jsonb_build_array(campaign_name, therapy, therapist_name)::text as identity
                           from aisensy_campaign_api
                           where ($1::text is null or campaign_name = $1)
                             and ($2::text is null or therapy = $2)
                             and ($3::text is null or therapist_name = $3)
                             and ($4::text is null
                                  or internal.search_words(campaign_name, therapy, therapist_name)
                                      like internal.like_words($4))
                           group by campaign_name, therapy, therapist_name
                       ) g
                       where $5::text is null
                          or (g.sort_key, g.identity) "# + $beyond + " ($5, $6)
                       order by g.sort_key " + $direction + ", g.identity " + $direction + "
                       limit $7",
                    self.filter.campaign_name,
                    self.filter.therapy,
                    self.filter.therapist_name,
                    self.search.as_deref(),
                    position.sort(),
                    position.id(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        let rows = match order {
            O::NameUp | O::NameDown => page!("campaign_name"),
            O::TherapistUp | O::TherapistDown => page!("therapist_name"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!"
               from (
                   select distinct campaign_name, therapy, therapist_name
                   from aisensy_campaign_api
                   where ($1::text is null or campaign_name = $1)
                     and ($2::text is null or therapy = $2)
                     and ($3::text is null or therapist_name = $3)
                     and ($4::text is null
                          or internal.search_words(campaign_name, therapy, therapist_name) like internal.like_words($4))
               ) g"#,
            self.filter.campaign_name,
            self.filter.therapy,
            self.filter.therapist_name,
            self.search.as_deref(),
        )
        .fetch_one(db)
        .await?;
        Ok(count)
    }

    fn key(campaign: &Campaign) -> Key {
        campaign.key()
    }
}
