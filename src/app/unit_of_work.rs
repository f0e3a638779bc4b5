//! The unit of work: one request, one transaction, one instant, one audit context.
//!
//! A handler that changes something takes [`Work`] and hands a closure to [`Work::run`] once the whole request has been
//! read, so that no slow client holds a transaction open. It begins, acts and commits, which nothing else can do. Operations
//! take `&mut UnitOfWork` and so compose into one transaction. If one fails, nothing happened. If nothing was recorded, the
//! commit is refused: no change goes without an audit entry. The entries are written last, which also turns an SQL error
//! that somebody swallowed into a failure (PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, and sqlx calls
//! that a success).
//!
//! With an `Idempotency-Key`, a record of the outcome is committed together with the effect. A repeat finds it, does nothing,
//! and answers with the same resource, read anew under the caller's present rights: [`UnitOfWork::once`] and its like.

use std::{fmt::Display, net::IpAddr, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    idempotency::{self, Replay},
    state::App,
};
use crate::{
    audit::{
        context::{Actor, AuditContext},
        entry::{Effect, Entry},
        write::write,
    },
    db::{checkout::Transaction, scope::Scope},
    error::{Error, Result},
};

/// The right to run a [`UnitOfWork`], in the name of the caller.
#[derive(Debug)]
pub struct Work {
    app: App,
    scope: Scope,
    actor: Option<Actor>,
    context: AuditContext,
    replay: Replay,
    dry_run: bool,
    snapshot: bool,
}

impl Work {
    /// Work without a request: the command line, background tasks.
    pub fn of_task(app: &App, name: &str) -> Self {
        Self::new(app, Scope::Practice, AuditContext::of_task(name))
    }

    fn new(app: &App, scope: Scope, context: AuditContext) -> Self {
        Self {
            app: app.clone(),
            scope,
            actor: context.actor.clone(),
            context,
            replay: Replay::default(),
            dry_run: false,
            snapshot: false,
        }
    }

    /// Where the request came from.
    pub fn address(&self) -> Option<IpAddr> {
        self.context.address
    }

    /// Work of the practice's own for the same request, in a transaction beside this one: it reaches all rows.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { actor: self.actor.clone(), ..Self::new(&self.app, Scope::Practice, self.context.beside()) }
    }

    /// The same work; as a dry run, if that was asked for, it goes through every check and keeps nothing.
    #[must_use]
    pub fn dry_run(mut self, dry_run: Option<bool>) -> Self {
        self.dry_run = dry_run.unwrap_or(false);
        self
    }

    /// The same work in a transaction all of whose statements see the same instant, for work that reads many rows. It
    /// ignores an `Idempotency-Key`: a repeated read may have another result.
    #[must_use]
    pub fn snapshot(mut self) -> Self {
        self.snapshot = true;
        self.context.idempotency_key = None;
        self
    }

    /// Acts in one transaction, and commits it with its audit entries.
    ///
    /// # Errors
    ///
    /// As `act`; if nothing was recorded; if the request repeats one that is still running or was another.
    pub async fn run<T>(self, act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T>) -> Result<T> {
        let mut uow = self.begin().await?;
        // On the heap: an operation is large, and is carried through many layers.
        let done = Box::pin(act(&mut uow)).await;
        if done.is_ok() || uow.stays {
            uow.commit().await?;
        } else {
            uow.roll_back().await;
        }
        done
    }

    /// The same for what may find nothing to do: if nothing was recorded, nothing is kept.
    pub async fn run_if_needed<T>(self, act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T>) -> Result<T> {
        let mut uow = self.begin().await?;
        // On the heap: an operation is large, and is carried through many layers.
        let done = Box::pin(act(&mut uow)).await;
        if done.is_ok() && !uow.is_idle() {
            uow.commit().await?;
        } else {
            uow.roll_back().await;
        }
        done
    }

    async fn begin(self) -> Result<UnitOfWork> {
        let db = &self.app.db;
        let begun = if self.snapshot { db.begin_snapshot(&self.scope).await? } else { db.begin(&self.scope).await? };
        let mut uow = UnitOfWork {
            tx: begun,
            now: self.app.clock.now(),
            app: self.app,
            actor: self.actor,
            context: self.context,
            entries: Vec::new(),
            earlier: None,
            stays: false,
            outcome: None,
            ended: Vec::new(),
            dry_run: self.dry_run,
        };
        if !uow.dry_run {
            match idempotency::recall(&mut uow.tx, &uow.context, uow.actor.as_ref(), uow.now).await {
                Ok(earlier) => {
                    if earlier.is_some() {
                        self.replay.set();
                    }
                    uow.earlier = earlier;
                }
                Err(error) => {
                    uow.roll_back().await;
                    return Err(error);
                }
            }
        }
        Ok(uow)
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
        let replay = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self { replay, ..Self::new(app, Scope::of_route(parts), context) })
    }
}

