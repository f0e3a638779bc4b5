//! Merging two client records of one person.
//!
//! The path's client survives; the one in the body goes. An admin says so: no machine merges two people.

use std::collections::BTreeMap;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    access::{self, AccessChange, Assigned, Sources},
    fields::Joined,
};
use crate::transfers::refusal::ClientRefusal;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::{Effect, Entry},
    booking_requests,
    clients::{self, Record},
    dashboards::cache,
    db::scope::Scope,
    domain::{
        ids::{ClientId, TherapistId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
    payments,
};

/// Which record goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "merge_client_id": "cl_0199c0de00007000800000000000000c" }))]
pub(crate) struct MergeClient {
    /// The other record of the same person: it is taken away, and all that refers to it goes to the client of the path.
    merge_client_id: ClientId,
}

/// The result of a merge, or of its dry run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "filled": ["email_id"],
    "dropped": ["phone_number"],
    "moved": { "bookings": 3, "refunds": 1, "requests": 0, "transfers": 1, "possible_duplicates": 1 },
    "access": [{
        "therapist_id": "58701",
        "therapist_name": "Asha Rao",
        "gains": {
            "record": false,
            "contact": ["email_id"],
            "contact_of_sessions": { "count": 0, "booking_ids": [] },
            "earlier_notes": { "count": 1, "booking_ids": ["bk_0199c0de00007000800000000000000a"] }
        },
        "loses": {
            "record": false,
            "contact": [],
            "contact_of_sessions": { "count": 0, "booking_ids": [] },
            "earlier_notes": { "count": 0, "booking_ids": [] }
        }
    }]
}))]
pub(crate) struct Merge {
    /// The fields that were missing in the surviving record, and came from the other one.
    filled: Vec<&'static str>,
    /// The fields of the other record that go with it, since the surviving one has its own; bookings keep theirs.
    dropped: Vec<&'static str>,
    /// How much went to the surviving client.
    moved: Moved,
    /// Which therapists come to see what they could not see before, and which no longer see what they could.
    access: Vec<AccessChange>,
}

/// How much a merge moves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moved {
    /// Bookings.
    bookings: u64,
    /// Refunds.
    refunds: u64,
    /// Booking requests.
    requests: u64,
    /// Transfers.
    transfers: u64,
    /// Marks that another client may be the same person.
    possible_duplicates: u64,
}

/// The client that two records became.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeOutcome {
    /// The client.
    #[schema(example = "cl_0199c0de00007000800000000000000b")]
    client_id: ClientId,
    /// The name.
    #[schema(example = "Meera Iyer")]
    client_name: Option<String>,
    /// The phone.
    #[schema(example = "+919800012345")]
    phone_number: Option<String>,
    /// The e-mail address.
    #[schema(example = "meera.iyer@example.org")]
    email_id: Option<String>,
    /// How many sessions there are that are neither cancelled nor no-shows.
    #[schema(example = 5)]
    no_of_sessions: i32,
    /// The therapist whom the client is assigned to.
    therapist_id: Option<TherapistId>,
    /// That therapist's name.
    #[schema(example = "Asha Rao")]
    assigned_therapist: Option<String>,
    /// The record that went.
    #[schema(example = "cl_0199c0de00007000800000000000000c")]
    merged_client_id: ClientId,
    /// The fields taken over and dropped, the rows moved, and the therapists whose access changes.
    #[schema(value_type = Merge)]
    merge: Value,
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effects: Option<Vec<Effect>>,
}

/// Merge two clients
///
/// Two records of one person become one: the client of the path, with what it lacked from the other one. All that refers to
/// the other one follows, and its id answers 404 with `merged_into` from then on. A dry run tells the same, above all which
/// therapists would come to see what they cannot see now.
#[utoipa::path(
    post,
    path = "/clients/{client_id}/merge",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The id of the client that survives"), DryRun, Preconditions),
    request_body = MergeClient,
    responses((status = 200, description = "Merged", body = MergeOutcome), Problems),
)]
pub(crate) async fn merge_clients(
    _: Scope,
    work: Work,
    Path(id): Path<ClientId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    Json(MergeClient { merge_client_id: gone }): Json<MergeClient>,
) -> Result<Response> {
    let run = work.dry_run(dry_run).run(async |uow| {
        let merge = uow.once_or(
            StatusCode::OK,
            async |uow| Ok((gone.clone(), json!(merge(uow, &id, &gone, &conditions).await?))),
            async |uow, gone| repeated(uow.db(), &gone).await,
        );
        let merge = merge.await?;
        let mut merged = read(uow.db(), id, gone, merge).await?;
        merged.effects = uow.effects();
        merged.dry_run = merged.effects.is_some().then_some(true);
        Ok(Json(merged).into_response())
    });
    run.await
}

