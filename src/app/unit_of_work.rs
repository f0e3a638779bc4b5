//! The unit of work: one request, one transaction, one instant, one audit context.
//!
//! A handler that changes something takes [`Work`] and begins once the whole request has been read, so that no slow
//! client holds a transaction open. Operations take `&mut UnitOfWork` and so compose into one transaction; the handler
//! that began it commits. Dropped uncommitted, nothing happened. Committed without an audit entry, it refuses: no change
//! goes unrecorded. The entries are written last, which also turns an SQL error that somebody swallowed into a failure
//! (PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, and sqlx calls that a success).
//!
//! With an `Idempotency-Key`, a record of the outcome is committed together with the effect. A repeat finds it
//! ([`UnitOfWork::earlier`]) and answers with the same resource, read anew under the caller's present rights.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use chrono::{DateTime, Utc};
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use super::{idempotency, state::App};
use crate::{
    audit::{
        context::{Actor, AuditContext},
        entry::{Effect, Entry},
        write::write,
    },
    db::{checkout::Transaction, rls, scope::Scope},
    error::{Error, Result},
};

/// The right to begin a [`UnitOfWork`], in the name of the caller.
#[derive(Debug)]
pub struct Work {
    app: App,
    scope: Scope,
    actor: Option<Actor>,
    context: AuditContext,
}

impl Work {
    /// Work without a request: the command line, background tasks.
    pub fn of_task(app: &App, name: &str) -> Self {
        Self { app: app.clone(), scope: Scope::Practice, actor: None, context: AuditContext::of_task(name) }
    }

    /// Where the request came from.
    pub fn address(&self) -> Option<IpAddr> {
        self.context.address
    }

    /// Opens the transaction.
    ///
    /// # Errors
    ///
    /// If there is no connection, or the request repeats one that is still running or was another.
    pub async fn begin(self) -> Result<UnitOfWork> {
        self.open(false).await
    }

    /// Opens the transaction; a dry run goes through every check and keeps nothing.
    pub async fn begin_dry(self, dry_run: bool) -> Result<UnitOfWork> {
        self.open(dry_run).await
    }

    /// Opens a transaction all of whose statements see the same instant, for work that reads many rows. It ignores an
    /// `Idempotency-Key`: a repeated read may have another result.
    pub async fn begin_snapshot(mut self) -> Result<UnitOfWork> {
        self.context.idempotency_key = None;
        let begun = self.app.db.begin_snapshot(&self.scope).await?;
        Ok(self.within(begun, false))
    }

    async fn open(self, dry_run: bool) -> Result<UnitOfWork> {
        let begun = self.app.db.begin(&self.scope).await?;
        let mut uow = self.within(begun, dry_run);
        if !dry_run {
            uow.earlier = idempotency::recall(&mut uow.tx, &uow.context, uow.actor.as_ref(), uow.now).await?;
        }
        Ok(uow)
    }

    fn within(self, tx: Transaction, dry_run: bool) -> UnitOfWork {
        UnitOfWork {
            tx,
            now: self.app.clock.now(),
            app: self.app,
            actor: self.actor,
            context: self.context,
            entries: Vec::new(),
            earlier: None,
            outcome: None,
            ended: Vec::new(),
            dry_run,
            under_rls: !self.scope.is_practice(),
        }
    }
}

impl FromRequestParts<App> for Work {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let context: AuditContext = parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Error::internal("a route without a context wants to work"))?;
        Ok(Self { app: app.clone(), scope: Scope::of_route(parts), actor: context.actor.clone(), context })
    }
}

/// The changes of one request, not yet committed.
#[derive(Debug)]
#[must_use = "a unit of work does nothing until it is committed"]
pub struct UnitOfWork {
    tx: Transaction,
    now: DateTime<Utc>,
    app: App,
    actor: Option<Actor>,
    context: AuditContext,
    entries: Vec<Entry>,
    earlier: Option<String>,
    outcome: Option<(StatusCode, String)>,
    ended: Vec<Uuid>,
    dry_run: bool,
    /// Whether it runs under the role of therapists.
    under_rls: bool,
}