/// The changes of one request, not yet committed.
#[derive(Debug)]
pub struct UnitOfWork {
    tx: Transaction,
    now: DateTime<Utc>,
    app: App,
    actor: Option<Actor>,
    context: AuditContext,
    entries: Vec<Entry>,
    /// The id of the resource that an earlier request with the same `Idempotency-Key` made or changed.
    earlier: Option<String>,
    /// Whether what was recorded stays although the request is refused, or a repeat.
    stays: bool,
    outcome: Option<(StatusCode, String)>,
    ended: Vec<Uuid>,
    dry_run: bool,
}

impl UnitOfWork {
    /// The connection to run statements on.
    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Writes rows as another program does: the triggers track them, so that `arrivals` takes them up.
    pub async fn as_another_program<T>(&mut self, write: impl AsyncFnOnce(&mut Self) -> Result<T>) -> Result<T> {
        sqlx::query!("select set_config('safestories.writer', '', true)").fetch_one(self.db()).await?;
        let written = write(self).await?;
        sqlx::query!("select set_config('safestories.writer', 'server', true)").fetch_one(self.db()).await?;
        Ok(written)
    }

    /// The instant of this request; the same for all it writes.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Work of the practice's own for the same request, in a transaction beside this one: it reaches all rows.
    pub fn work_of_practice(&self) -> Work {
        Work { actor: self.actor.clone(), ..Work::new(&self.app, Scope::Practice, self.context.beside()) }
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

    /// Whether nothing was recorded so far.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes what all of it was done for: the summary, whatever was recorded before.
    pub fn record_first(&mut self, entry: Entry) {
        self.entries.insert(0, entry);
    }

    /// Notes what stays even if the request is refused from here on, or repeats an earlier one: that clinical text is shown,
    /// that a session ended.
    pub fn record_always(&mut self, entry: Entry) {
        self.record(entry);
        self.stays = true;
    }

    /// Changes the resource of this id, unless the request repeats one that did.
    pub async fn once(
        &mut self,
        status: StatusCode,
        id: &impl Display,
        act: impl AsyncFnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if !self.is_repeat() {
            act(self).await?;
            self.answers_with(status, id);
        }
        Ok(())
    }

    /// Makes a resource; answers with its id, or with that of the one which an earlier request made.
    pub async fn make_once<Id: FromStr + Display>(
        &mut self,
        act: impl AsyncFnOnce(&mut Self) -> Result<Id>,
    ) -> Result<Id> {
        if let Some(id) = self.earlier()? {
            return Ok(id);
        }
        let id = act(self).await?;
        self.answers_with(StatusCode::CREATED, &id);
        Ok(id)
    }

    /// Makes or changes a resource whose answer cannot just be read anew: `act` returns its id and the answer, `repeat`
    /// finds the answer to a repeat.
    pub async fn once_or<Id: FromStr + Display, T>(
        &mut self,
        status: StatusCode,
        act: impl AsyncFnOnce(&mut Self) -> Result<(Id, T)>,
        repeat: impl AsyncFnOnce(&mut Self, Id) -> Result<T>,
    ) -> Result<T> {
        if let Some(id) = self.earlier()? {
            return repeat(self, id).await;
        }
        let (id, answer) = act(self).await?;
        self.answers_with(status, &id);
        Ok(answer)
    }

    /// Whether an earlier request with the same `Idempotency-Key` did this: of what is done now, nothing is kept.
    pub fn is_repeat(&self) -> bool {
        self.earlier.is_some()
    }

    /// Notes the resource by which a repeat is recognised, where a repeat does the work again to find its answer.
    pub fn answers_with(&mut self, status: StatusCode, resource_id: impl Display) {
        self.outcome = Some((status, resource_id.to_string()));
    }

    fn earlier<Id: FromStr>(&self) -> Result<Option<Id>> {
        let id = self.earlier.as_deref().map(str::parse).transpose();
        id.map_err(|_| Error::internal("a repeat finds the id of something else"))
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

    /// Writes the audit entries of an answer that leaves none, so that it is refused where they would be. The work is to be
    /// rolled back: see [`Work::run_if_needed`].
    pub async fn rehearse(&mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        write(&mut self.tx, &self.context, self.actor.as_ref(), self.now, &entries, "done", None).await
    }

    /// Rolls back and waits for it: a request that follows the answer finds no lock of this one. Where the rollback itself
    /// fails, the connection is lost, and the transaction with it; the error that led here says more.
    async fn roll_back(self) {
        if let Err(error) = self.tx.rollback().await {
            tracing::debug!(%error, "a rollback was not answered");
        }
    }

    /// Writes the audit entries and commits. A dry run and a repeat keep nothing.
    async fn commit(mut self) -> Result<()> {
        if self.dry_run || (self.earlier.is_some() && !self.stays) {
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
        self.app.sessions.add_ended(self.ended);
        self.context.settle();
        Ok(())
    }
}
