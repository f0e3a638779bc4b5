//! One private PostgreSQL for the test process, and a database of its own for every test.
//!
//! The server is never dropped: it stops when the process ends and its pipe closes. Test runs at the same moment take
//! different folders; a folder is kept between runs, so that its cluster and its template are made once. It is in
//! memory where there is enough: a copy of a database is 350 files, and some file systems take a second for them.

use std::{
    ops::Deref,
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use safestories::{
    crypto::password::Passwords,
    db::migrate::{self, MIGRATIONS},
    dev::demo,
    dev::embedded::{Embedded, EmbeddedError, Options},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use super::NOW;

/// How many folders may be taken by others before one is waited for.
const FOLDERS: u32 = 8;
/// The file system in memory that Linux has.
const MEMORY: &str = "/dev/shm";

/// The server of this process.
pub fn server() -> &'static Embedded {
    static SERVER: OnceLock<Embedded> = OnceLock::new();
    SERVER.get_or_init(|| {
        let folder = if memory_mib() > 2048 { MEMORY } else { env!("CARGO_TARGET_TMPDIR") };
        for number in 0.. {
            let home = Path::new(folder).join(format!("safestories-tests-{number}"));
            let options = Options { home, durable: false, wait: number == FOLDERS };
            match Embedded::start(&options, &|line| eprintln!("{line}")) {
                Err(EmbeddedError::InUse { .. } | EmbeddedError::NotYours { .. }) => {}
                started => return started.expect("a private PostgreSQL"),
            }
        }
        unreachable!("the last folder is waited for")
    })
}

/// How much room there is in [`MEMORY`]; 0 on systems without it.
fn memory_mib() -> u64 {
    let df = Command::new("df").args(["-Pm", MEMORY]).output();
    let table = df.map(|df| String::from_utf8_lossy(&df.stdout).into_owned()).unwrap_or_default();
    let available = table.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
    available.and_then(|mib| mib.parse().ok()).unwrap_or(0)
}

/// A database of one test, dropped with this value. It stands for its address.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
}

/// A fresh, empty database, owned by an ordinary role.
pub async fn database() -> Database {
    Database::create("template1").await
}

impl Database {
    /// Its name in PostgreSQL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A fresh, migrated database without rows.
    pub async fn migrated() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        Self::create(TEMPLATE.get_or_init(template).await).await
    }

    /// A database with the practice of the first start, loaded at [`NOW`].
    pub async fn demo() -> Self {
        static LOADED: OnceCell<Database> = OnceCell::const_new();
        let loaded = LOADED.get_or_init(async || {
            let database = Self::migrated().await;
            let hash = Passwords::default().hash("demo-password".to_owned()).await.expect("a hash");
            let mut conn = PgConnection::connect(&database).await.expect("a connection");
            let now = NOW.parse().expect("an instant");
            demo::load_first(&mut conn, now, &hash).await.expect("the practice of the first start");
            conn.close().await.expect("an end");
            database
        });
        Self::create(&loaded.await.name).await
    }

    /// A fresh, empty database of another encoding than UTF8.
    pub async fn encoded(encoding: &str) -> Self {
        Self::create(&format!("template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")).await
    }

    /// A database of a server of the test's own, which ends with it.
    pub fn elsewhere(url: String) -> Self {
        Self { name: String::new(), url }
    }

    /// Whether it is one of those.
    pub fn is_elsewhere(&self) -> bool {
        self.name.is_empty()
    }

    async fn create(template: &str) -> Self {
        static SWEPT: OnceCell<()> = OnceCell::const_new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        SWEPT.get_or_init(sweep).await;
        let name = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = maintenance().await;
        run(&mut conn, format!("create database {name} template {template} strategy file_copy")).await;
        if template != "template1" {
            // Rights on a database are not copied.
            run(&mut conn, format!("revoke temporary on database {name} from public")).await;
        }
        Self { url: server().url(&name), name }
    }
}

impl Deref for Database {
    type Target = str;

    fn deref(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    /// Leaves the dropping to a thread, so that no test waits for it. The next run drops those that are left.
    fn drop(&mut self) {
        static DROPPER: OnceLock<Sender<String>> = OnceLock::new();
        if self.name.is_empty() {
            return;
        }
        let dropper = DROPPER.get_or_init(|| {
            let (sender, names) = channel::<String>();
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let mut conn = maintenance().await;
                    while let Ok(name) = names.recv() {
                        discard(&mut conn, &name).await;
                    }
                });
            });
            sender
        });
        // Where the thread has ended, the next run drops it.
        let _ = dropper.send(std::mem::take(&mut self.name));
    }
}

/// A migrated database to copy, named by the migrations and re-run files, so that it is made anew when they change.
async fn template() -> String {
    let name = format!("template_{}", MIGRATIONS.digest());
    let mut conn = maintenance().await;
    let made: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut conn)
        .await
        .expect("the list of databases");
    if !made {
        let unfinished = format!("{name}_unfinished");
        run(&mut conn, format!("drop database if exists {unfinished}")).await;
        run(&mut conn, format!("create database {unfinished}")).await;
        migrate::apply(&server().url(&unfinished)).await.expect("an empty database is migrated");
        run(&mut conn, format!("alter database {unfinished} rename to {name}")).await;
    }
    name
}

/// Drops databases that killed runs and older migrations left.
async fn sweep() {
    let mut conn = maintenance().await;
    let left: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where datname ^@ 't_'")
        .fetch_all(&mut conn)
        .await
        .expect("the list of databases");
    for name in left {
        discard(&mut conn, &name).await;
    }
}

/// Drops a database that nobody needs any more. Where an autovacuum worker is in it, which only a superuser could send
/// away, it is left to the next run.
async fn discard(conn: &mut PgConnection, name: &str) {
    let drop = format!("drop database if exists {name} with (force)");
    if sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *conn).await.is_ok() {
        // The login that was made for it, if it is no copy of the template.
        let drop = format!("drop role if exists safestories_therapist_{name}");
        let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(conn).await;
    }
}

async fn maintenance() -> PgConnection {
    PgConnection::connect(&server().url("postgres")).await.expect("a connection")
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