/// Makes two records one.
async fn merge(uow: &mut UnitOfWork, id: &ClientId, gone: &ClientId, conditions: &Preconditions) -> Result<Merge> {
    let mut records = clients::records(uow.db(), &[id.clone(), gone.clone()]).await?;
    let mut take = |wanted: &ClientId| {
        let at = records.iter().position(|record| record.client_id == *wanted)?;
        Some(records.swap_remove(at))
    };
    let Some(survivor) = take(id) else { return Err(clients::missing(uow.db(), &Scope::Practice, id).await?) };
    if id == gone {
        return Err(Error::body("/merge_client_id", "is the client itself"));
    }
    let Some(other) = take(gone) else {
        return Err(match clients::merge_survivor(uow.db(), gone).await? {
            Some(into) => ClientRefusal::AlreadyMerged(into).into(),
            None => Error::body("/merge_client_id", "there is no such client"),
        });
    };
    clients::ensure_current(uow, id, &survivor.version, conditions).await?;
    survivor.ensure_kept()?;
    other.ensure_kept()?;
    let Joined { record, filled, dropped, sources } = Joined::of(&survivor, &other);
    let access = access_changes(uow, &survivor, &other, &record, &sources).await?;

    let absorbed = clients::absorb(uow, &record, gone).await?;
    let moved = Moved {
        bookings: absorbed.bookings,
        refunds: payments::follow_merge(uow, id, gone).await?,
        requests: booking_requests::follow_merge(uow, id, gone).await?,
        transfers: crate::transfers::follow_merge(uow.db(), id, gone).await?,
        possible_duplicates: absorbed.duplicates,
    };
    clients::remove(uow, gone).await?;
    // The answer says how many sessions the surviving client has.
    cache::follow(uow).await?;

    let merge = Merge { filled, dropped, moved, access };
    let name = record.client_name.as_deref().unwrap_or(NO_NAME);
    let detail = json!({ "merged_client_id": gone, "merged_into": id, "merge": merge });
    uow.record(
        Entry::new("client_merge", format!("Merged two records of {name}"))
            .on("client", id)
            .client(id, name)
            .detail(detail.clone()),
    );
    let other_name = other.client_name.as_deref().unwrap_or(NO_NAME);
    uow.record(
        Entry::new("client_merge", format!("Merged into another record of {name}"))
            .on("client", gone)
            .client(gone, other_name)
            .detail(detail)
            .quiet(),
    );
    Ok(merge)
}

/// The changes of access; computed before anything is written.
async fn access_changes(
    uow: &mut UnitOfWork,
    survivor: &Record,
    other: &Record,
    after: &Record,
    sources: &Sources,
) -> Result<Vec<AccessChange>> {
    let now = Timestamp::from(uow.now());
    let sessions = access::sessions(uow.db(), &survivor.client_id, &other.client_id, now).await?;
    let assigned = Assigned {
        survivor: survivor.therapist_id.as_ref(),
        gone: other.therapist_id.as_ref(),
        after: after.therapist_id.as_ref(),
    };
    let name = |record: &Record| record.therapist_id.clone().zip(record.assigned_therapist.clone());
    let names: BTreeMap<_, _> = [name(survivor), name(other)].into_iter().flatten().collect();
    Ok(access::changes(&sessions, &assigned, sources, &names))
}

/// The client as it stands now.
async fn read(db: &mut PgConnection, id: ClientId, gone: ClientId, merge: Value) -> Result<MergeOutcome> {
    let client = sqlx::query!(
        r#"select client_name,
                  phone_number,
                  email_id,
                  coalesce(no_of_sessions, 0) as "no_of_sessions!",
                  therapist_id as "therapist_id: TherapistId",
                  assigned_therapist
           from all_clients_table
           where client_id = $1"#,
        id.as_str(),
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(client) = client else { return Err(clients::missing(db, &Scope::Practice, &id).await?) };
    Ok(MergeOutcome {
        client_id: id,
        client_name: client.client_name,
        phone_number: client.phone_number,
        email_id: client.email_id,
        no_of_sessions: client.no_of_sessions,
        therapist_id: client.therapist_id,
        assigned_therapist: client.assigned_therapist,
        merged_client_id: gone,
        merge,
        dry_run: None,
        effects: None,
    })
}

/// The result of this record's merge, read from the audit trail.
async fn repeated(db: &mut PgConnection, gone: &ClientId) -> Result<Value> {
    let merge = sqlx::query_scalar!(
        "select detail -> 'merge'
         from internal.audit_entries
         where subject_type = 'client'
           and subject_id = $1
           and action = 'client_merge'
           and outcome = 'done'
         order by entry_id desc
         limit 1",
        gone.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(merge.flatten().unwrap_or_default())
}
