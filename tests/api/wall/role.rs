//! Where the role comes from, and what is said where it cannot be made: in a cluster of the test's own, since a role
//! belongs to the cluster.

use std::path::PathBuf;

use safestories::platform::{
    embedded::{Embedded, Options},
    migrations,
};
use sqlx::{Connection, PgConnection};

use super::{is_whole, run};
use crate::harness::Database;

/// A cluster without the role, in a folder that is removed afterwards.
struct Cluster {
    server: Option<Embedded>,
    home: PathBuf,
}

impl Cluster {
    fn start(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("safestories-wall-{}-{name}", std::process::id()));
        let options = Options { home, durable: false, wait: false };
        let server = Embedded::start(&options, &|line| eprintln!("{line}")).expect("a private PostgreSQL");
        Self { home: server.home().to_owned(), server: Some(server) }
    }

    fn url(&self, database: &str) -> String {
        self.server.as_ref().expect("running").url(database)
    }

    /// As a role that may create nothing but what is its own.
    fn plain(&self, database: &str) -> String {
        self.url(database).replace("//safestories@", "//plain@")
    }

    async fn superuser(&self, database: &str) -> PgConnection {
        let url = self.server.as_ref().expect("running").superuser_url(database);
        PgConnection::connect(&url).await.expect("a connection")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.server.take();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

#[tokio::test]
async fn databases_migrated_at_the_same_moment_share_the_role() {
    let cluster = Cluster::start("shared");
    let mut conn = PgConnection::connect(&cluster.url("safestories")).await.unwrap();
    for number in 0..4 {
        run(&mut conn, &format!("create database d{number}")).await;
    }
    let urls: Vec<String> = (0..4).map(|number| cluster.url(&format!("d{number}"))).collect();
    let migrating = urls.iter().map(|url| migrations::apply(url));
    for migrated in futures_util::future::join_all(migrating).await {
        assert!(!migrated.expect("migrated").is_empty());
    }
    for url in urls {
        assert!(is_whole(&Database::elsewhere(url)).await);
    }
}

#[tokio::test]
async fn who_may_not_make_the_role_is_told_what_an_administrator_runs() {
    let cluster = Cluster::start("asked");
    let mut admin = cluster.superuser("postgres").await;
    run(&mut admin, "create role plain login").await;
    run(&mut admin, "create database practice owner plain").await;
    let url = cluster.plain("practice");
    let told = migrations::apply(&url).await.expect_err("there is no role").to_string();
    let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    assert_eq!(statements[0], "create role safestories_therapist nologin;");
    assert!(statements[1].starts_with("grant safestories_therapist to plain"), "{told}");
    assert_eq!(statements.len(), 2);
    // Nothing was done before it was asked for.
    assert_eq!(
        migrations::status(&mut PgConnection::connect(&url).await.unwrap()).await.unwrap(),
        migrations::Status::Empty
    );

    let mut there = cluster.superuser("practice").await;
    for statement in statements {
        run(&mut there, statement).await;
    }
    migrations::apply(&url).await.expect("migrated");
    assert!(is_whole(&Database::elsewhere(url.clone())).await);

    // A current database whose role was made more than it may be, or may not be set any more.
    for (fault, statement) in [
        ("revoke safestories_therapist from plain", "grant safestories_therapist to plain"),
        (
            "alter role safestories_therapist bypassrls",
            "alter role safestories_therapist nologin nosuperuser nobypassrls",
        ),
        ("grant plain to safestories_therapist", "revoke plain from safestories_therapist"),
        (
            "create table their_own (x integer); alter table their_own owner to safestories_therapist",
            "reassign owned by safestories_therapist to plain",
        ),
    ] {
        // Membership cannot go round in a circle.
        if fault.starts_with("grant plain") {
            run(&mut there, "revoke safestories_therapist from plain").await;
        }
        run(&mut there, fault).await;
        let told = migrations::apply(&url).await.expect_err(fault).to_string();
        let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        assert!(statements.iter().any(|one| one.starts_with(statement)), "{fault}: {told}");
        // In the order in which a membership can be turned round.
        for statement in statements.iter().rev() {
            run(&mut there, statement).await;
        }
        migrations::apply(&url).await.unwrap_or_else(|error| panic!("after {fault}: {error}"));
    }
}

#[tokio::test]
async fn a_dump_restored_where_the_role_did_not_exist_gets_its_wall_again() {
    let cluster = Cluster::start("restored");
    let url = cluster.url("safestories");
    migrations::apply(&url).await.expect("migrated");
    let mut conn = PgConnection::connect(&url).await.unwrap();
    run(&mut conn, "drop owned by safestories_therapist").await;
    let database = Database::elsewhere(url.clone());
    assert!(!is_whole(&database).await, "grants and policies are missing");
    run(&mut conn, "drop role safestories_therapist").await;
    assert!(!is_whole(&database).await, "the role is missing");
    assert_eq!(migrations::apply(&url).await.expect("made again"), []);
    assert!(is_whole(&database).await);
}
