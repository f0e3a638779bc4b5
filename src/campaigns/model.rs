//! A campaign, how it is addressed, and the lock for changes.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::text::Text,
    error::{
        Error, Refusal, Result,
        problem::{ProblemKind, kinds},
    },
    http::{etag::Versioned, page::Key},
};

kinds! { PROBLEMS:
    CAMPAIGN_EXISTS = CONFLICT, "campaign-exists", "There is such a campaign",
        "A campaign of this name for this therapy and therapist exists already. The table has no key, so that a second one would be a duplicate that nobody could tell from the first.";
}

/// A campaign that would be there twice.
#[derive(Debug, thiserror::Error)]
#[error("there is such a campaign already")]
pub(super) struct CampaignExists;

impl Refusal for CampaignExists {
    fn kind(&self) -> &'static ProblemKind {
        &CAMPAIGN_EXISTS
    }
}

/// Which campaign is sent for which therapy of which therapist.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "campaign_name": "session_reminder_v2",
    "therapy": "Couples Therapy",
    "therapist_name": "Asha Rao",
    "count": 1
}))]
#[expect(clippy::struct_field_names, reason = "they are called as their columns are")]
pub(super) struct Campaign {
    /// The campaign's name at the messaging service.
    pub(super) campaign_name: Option<String>,
    /// For which therapy.
    pub(super) therapy: Option<String>,
    /// Of which therapist; a name, which need not be one of the practice's.
    pub(super) therapist_name: Option<String>,
    /// How many rows say the same; more than 1 are duplicates.
    pub(super) count: i64,
    /// The version of these rows.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in its list.
    #[serde(skip)]
    pub(super) sort_key: String,
    /// Distinguishes it from all others, as one text.
    #[serde(skip)]
    pub(super) identity: String,
}

impl Campaign {
    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.sort_key.clone(), id: self.identity.clone() }
    }
}

/// Stands in an address for what the campaign does not have (NULL), as in PostgreSQL's text format.
const NULL: &str = r"\N";

/// Which campaign is meant, by all three: `\N` for what it does not have (NULL); an empty one is the empty text.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CampaignParams {
    /// Its name, or `\N`.
    #[param(example = "session_reminder_v2")]
    campaign_name: String,
    /// Its therapy, or `\N`.
    #[param(example = "Couples Therapy")]
    therapy: String,
    /// Its therapist's name, or `\N`.
    #[param(example = "Asha Rao")]
    therapist_name: String,
}

impl From<CampaignParams> for CampaignAddress {
    fn from(params: CampaignParams) -> Self {
        let [campaign_name, therapy, therapist_name] = [params.campaign_name, params.therapy, params.therapist_name]
            .map(|given| Some(given).filter(|given| given != NULL));
        Self { campaign_name, therapy, therapist_name }
    }
}

/// A campaign's natural key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CampaignAddress {
    /// Its name.
    pub(super) campaign_name: Option<String>,
    /// Its therapy.
    pub(super) therapy: Option<String>,
    /// Its therapist's name.
    pub(super) therapist_name: Option<String>,
}

/// The new values of a campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "campaign_name": "session_reminder_v3",
    "therapy": "Couples Therapy",
    "therapist_name": "Asha Rao"
}))]
pub(super) struct WriteCampaign {
    /// The campaign's name at the messaging service.
    campaign_name: Text<255>,
    /// For which therapy; null or left out: for none in particular.
    therapy: Option<Text<255>>,
    /// Of which therapist; any name; null or left out: of none in particular.
    therapist_name: Option<Text<255>>,
}

impl From<WriteCampaign> for CampaignAddress {
    fn from(wanted: WriteCampaign) -> Self {
        Self {
            campaign_name: Some(wanted.campaign_name.into_string()),
            therapy: wanted.therapy.map(Text::into_string),
            therapist_name: wanted.therapist_name.map(Text::into_string),
        }
    }
}

impl CampaignAddress {
    /// The campaign, if there is one.
    pub(super) async fn find(&self, db: &mut PgConnection) -> Result<Option<Campaign>> {
        // Every row that is written gets a new xmin, and one that goes lowers the count.
        let found = sqlx::query_as!(
            Campaign,
            r#"select campaign_name,
                      therapy,
                      therapist_name,
                      count(*) as "count!",
                      max(xmin::text::bigint)::text || '-' || count(*) as "version!",
                      '' as "sort_key!",
                      '' as "identity!"
               from aisensy_campaign_api
               where campaign_name is not distinct from $1
                 and therapy is not distinct from $2
                 and therapist_name is not distinct from $3
               group by campaign_name, therapy, therapist_name"#,
            self.campaign_name,
            self.therapy,
            self.therapist_name,
        )
        .fetch_optional(db)
        .await?;
        Ok(found)
    }

    /// The campaign.
    pub(super) async fn read(&self, db: &mut PgConnection) -> Result<Campaign> {
        self.find(db).await?.ok_or(Error::NotFound("campaign"))
    }

    /// Where it stands, for a `Location`.
    pub(super) fn location(&self) -> String {
        let parts = [
            ("campaign_name", &self.campaign_name),
            ("therapy", &self.therapy),
            ("therapist_name", &self.therapist_name),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parts.into_iter().filter_map(|(name, part)| Some((name, part.as_ref()?))));
        format!("/api/v1/admin/campaigns?{}", query.finish())
    }

    /// How people call it.
    pub(super) fn name(&self) -> &str {
        self.campaign_name.as_deref().unwrap_or("without a name")
    }
}

/// Locks all campaigns against other writers; readers do not wait.
pub(super) async fn lock(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query!("lock table aisensy_campaign_api in share row exclusive mode").execute(uow.db()).await?;
    Ok(())
}
