//! Creating the role of therapists' requests, and the error where that is refused: in a cluster of its own, since a
//! role belongs to the cluster.

use std::path::PathBuf;

use safestories::{
    db::migrate,
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
    run(&mut admin, "create role plain login").await;
    run(&mut admin, "create database practice owner plain").await;
    let url = cluster.plain("practice");
    let told = migrate::apply(&url).await.expect_err("there is no role").to_string();
    let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    assert_eq!(statements[0], "create role safestories_therapist nologin;");
    assert!(statements[1].starts_with("grant safestories_therapist to plain"), "{told}");
    assert_eq!(statements.len(), 2);
    // Nothing was done before it was asked for.
    assert_eq!(migrate::status(&mut PgConnection::connect(&url).await.unwrap()).await.unwrap(), migrate::Status::Empty);

    let mut there = cluster.superuser("practice").await;
    for statement in statements {
        run(&mut there, statement).await;
    }
    migrate::apply(&url).await.expect("migrated");
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
        // The schema is the administrator's.
        (
            "alter schema public owner to postgres; revoke all on schema public from public, safestories_therapist;
             grant create, usage on schema public to plain",
            "grant usage on schema public to safestories_therapist",
        ),
    ] {
        // Membership cannot go round in a circle.
        if fault.starts_with("grant plain") {
            run(&mut there, "revoke safestories_therapist from plain").await;
        }
        run(&mut there, fault).await;
        let told = migrate::apply(&url).await.expect_err(fault).to_string();
        let statements: Vec<&str> = told.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        assert!(statements.iter().any(|one| one.starts_with(statement)), "{fault}: {told}");
        // In the order in which a membership can be turned round.
        for statement in statements.iter().rev() {
            run(&mut there, statement).await;
        }
        migrate::apply(&url).await.unwrap_or_else(|error| panic!("after {fault}: {error}"));
    }
}

/// Logins that may set the role, and connect: the role is the cluster's, and everybody may connect by default.
#[tokio::test]
async fn a_login_of_another_practice_names_nobody() {
    let cluster = Cluster::start("neighbours");
    let url = cluster.url("safestories");
    migrate::apply(&url).await.expect("migrated");
    let mut owner = PgConnection::connect(&url).await.unwrap();
    run(
        &mut owner,
        "insert into therapists (therapist_id, name) values ('T1', 'Asha Rao');
         insert into all_clients_table (client_id, client_name, therapist_id) values ('C1', 'One', 'T1');
         insert into bookings (booking_id, therapist_id) values ('B1', 'T1');
         insert into appointment_table (session_id, client_id) values ('B1', 'C1')",
    )
    .await;
    let mut admin = cluster.superuser("safestories").await;
    run(&mut admin, "create role plain login inherit; grant safestories_therapist to plain").await;
    let mut neighbour = PgConnection::connect(&cluster.plain("safestories")).await.unwrap();
    // Members need not set the role to use its grants.
    for taken in ["", "set local role safestories_therapist;"] {
        run(&mut neighbour, &format!("begin; {taken} set local safestories.therapist_id = 'T1'")).await;
        let rows = "select count(*)::text from bookings";
        assert_eq!(tried(&mut neighbour, rows).await.as_deref(), Ok("0"), "{taken}");
        for call in [
            "select count(*)::text from internal.sessions_of_client('C1')",
            "select count(*)::text from internal.session_of_note('B1')",
            "select internal.therapist_name('T1')",
            "select internal.follow_bookings('{B1}', '{T1}', '{C1}', '{active}', now()::timestamp)::text",
        ] {
            assert_eq!(tried(&mut neighbour, call).await, Err("42501".to_owned()), "{taken} {call}");
        }
        run(&mut neighbour, "rollback").await;
    }

    // A login that becomes the owner by `set role`, without inheriting its rights, gets an error that names the missing
    // grant.
    run(
        &mut admin,
        "revoke safestories_therapist from plain; alter role plain noinherit;
         grant safestories, safestories_therapist to plain; alter role plain set role safestories",
    )
    .await;
    let mut part = PgConnection::connect(&cluster.plain("safestories")).await.unwrap();
    let told = migrate::check_rls(&mut part).await.expect_err("it would name nobody").to_string();
    assert!(told.ends_with("grant select on internal.facts to plain;"), "{told}");
    run(&mut owner, "grant select on internal.facts to plain").await;
    migrate::check_rls(&mut part).await.expect("all there");
    run(&mut part, "begin; set local role safestories_therapist; set local safestories.therapist_id = 'T1'").await;
    assert_eq!(tried(&mut part, "select count(*)::text from bookings").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_dump_restored_where_the_role_did_not_exist_gets_its_wall_again() {
    let cluster = Cluster::start("restored");
    let url = cluster.url("safestories");
    migrate::apply(&url).await.expect("migrated");
    let mut conn = PgConnection::connect(&url).await.unwrap();
    run(&mut conn, "drop owned by safestories_therapist").await;
    let database = Database::elsewhere(url.clone());
    assert!(!is_whole(&database).await, "grants and policies are missing");
    run(&mut conn, "drop role safestories_therapist").await;
    assert!(!is_whole(&database).await, "the role is missing");
    assert_eq!(migrate::apply(&url).await.expect("made again"), [] as [String; 0]);
    assert!(is_whole(&database).await);
}
