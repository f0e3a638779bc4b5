//! The 404 for a client, with the surviving client's id if it was merged into another.

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use crate::{
    db::scope::Scope,
    domain::ids::ClientId,
    error::{
        Error, Refusal, Result,
        problem::{self, ProblemKind},
    },
};

/// Why a client whose id was good once is not found.
#[derive(Debug, thiserror::Error)]
#[error("there is no such client any more: it was merged into another")]
struct Merged {
    into: ClientId,
}

impl Refusal for Merged {
    fn kind(&self) -> &'static ProblemKind {
        &problem::NOT_FOUND
    }

    fn members(&self) -> Map<String, Value> {
        Map::from_iter([("merged_into".to_owned(), json!(self.into))])
    }
}

/// The error for a client that a scope does not have. For admins it names the survivor of a merge, however many merges
/// ago; for therapists every client that is not theirs looks the same.
pub async fn missing(db: &mut PgConnection, scope: &Scope, id: &ClientId) -> Result<Error> {
    if !scope.is_practice() || !id.is_possible() {
        return Ok(Error::NotFound("client"));
    }
    Ok(merge_survivor(db, id).await?.map_or(Error::NotFound("client"), |into| Merged { into }.into()))
}

/// The client that another one was merged into, however many merges ago.
pub async fn merge_survivor(db: &mut PgConnection, id: &ClientId) -> Result<Option<ClientId>> {
    if !id.is_possible() {
        return Ok(None);
    }
    let heir = sqlx::query_scalar!(
        r#"with recursive heir as (
               select i.merged_into
               from internal.clients i
               where i.client_id = $1
               union
               select i.merged_into
               from heir
               join internal.clients i on i.client_id = heir.merged_into
           )
           select c.client_id as "client_id!: ClientId"
           from heir
           join all_clients_table c on c.client_id = heir.merged_into
           limit 1"#,
        id.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(heir)
}
