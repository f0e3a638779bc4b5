//! Adopts a database whose tables were made elsewhere. No row is changed, ever.
//!
//! Everything happens in one transaction that locks the tables: first a plan is made of the differences between the wanted
//! tables ([`catalogue`](super::catalogue)) and those that are there, with every obstacle in it; a plan without obstacles is
//! carried out; the first two migrations are marked as applied, and the rest run. Rules:
//!
//! - Everything that can be added without touching a row is added: tables, nullable columns, defaults, keys that the rows satisfy.
//! - A unique rule that rows break is left out and reported. A foreign key that rows break is added NOT VALID: it holds
//!   for new rows. Keys that exist under any name are recognised and keep it.
//! - Types that the server could not read or write, and duplicate booking ids, stop the adoption.
//! - The caller has to accept or disable triggers and the like ([`triggers`]).

use sqlx::{Connection, PgConnection, migrate::Migrate};

use super::{
    catalogue::Catalogue,
    columns, foreign_objects, keys,
    plan::{AdoptionReport, Change, Plan},
    row_counts,
    triggers::{self, Active},
};
use crate::db::migrate::{
    Error, MIGRATIONS, Status, connect,
    ddl::{attempt, execute},
    rights, role, status,
};

/// The last of the migrations that make the twenty tables and their keys.
const TABLES_MADE: i64 = 2;

/// The choice about triggers, rules, row security and keys with actions on the adopted tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForeignTriggers {
    /// Leave them in force.
    Accept,
    /// Switch them off.
    Disable,
}

/// The outcome of [`adopt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adoption {
    /// The database was taken over.
    Adopted(Box<AdoptionReport>),
    /// It had been ours before; nothing was done.
    AlreadyOurs {
        /// The migrations and files that `safestories migrate` would apply.
        pending: Vec<String>,
    },
}

/// Takes over the database at `url`.
///
/// # Errors
/// [`Error::Obstacles`] names everything that stands against it; [`Error::NothingToAdopt`] where none of the tables is
/// there. On any error the database is as it was.
pub async fn adopt(url: &str, foreign_triggers: Option<ForeignTriggers>) -> Result<Adoption, Error> {
    adopt_for(url, foreign_triggers, None).await
}

/// The same; `therapists` is the login that an administrator made for therapists' requests.
///
/// # Errors
/// As [`adopt`].
pub async fn adopt_for(
    url: &str,
    foreign_triggers: Option<ForeignTriggers>,
    therapists: Option<&str>,
) -> Result<Adoption, Error> {
    let mut conn = connect(url).await?;
    conn.lock().await?;
    let result = adopt_locked(&mut conn, foreign_triggers, therapists).await;
    conn.close().await.ok();
    result
}

async fn adopt_locked(
    conn: &mut PgConnection,
    foreign_triggers: Option<ForeignTriggers>,
    therapists: Option<&str>,
) -> Result<Adoption, Error> {
    match status(conn).await? {
        Status::Foreign { .. } => {}
        Status::Ours { pending } => return Ok(Adoption::AlreadyOurs { pending }),
        refused => return Err(refused.refusal()),
    }
    let mut tx = conn.begin().await?;
    sqlx::raw_sql("set local search_path to ''; set local lock_timeout to '10s'").execute(&mut *tx).await?;
    lock(&mut tx).await?;

    let wanted = Catalogue::wanted();
    let found = Catalogue::read(&mut tx).await?;
    let active = triggers::read(&mut tx, wanted).await?;
    let mut plan = Plan::default();
    judge(&active, foreign_triggers, &mut plan);
    columns::plan(&mut tx, wanted, &found, &mut plan).await?;
    keys::plan(&mut tx, wanted, &found, &mut plan).await?;
    plan.report.theirs.append(&mut foreign_objects::read(&mut tx, wanted, &found).await?);
    if !plan.obstacles.is_empty() {
        return Err(Error::Obstacles(plan.obstacles));
    }

    let mut report = carry_out(&mut tx, plan, wanted, &found).await?;
    report.data = row_counts::read(&mut tx, wanted).await?;
    // From here on as if the database had been ours.
    sqlx::raw_sql("set local search_path to default; set local lock_timeout to default").execute(&mut *tx).await?;
    let login = role::ensure_roles(&mut tx, therapists).await?;
    MIGRATIONS.skip(&mut tx, TABLES_MADE).await?;
    MIGRATIONS.run(&mut tx).await?;
    role::record(&mut tx, &login).await?;
    role::complete(&mut tx).await?;
    report.applied = MIGRATIONS.all();
    tx.commit().await?;
    Ok(Adoption::Adopted(Box::new(report)))
}

