//! A grant, and its lock while something is read under it.

use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::BreakGlassRefusal;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients::{self, Client},
    db::scope::Scope,
    domain::{
        ids::{ClientId, GrantId, UserId},
        status::words,
        text::NO_NAME,
        time::Timestamp,
    },
    error::Result,
    http::etag::Versioned,
};

/// How long a grant lasts.
pub(crate) const LASTS: TimeDelta = TimeDelta::minutes(60);

words! {
    /// The kinds of access that are reviewed.
    pub(crate) enum GrantKind {
        /// Clinical text could be read for an hour.
        Grant,
        /// The client's data was exported, notes included.
        Export,
    }

    /// How the review of a grant stands.
    pub(crate) enum GrantReview {
        /// It waits for another admin.
        Waiting,
        /// Another admin closed it.
        Reviewed,
        /// It was closed after 30 days, since no admin could review it.
        Unreviewed,
    }
}

/// The right of one admin to read one client's clinical text, for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "grant_id": 17,
    "kind": "grant",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "merged_into": null,
    "user_id": 1,
    "user_name": "Front desk",
    "reason": "The therapist is in hospital, and the client calls in distress",
    "opened_at": "2026-02-04T10:30:00Z",
    "expires_at": "2026-02-04T11:30:00Z",
    "is_open": false,
    "reads": 2,
    "last_read_at": "2026-02-04T10:41:12Z",
    "review": "reviewed",
    "reviewed_at": "2026-02-05T04:30:00Z",
    "reviewed_by": 4,
    "reviewer_name": "Practice lead",
    "review_note": "Talked it over with the therapist",
    "unreviewed_at": null
}))]
#[expect(clippy::struct_field_names, reason = "an id says of what it is, as everywhere")]
pub(crate) struct Grant {
    /// The grant's id.
    pub(crate) grant_id: GrantId,
    /// `grant`, or `export`: an export with notes waits for review too, and nothing is read under it.
    pub(crate) kind: GrantKind,
    /// The client whose notes may be read, or were exported.
    pub(crate) client_id: ClientId,
    /// Their name.
    pub(crate) client_name: Option<String>,
    /// The client that this one has been merged into since.
    pub(crate) merged_into: Option<ClientId>,
    /// The account that opened it, and alone reads under it.
    pub(crate) user_id: UserId,
    /// The name of that account.
    pub(crate) user_name: Option<String>,
    /// Why it was opened.
    pub(crate) reason: String,
    /// When it was opened.
    #[schema(value_type = crate::domain::time::Instant)]
    pub(crate) opened_at: Timestamp,
    /// From when on nothing is read under it.
    #[schema(value_type = crate::domain::time::Instant)]
    pub(crate) expires_at: Timestamp,
    /// Whether something can be read under it: it has neither expired nor been reviewed.
    pub(crate) is_open: bool,
    /// How often something was read under it, lists of notes included.
    pub(crate) reads: i64,
    /// When something was last read under it; null if nothing was.
    pub(crate) last_read_at: Timestamp,
    /// How the review stands: `waiting`, `reviewed`, or `unreviewed` where no admin could review it within 30 days.
    pub(crate) review: GrantReview,
    /// When another admin closed it; null while it waits for that.
    pub(crate) reviewed_at: Timestamp,
    /// The account of that admin.
    pub(crate) reviewed_by: Option<UserId>,
    /// The name of that account.
    pub(crate) reviewer_name: Option<String>,
    /// The reviewer's note.
    pub(crate) review_note: Option<String>,
    /// When it was closed unreviewed.
    pub(crate) unreviewed_at: Timestamp,
    /// The version of the stored row.
    #[serde(skip)]
    pub(crate) version: String,
    #[serde(skip)]
    pub(crate) sort_key: String,
}

impl Grant {
    /// As an answer, with its version.
    pub(crate) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// An entry of the trail about it.
    pub(crate) fn entry(&self, action: &'static str, sentence: String) -> Entry {
        let name = self.client_name.as_deref().unwrap_or(NO_NAME);
        Entry::new(action, sentence).on("break_glass", self.grant_id).client(&self.client_id, name)
    }
}

/// The grant of the caller under which a client's clinical text is read.
#[derive(Debug)]
pub(crate) struct OpenGrant {
    pub(crate) grant_id: GrantId,
    reason: String,
    client: Client,
}

/// The row of one.
struct Open {
    grant_id: GrantId,
    reason: String,
}

impl OpenGrant {
    /// The grant of the caller for a client, locked until the transaction ends: a review, and an erasure, wait for
    /// reads under it.
    ///
    /// # Errors
    ///
    /// 404 if there is no such client, 409 if the client's data was erased, 403 if no grant is open.
    pub(crate) async fn lock(uow: &mut UnitOfWork, client: &ClientId) -> Result<Self> {
        // Before the grant, as an erasure takes them.
        let Some(locked) = clients::lock_to_read(uow.db(), client).await? else {
            return Err(clients::missing(uow.db(), &Scope::Practice, client).await?);
        };
        locked.ensure_kept()?;
        let user = uow.actor().map(|actor| actor.user_id.0);
        let now = uow.now();
        let open = sqlx::query_as!(
            Open,
            r#"select g.grant_id as "grant_id: GrantId",
                      g.reason
               from internal.break_glass_grants g
               where g.client_id = $1
                 and g.user_id = $2
                 and g.expires_at > $3
                 and g.opened_at <= $3
                 and g.reviewed_at is null
               order by g.expires_at desc, g.grant_id desc
               limit 1
               for share"#,
            client.as_str(),
            user,
            now,
        )
        .fetch_optional(uow.db())
        .await?;
        if let Some(Open { grant_id, reason }) = open {
            return Ok(Self { grant_id, reason, client: locked });
        }
        let expired_at = sqlx::query_scalar!(
            r#"select max(least(expires_at, reviewed_at)) as "ended!: Timestamp"
               from internal.break_glass_grants
               where client_id = $1
                 and user_id = $2"#,
            client.as_str(),
            user,
        )
        .fetch_one(uow.db())
        .await?;
        Err(BreakGlassRefusal::Required { client_id: client.clone(), expired_at }.into())
    }

    /// The audit entry of a read under it: the read in words, and its details.
    pub(crate) fn seen(&self, what: &str, mut facts: serde_json::Map<String, serde_json::Value>) -> Entry {
        let Client { client_id, name, .. } = &self.client;
        facts.insert("reason".to_owned(), self.reason.clone().into());
        Entry::new("break_glass_read", format!("Read {what} of {name} by break-glass"))
            .on("break_glass", self.grant_id)
            .client(client_id, name)
            .detail(facts.into())
    }
}
