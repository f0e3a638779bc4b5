//! Which messages a client agreed to get, by channel: `internal.consents`.
//!
//! Each time that a client says so is a row of its own, with where and when; the latest of a channel counts. Of whom nothing
//! is known gets nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::{
        ids::ClientId,
        status::Channel,
        text::Text,
        time::{KnownTimestamp, Timestamp},
    },
    error::Result,
};

/// The source of what an admin entered without naming one.
const ADMIN: &str = "admin";
/// The source of what was withdrawn in one of two records that became one.
const MERGE: &str = "merge";

/// What a client said about getting messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "channel": "whatsapp", "given": true, "source": "intake form" }))]
pub struct ConsentGiven {
    /// The way on which messages reach them.
    pub channel: Channel,
    /// True: they agreed; false: they want no messages there any more.
    pub given: bool,
    /// Where they said so; `admin` unless given.
    #[serde(default)]
    pub source: Option<Text<200>>,
}

/// What a client last said about getting messages, and when.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "channel": "whatsapp", "given": true, "source": "intake form", "said_at": "2026-02-01T06:15:00Z"
}))]
pub(super) struct MessageConsent {
    /// The way on which messages reach them.
    channel: Channel,
    /// True: they agreed; false: they want no messages there any more.
    given: bool,
    /// Where they said so.
    source: String,
    /// When it was entered.
    #[schema(value_type = KnownTimestamp)]
    said_at: Timestamp,
}

/// What a client last said, by channel.
pub(super) async fn consents(db: &mut PgConnection, client: &ClientId) -> Result<Vec<MessageConsent>> {
    let consents = sqlx::query_as!(
        MessageConsent,
        r#"select distinct on (channel)
                  channel as "channel: Channel",
                  given,
                  source,
                  said_at as "said_at: Timestamp"
           from internal.consents
           where client_id = $1
           order by channel desc, said_at desc, consent_id desc"#,
        client.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(consents)
}

/// Notes what a client said about getting messages; returns whether any of it is new. The client must be locked.
///
/// # Errors
///
/// If the database refuses.
pub async fn consent(uow: &mut UnitOfWork, client: &ClientId, name: &str, said: &[ConsentGiven]) -> Result<bool> {
    let known = consents(uow.db(), client).await?;
    let source = |one: &ConsentGiven| one.source.as_deref().unwrap_or(ADMIN).to_owned();
    let is_known = |one: &&ConsentGiven| {
        known.iter().any(|now| now.channel == one.channel && now.given == one.given && now.source == source(one))
    };
    let mut changed = BTreeMap::new();
    for one in said.iter().filter(|one| !is_known(one)) {
        add(uow, client, one.channel, one.given, &source(one)).await?;
        changed.insert(one.channel.as_str(), if one.given { "given" } else { "withdrawn" });
    }
    if changed.is_empty() {
        return Ok(false);
    }
    let entry = Entry::new("client_consent", format!("Changed which messages {name} agreed to get"));
    uow.record(entry.on("client", client).client(client, name).detail(json!(changed)));
    Ok(true)
}

/// Gives a client the consents of another record of theirs. One that was withdrawn in either record is withdrawn.
pub(super) async fn follow_merge(uow: &mut UnitOfWork, survivor: &ClientId, gone: &ClientId) -> Result<()> {
    let mut known = consents(uow.db(), survivor).await?;
    known.extend(consents(uow.db(), gone).await?);
    sqlx::query!("update internal.consents set client_id = $1 where client_id = $2", survivor.as_str(), gone.as_str(),)
        .execute(uow.db())
        .await?;
    for now in consents(uow.db(), survivor).await? {
        if now.given && known.iter().any(|earlier| earlier.channel == now.channel && !earlier.given) {
            add(uow, survivor, now.channel, false, MERGE).await?;
        }
    }
    Ok(())
}

async fn add(uow: &mut UnitOfWork, client: &ClientId, channel: Channel, given: bool, source: &str) -> Result<()> {
    let now = uow.now();
    sqlx::query!(
        "insert into internal.consents (client_id, channel, given, source, said_at) values ($1, $2, $3, $4, $5)",
        client.as_str(),
        channel.as_str(),
        given,
        source,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
