//! Audits refused and failed requests: all of those of logged-in users, also requests that were cut off (the client
//! disconnected, or they took too long), with the outcome `failed`.
//!
//! Callers who are not logged in reach logins and refreshes only, and any number of requests costs them nothing. Audit
//! entries are kept forever, so of each network only those are written that
//! [`AnonymousAttempts`](crate::app::anonymous_attempts::AnonymousAttempts) admits: that attempts were made and on
//! which route, not how many.

use axum::{
    extract::{MatchedPath, OriginalUri, Request},
    http::StatusCode,
};
use percent_encoding::percent_decode_str;
use tokio::runtime::Handle;

use crate::audit::{
    context::{Actor, AuditContext},
    entry::Entry,
    write::write,
};
use crate::{
    app::state::App,
    db::deadline::{STEP, within},
    domain::ids::ClientId,
    error::Result,
    http::caller::Caller,
};

/// A request, as it is kept if it comes to nothing.
pub(crate) struct Attempt {
    app: App,
    trail: AuditContext,
    caller: Option<Caller>,
    /// The client id in the path, whether such a client exists or not.
    client: Option<ClientId>,
}

impl Attempt {
    pub(crate) fn of(app: &App, trail: &AuditContext, request: &Request) -> Self {
        let caller = request.extensions().get::<Caller>().cloned();
        Self { app: app.clone(), trail: trail.clone(), caller, client: named_client(request) }
    }

    /// Writes the entry of a refused or failed request. It names the client only where there is one with that id: other
    /// text in the place of an id is not stored.
    pub(crate) async fn keep(self, status: StatusCode) {
        if self.caller.is_none()
            && let Some(address) = self.trail.address
            && !self.app.anonymous_attempts.admit(address, self.app.clock.now(), status)
        {
            tracing::debug!("one of too many refused attempts left no trail");
            return;
        }
        if let Err(error) = within(STEP, self.written(status)).await {
            tracing::error!(%error, "a refused attempt left no trail");
        }
    }

    async fn written(self, status: StatusCode) -> Result<()> {
        let outcome = if status.is_server_error() { "failed" } else { "refused" };
        let actor = self.caller.as_ref().map(Actor::from);
        let mut db = self.app.db.system_transaction().await?;
        let mut entry = Entry::new("attempt", "").quiet();
        if let Some(client) = self.client {
            let known = sqlx::query_scalar!(
                r#"select exists (select from all_clients_table where client_id = $1) as "known!""#,
                client.as_str(),
            );
            if known.fetch_one(&mut *db).await? {
                entry = entry.client(&client, "");
            }
        }
        let now = self.app.clock.now();
        write(&mut db, &self.trail, actor.as_ref(), now, &[entry], outcome, Some(status.as_u16())).await?;
        db.commit().await
    }
}

/// An attempt to change something, until it is answered. Dropped before, it was cut off, which is kept too. Where that
/// happened in the middle of its commit it may have been done all the same: then its own entries are there as well.
pub(crate) struct UnderWay(Option<Attempt>);

impl UnderWay {
    pub(crate) fn begin(attempt: Attempt) -> Self {
        Self(Some(attempt))
    }

    /// The attempt to audit, depending on the answer; `None` where an entry was written already.
    pub(crate) fn answered(mut self) -> Option<Attempt> {
        self.0.take().filter(|attempt| !attempt.trail.is_settled())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(attempt) = self.0.take().filter(|attempt| !attempt.trail.is_settled()) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(attempt.keep(StatusCode::SERVICE_UNAVAILABLE));
        }
    }
}

/// The client that the path names (`…/clients/{client_id}/…`), whether there is one or not.
fn named_client(request: &Request) -> Option<ClientId> {
    let extensions = request.extensions();
    let template = extensions.get::<MatchedPath>()?.as_str();
    let path = extensions.get::<OriginalUri>().map_or_else(|| request.uri().path(), |uri| uri.path());
    let (_, given) = template.split('/').zip(path.split('/')).find(|(name, _)| *name == "{client_id}")?;
    let id = ClientId::from(percent_decode_str(given).decode_utf8().ok()?.into_owned());
    id.is_possible().then_some(id)
}
