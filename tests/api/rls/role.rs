//! Where the roles come from, and what is said where it cannot be made: in a cluster of the test's own, since a role
//! belongs to the cluster.

use std::path::PathBuf;

use safestories::{
    db::{migrate, pool::Db},
    dev::embedded::{Embedded, Options},
};
use sqlx::{Connection, PgConnection};

use super::{is_whole, run, tried};
use crate::harness::Database;

/// A cluster without the role, in a folder that is removed afterwards.
struct Cluster {
    server: Option<Embedded>,
    home: PathBuf,
}

impl Cluster {
    fn start(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("safestories-rls-{}-{name}", std::process::id()));
        let options = Options { home, durable: false, wait: false };
        let server = Embedded::start(&options, &|line| eprintln!("{line}")).expect("a private PostgreSQL");
        Self { home: server.home().to_owned(), server: Some(server) }
    }

    fn url(&self, database: &str) -> String {
        self.server.as_ref().expect("running").url(database)
    }

    /// As a role that may create only its own objects.
    fn plain(&self, database: &str) -> String {
        self.url(database).replace("//safestories@", "//plain:word@")
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
    let migrating = urls.iter().map(|url| migrate::apply(url));
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
    run(&mut admin, "create role plain login password 'word'").await;
    run(&mut admin, "create database practice owner plain").await;
    let url = cluster.plain("practice");
    let told = migrate::apply(&url).await.expect_err("there is no role").to_string();
    let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    assert_eq!(statements[0], "create role safestories_therapist nologin;");
    assert_eq!(statements[1], "create role safestories_therapist_practice login password '…';");
    assert!(statements[2].starts_with("grant safestories_therapist to safestories_therapist_practice"), "{told}");
    assert_eq!(statements[3], "revoke temporary on database practice from public;");
    assert_eq!(statements[4], "create role safestories_guest nologin;");
    assert!(statements[5].starts_with("grant safestories_guest to plain"), "{told}");
    assert_eq!(statements.len(), 6);
    assert!(told.contains("SAFESTORIES_THERAPIST_DATABASE_URL"), "{told}");
    // Nothing was done before it was asked for.
    assert_eq!(migrate::status(&mut PgConnection::connect(&url).await.unwrap()).await.unwrap(), migrate::Status::Empty);

    let mut there = cluster.superuser("practice").await;
    for statement in statements {
        run(&mut there, statement).await;
    }
    let login = Some("safestories_therapist_practice");
    migrate::apply_for(&url, login).await.expect("migrated");
    assert!(is_whole(&Database::elsewhere(url.clone())).await);
    let given = url.replace("//plain@", "//safestories_therapist_practice@");
    let db = Db::with_therapists(&url, None, Some(&given), 2).unwrap();
    db.check_therapists().await.expect("the login that was made by hand");
    db.close().await;

    // What everybody may do by default is taken away from here, since the database is the role's own.
    run(&mut there, "grant temporary on database practice to public").await;
    migrate::apply_for(&url, login).await.expect("taken away");
    assert!(is_whole(&Database::elsewhere(url.clone())).await);

    // A current database whose role was made more than it may be, or may not be set any more.
    for (fault, statement) in [
        (
            "revoke safestories_therapist from safestories_therapist_practice",
            "grant safestories_therapist to safestories_therapist_practice",
        ),
        (
            "alter role safestories_therapist bypassrls",
            "alter role safestories_therapist nologin inherit nosuperuser nobypassrls",
        ),
        (
            "alter role safestories_therapist_practice createrole",
            "alter role safestories_therapist_practice login inherit nosuperuser nobypassrls nocreaterole",
        ),
        ("grant plain to safestories_therapist", "revoke plain from safestories_therapist"),
        ("grant plain to safestories_therapist_practice", "revoke plain from safestories_therapist_practice"),
        (
            "create table their_own (x integer); alter table their_own owner to safestories_therapist_practice",
            "reassign owned by safestories_therapist_practice to plain",
        ),
        (
            "grant create on database practice to safestories_therapist",
            "revoke create on database practice from public, safestories_therapist",
        ),
        // The schema is the administrator's.
        (
            "alter schema public owner to postgres; revoke all on schema public from public, safestories_therapist;
             grant create, usage on schema public to plain",
            "grant usage on schema public to safestories_therapist",
        ),
    ] {
        run(&mut there, fault).await;
        let told = migrate::apply_for(&url, login).await.expect_err(fault).to_string();
        let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        assert!(statements.iter().any(|one| one.starts_with(statement)), "{fault}: {told}");
        for statement in statements {
            run(&mut there, statement).await;
        }
        migrate::apply_for(&url, login).await.unwrap_or_else(|error| panic!("after {fault}: {error}"));
    }
}

/// A login that acts as the owner, and inherits nothing of it, is the practice too.
#[tokio::test]
async fn a_member_of_the_owner_is_the_practice() {
    let cluster = Cluster::start("members");
    let url = cluster.url("safestories");
    migrate::apply(&url).await.expect("migrated");
    let mut admin = cluster.superuser("safestories").await;
    run(
        &mut admin,
        "create role plain login noinherit password 'word'; grant safestories to plain; alter role plain set role safestories;
         insert into public.therapists (therapist_id, name) values ('T1', 'Asha Rao')",
    )
    .await;
    let mut member = PgConnection::connect(&cluster.plain("safestories")).await.unwrap();
    migrate::check_rls(&mut member).await.expect("all there");
    run(&mut member, "begin").await;
    let name = tried(&mut member, "select internal.therapist_name('T1')").await;
    assert_eq!(name.as_deref(), Ok("Asha Rao"));
}

#[tokio::test]
async fn a_dump_restored_where_the_role_did_not_exist_gets_its_wall_again() {
    let cluster = Cluster::start("restored");
    let url = cluster.url("safestories");
    migrate::apply(&url).await.expect("migrated");
    let mut conn = cluster.superuser("safestories").await;
    run(&mut conn, "drop owned by safestories_therapist, safestories_therapist_safestories").await;
    let database = Database::elsewhere(url.clone());
    assert!(!is_whole(&database).await, "grants and policies are missing");
    run(&mut conn, "drop role safestories_therapist, safestories_therapist_safestories").await;
    assert!(!is_whole(&database).await, "the roles are missing");
    assert_eq!(migrate::apply(&url).await.expect("made again"), [] as [String; 0]);
    assert!(is_whole(&database).await);
}