impl UnitOfWork {
    /// The connection to run statements on.
    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// The instant of this request; the same for all it writes.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Acts as the owner, without the limits of the therapists' role, and then returns to the role. The therapist's id
    /// stays set, so hidden columns stay hidden.
    ///
    /// It has one use: a booking that another program left without a client is completed before an operation, which
    /// looks for its client among all clients of the practice and may create one. The matching of phones and names is
    /// written in Rust. The caller has read the booking under the role before: it is the therapist's own.
    pub async fn as_owner<T>(&mut self, act: impl AsyncFnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !self.under_rls {
            return act(self).await;
        }
        // Not `none`: a login may have been given a role to begin with.
        self.tx.execute("set local role to default").await?;
        let done = act(self).await;
        let entered = self.tx.execute(rls::ENTER).await;
        let done = done?;
        entered?;
        Ok(done)
    }

    /// The state shared by all requests.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// In whose name this is done; `None` for tasks.
    pub fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// The request this belongs to.
    pub fn context(&self) -> &AuditContext {
        &self.context
    }

    /// Goes on in the name of somebody who was not known when the request arrived: a login.
    pub fn act_as(&mut self, actor: Actor) {
        self.actor = Some(actor);
    }

    /// Adds an audit entry, which is committed with the changes. The first entry that is not quiet becomes the summary.
    pub fn record(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Adds the entry that becomes the summary, whatever was recorded before.
    pub fn record_first(&mut self, entry: Entry) {
        self.entries.insert(0, entry);
    }

    /// The id of the resource that an earlier request with the same `Idempotency-Key` made or changed.
    pub fn earlier(&self) -> Option<&str> {
        self.earlier.as_deref()
    }

    /// The same, for an answer that has to leave an entry of its own each time it is given, such as one with clinical
    /// text: from here on this is no repeat but work like any other, which records and commits.
    pub fn take_earlier(&mut self) -> Option<String> {
        self.earlier.take()
    }

    /// Notes the resource that a repeat shall be answered with.
    #[expect(clippy::needless_pass_by_value, reason = "ids are handed over as they are, owned or borrowed")]
    pub fn answers_with(&mut self, status: StatusCode, resource_id: impl ToString) {
        self.outcome = Some((status, resource_id.to_string()));
    }

    /// Registers sessions that end with this unit of work: this instance refuses their tokens from the commit on,
    /// without waiting for the notification that the other instances receive.
    pub fn ends(&mut self, sessions: impl IntoIterator<Item = Uuid>) {
        self.ended.extend(sessions);
    }

    /// The changes that a dry run would have made; `None` if this is no dry run.
    pub fn effects(&self) -> Option<Vec<Effect>> {
        self.dry_run.then(|| self.entries.iter().map(Entry::effect).collect())
    }

    /// Writes the audit entries and commits. A dry run and a repeat keep nothing.
    ///
    /// # Errors
    ///
    /// If nothing was recorded, or the database refuses.
    pub async fn commit(mut self) -> Result<()> {
        if self.dry_run || self.earlier.is_some() {
            self.tx.rollback().await?;
            self.context.settle();
            return Ok(());
        }
        if self.entries.is_empty() {
            return Err(Error::internal("a change without an audit entry"));
        }
        let actor = self.actor.as_ref();
        if let Some((status, resource_id)) = self.outcome.take() {
            idempotency::remember(&mut self.tx, &self.context, actor, self.now, status, &resource_id).await?;
        }
        write(&mut self.tx, &self.context, actor, self.now, &self.entries, "done", None).await?;
        self.tx.commit().await?;
        self.app.ended.add(self.ended);
        self.context.settle();
        Ok(())
    }
}