/// Makes sure that the tables are ours to change, and keeps every other program off them until the end.
async fn lock(conn: &mut PgConnection) -> Result<(), Error> {
    let mut obstacles = rights::out_of_reach(conn).await?;
    obstacles.append(&mut rights::lacking(conn).await?);
    obstacles.extend(rights::creators(conn).await?.into_iter().map(|revoke| {
        format!("others may create functions in the schema public, which could run with the owner's rights: `{revoke}`")
    }));
    if !obstacles.is_empty() {
        return Err(Error::Obstacles(obstacles));
    }
    let tables = Catalogue::read(conn).await?.tables;
    let names = tables.iter().map(|table| format!("public.{table}")).collect::<Vec<_>>().join(", ");
    let locked = execute(conn, format!("lock table {names} in access exclusive mode")).await;
    match locked {
        Err(error) if error.as_database_error().is_some_and(|cause| cause.code().as_deref() == Some("55P03")) => {
            Err(Error::Obstacles(vec!["other programs are using the tables; stop them for a moment".to_owned()]))
        }
        done => Ok(done?),
    }
}

/// Sorts active objects into accepted ones, disabled ones, and obstacles.
fn judge(active: &[Active], choice: Option<ForeignTriggers>, plan: &mut Plan) {
    for Active { what, off } in active {
        match (choice, off) {
            (None, _) => plan.obstacles.push(what.clone()),
            (Some(ForeignTriggers::Accept), _) => {
                plan.report.theirs.push(format!("accepted: {what}"));
            }
            (Some(ForeignTriggers::Disable), Some(sql)) => {
                plan.changes.push(Change { what: format!("switched off: {what}"), sql: sql.clone(), otherwise: None });
            }
            (Some(ForeignTriggers::Disable), None) => {
                plan.obstacles.push(format!("{what} (cannot be switched off from here: drop or accept it)"));
            }
        }
    }
    if choice.is_none() && !active.is_empty() {
        plan.obstacles.push(
            "these act by themselves: `--foreign-triggers accept` leaves them in force, `--foreign-triggers disable` \
             switches them off"
                .to_owned(),
        );
    }
}

async fn carry_out(
    conn: &mut PgConnection,
    plan: Plan,
    wanted: &Catalogue,
    found: &Catalogue,
) -> Result<AdoptionReport, Error> {
    let mut report = plan.report;
    if let (Some(definition), None) = (&wanted.function, &found.function) {
        execute(conn, definition.clone()).await?;
        report.done.push("created the function get_ist_timestamp()".to_owned());
    }
    for table in wanted.tables.iter().filter(|table| !found.has_table(table)) {
        execute(conn, columns::create_table(wanted, table)).await?;
        report.done.push(format!("created the table {table}"));
    }
    for change in plan.changes {
        match (attempt(conn, &change.sql).await?, change.otherwise) {
            (Ok(()), _) => report.done.push(change.what),
            (Err(error), Some(otherwise)) => {
                report.left_out.push(format!("{otherwise}: {}", error.message()));
            }
            (Err(error), None) => return Err(sqlx::Error::Database(error).into()),
        }
    }
    keys::complete(conn, wanted, &mut report).await?;
    Ok(report)
}
