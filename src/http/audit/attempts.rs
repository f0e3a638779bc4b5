//! What came to nothing, as far as it is kept: every refused or failed attempt of somebody who is logged in, also one that
//! was cut off (its client went away, or it took too long), whose outcome then is `failed`.
//!
//! Callers who are not logged in reach logins and refreshes only, and any number of requests costs them nothing. The trail is for good, so
//! of each network it keeps what [`AnonymousAttempts`](crate::app::anonymous_attempts::AnonymousAttempts) lets pass: that somebody was trying, and what, not how often.

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
use crate::{app::state::App, domain::ids::ClientId, error::Result, http::caller::Caller};

/// A request, as it is kept if it comes to nothing.
pub(crate) struct Attempt {
    app: App,
    trail: AuditContext,
    caller: Option<Caller>,
    /// Whom the path names, whether there is such a client or not.
    client: Option<ClientId>,
}

impl Attempt {
    pub(crate) fn of(app: &App, trail: &AuditContext, request: &Request) -> Self {
        let caller = request.extensions().get::<Caller>().cloned();
        Self { app: app.clone(), trail: trail.clone(), caller, client: named_client(request) }
    }

    /// Notes that it came to nothing. Whose client it was about is noted where there is such a client: what somebody typed
    /// in the place of an id is not kept.
    pub(crate) async fn keep(self, status: StatusCode) {
        if self.caller.is_none()
            && let Some(address) = self.trail.address
            && !self.app.anonymous_attempts.admit(address, self.app.clock.now(), status)
        {
            tracing::debug!("one of too many refused attempts left no trail");
            return;
        }
        if let Err(error) = self.written(status).await {
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

    /// What is to be kept if the answer says so; none where the trail has all there is.
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
