//! The checkpoints of the audit chain. A head kept elsewhere proves later that nothing before it was cut off or
//! rewritten: `safestories audit verify --checkpoint` takes it.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    db::{pruned::pruned, scope::Scope},
    domain::time::Timestamp,
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which checkpoints can be listed.
    CheckpointOrder: LatestFirst = "-seq", EarliestFirst = "seq"
}

/// Which checkpoints an admin lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckpointFilter {
    /// Only those that bear a signature, or only those that bear none.
    signed: Option<bool>,
}

/// The head of the chain after an entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "seq": 5120, "entries": 3, "sealed_at": "2026-02-04T04:30:01Z",
    "head": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "key_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "signature": "bm8gc2lnbmF0dXJl"
}))]
pub(super) struct Checkpoint {
    /// The number of the last entry before it, counted from 1 in the order of the chain.
    seq: i64,
    /// How many entries it sealed.
    entries: i32,
    /// When the head was computed and signed.
    #[schema(value_type = crate::domain::time::Instant)]
    sealed_at: Timestamp,
    /// The hash of that entry, and so of all before it: SHA-256 in hexadecimal digits.
    head: String,
    /// Which key signed it; null where the server had none.
    key_id: Option<String>,
    /// The Ed25519 signature in Base64.
    signature: Option<String>,
}

/// List the trail's checkpoints
///
/// The signed heads of the chain that every entry of the trail is part of, latest first.
#[utoipa::path(
    get,
    path = "/audit-logs/checkpoints",
    tag = "audit",
    params(
        CheckpointFilter,
        ("sort" = inline(Option<CheckpointOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of checkpoints", content(
            (Page<Checkpoint> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_checkpoints(
    _: Scope,
    listing: Listing<CheckpointFilter, CheckpointOrder>,
) -> Result<Response> {
    listing.request.answer(Checkpoints(listing.filter)).await
}

/// The checkpoints that a filter wants.
struct Checkpoints(CheckpointFilter);

impl List for Checkpoints {
    type Row = Checkpoint;
    type Order = CheckpointOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: CheckpointOrder,
        position: &Position,
    ) -> Result<Vec<Checkpoint>> {
        let checkpoints = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Checkpoint),
            [r#"
                select seq,
                       entries,
                       sealed_at as "sealed_at!: Timestamp",
                       encode(head, 'hex') as "head!",
                       key_id,
                       translate(encode(signature, 'base64'), E'\n', '') as signature
                from internal.audit_checkpoints
                where true
                  and (signature is not null) = $1
                  and seq < $2::text::bigint -- by any
                order by
                    seq desc -- by any
                limit $3
            "#],
            self.0.signed,
            position.sort(),
            position.limit,
        )?;
        Ok(checkpoints)
    }

    fn key(checkpoint: &Checkpoint) -> Key {
        Key { sort: checkpoint.seq.to_string(), id: String::new() }
    }
}
