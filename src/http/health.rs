//! Liveness, readiness and metrics.
//!
//! These routes need no login, so the answers name no host, no version and no error text.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{Extension, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{extract::Json, metrics};
use crate::{
    app::state::App,
    db::migrate::{self, Status},
    error::{
        Error, Refusal, Result,
        problem::{ProblemKind, Problems, kinds},
    },
};

kinds! { PROBLEMS:
    NOT_READY = SERVICE_UNAVAILABLE, "not-ready", "The server cannot do its work",
        "`failing` says what is missing: the `database` cannot be reached, its `migrations` are not those of this build, the `audit` cannot be written, without which nothing is done, or the database takes no `writes` at all, as where its disk is full.";
}

/// How long a look may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long the result of a check is reused for other requests.
const REMEMBERED: Duration = Duration::from_millis(500);

/// How long the result of a write is reused.
const WRITTEN: Duration = Duration::from_secs(5);

/// The routes; they need no login.
pub fn routes() -> OpenApiRouter<App> {
    metrics::install();
    OpenApiRouter::new()
        .routes(routes!(check_health))
        .routes(routes!(check_readiness))
        .routes(routes!(metrics::show_metrics))
        .layer(Extension(Readiness::default()))
}

/// That all is well.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`; what is not ok is a problem document.
    #[schema(example = "ok")]
    status: &'static str,
}

/// That the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
struct Ready {
    /// Always `ok`; what is not ok is a problem document.
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether the audit trail was found to be rewritten in the database: nothing is sealed then, and an operator has to look. The
    /// server does its work all the same.
    #[schema(example = false)]
    trail_broken: bool,
}

/// The reason why the server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum NotReady {
    #[error("the database does not answer")]
    Database,
    #[error("the database is not migrated to this build's schema")]
    Migrations,
    #[error("the audit cannot be written")]
    Audit,
    #[error("the database takes no writes")]
    Writes,
    #[error("what stood in the adopted database is being worked out: {done} of {bookings} bookings")]
    Backfill { done: i64, bookings: i64 },
}

impl Refusal for NotReady {
    fn kind(&self) -> &'static ProblemKind {
        &NOT_READY
    }

    fn members(&self) -> Map<String, Value> {
        let failing: &str = self.into();
        Map::from_iter([("failing".to_owned(), failing.into())])
    }
}

/// The last check, and when it was made; concurrent requests wait for the one that checks.
#[derive(Clone, Debug, Default)]
struct Readiness(Arc<Mutex<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    last: Option<Look>,
    /// The last that wrote.
    write: Option<Look>,
}

/// A check of the server's dependencies.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    seen: Result<(), NotReady>,
}

/// Is the process up?
///
/// Answers as long as the process can; asks nothing of the database.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    security(()),
    responses((status = 200, description = "It is", body = Health), Problems),
)]
async fn check_health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Can the server do its work?
///
/// Whether the database answers, its migrations are those of this build, the audit can be written, what an adopted database held
/// is worked out, and a write is taken. Looked
/// at anew at most twice a second, and written to at most every five seconds.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    security(()),
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "It cannot, and why"),
        Problems,
    ),
)]
async fn check_readiness(State(app): State<App>, Extension(readiness): Extension<Readiness>) -> Result<Json<Ready>> {
    let mut looks = readiness.0.lock().await;
    let seen = Look::within(REMEMBERED, &mut looks.last, async || look(&app).await).await;
    let seen = match seen {
        Ok(()) => Look::within(WRITTEN, &mut looks.write, async || write(&app).await).await,
        Err(_) => seen,
    };
    drop(looks);
    seen?;
    Ok(Json(Ready { status: "ok", trail_broken: app.trail_broken.load(Ordering::Relaxed) }))
}

impl Look {
    /// The result of the last look, if it is not older; or else of a new one.
    async fn within(
        remembered: Duration,
        last: &mut Option<Self>,
        look: impl AsyncFnOnce() -> Result<(), NotReady>,
    ) -> Result<(), NotReady> {
        match *last {
            Some(look) if look.at.elapsed() < remembered => look.seen,
            _ => {
                let seen = tokio::time::timeout(TIMEOUT, look()).await.unwrap_or(Err(NotReady::Database));
                *last = Some(Self { at: Instant::now(), seen });
                seen
            }
        }
    }
}

/// Rights say nothing of a full disk.
async fn write(app: &App) -> Result<(), NotReady> {
    let write = async {
        let mut db = app.db.system_transaction().await?;
        sqlx::query!(
            "insert into internal.write_probe (written_at)
             values (now())
             on conflict (is_only) do update
             set written_at = excluded.written_at",
        )
        .execute(&mut *db)
        .await?;
        // A row that is written over needs no more room on the disk; the first page of a table does.
        sqlx::raw_sql("create temporary table room on commit drop as select 1 as page").execute(&mut *db).await?;
        db.commit().await
    };
    write.await.map_err(|error: Error| {
        tracing::warn!(%error, "the database takes no writes");
        NotReady::Writes
    })
}

async fn look(app: &App) -> Result<(), NotReady> {
    let mut db = app.db.unscoped().await.map_err(|_| NotReady::Database)?;
    match migrate::status(&mut db).await {
        Ok(Status::Ours { pending }) if pending.is_empty() => {}
        // While a newer build is deployed, this one still serves: the schema has all that it needs.
        Ok(Status::Newer { .. }) => {}
        Ok(_) => return Err(NotReady::Migrations),
        Err(_) => return Err(NotReady::Database),
    }
    let writable = sqlx::query_scalar!(
        r#"select (has_table_privilege('audit_logs', 'insert')
                   and has_table_privilege('internal.audit_entries', 'insert')
                   and not pg_is_in_recovery()
                   and current_setting('default_transaction_read_only') = 'off') as "writable!""#
    )
    .fetch_one(&mut *db)
    .await;
    // An error says that the tables are not there.
    if !writable.unwrap_or(false) {
        return Err(NotReady::Audit);
    }
    let backfill = sqlx::query!("select done, bookings from internal.backfill").fetch_optional(&mut *db).await;
    match backfill.map_err(|_| NotReady::Database)? {
        Some(row) => Err(NotReady::Backfill { done: row.done, bookings: row.bookings }),
        None => Ok(()),
    }
}
