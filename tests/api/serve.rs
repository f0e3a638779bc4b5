//! `safestories serve` as a process: start, refusals, signals.

pub mod program;
mod retention;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use sqlx::Connection;

use self::program::{Folder, Program};
use crate::{
    auth::PASSWORD,
    harness::{Database, TestApi, server},
};

const STRONG: &str = "test:0123456789abcdefghijklmnopqrstuvwxyz";
const LOGIN: &str = r#"{"username":"therapist","password":"demo-password"}"#;

#[test]
fn a_practice_of_ones_own_outlives_its_server_however_that_ends() {
    let folder = Folder::new();
    let first = Program::private(&folder);
    let welcome = first.welcome();
    assert_eq!(welcome.lines().filter(|line| line.contains("curl -s")).count(), 3, "{welcome}");
    let login = first.post("/api/v1/auth/login", LOGIN);
    assert!(login.starts_with("HTTP/1.1 200") && login.contains("access_token"), "{login}");

    let (code, said) = Program::private(&folder).refused();
    assert_eq!(code, 1);
    assert!(said.contains("is in use by another running instance"), "{said}");

    assert_eq!(first.end(Signal::TERM), Some(0));
    let second = Program::private(&folder);
    second.welcome();
    assert!(second.post("/api/v1/auth/login", LOGIN).starts_with("HTTP/1.1 200"));

    assert_eq!(second.end(Signal::KILL), None);
    let third = Program::private(&folder);
    third.welcome();
    assert!(third.post("/api/v1/auth/login", LOGIN).starts_with("HTTP/1.1 200"));
    assert_eq!(third.end(Signal::INT), Some(0));
}

#[test]
fn a_start_that_is_told_to_stop_ends_in_order_and_leaves_no_part_of_the_practice() {
    let folder = Folder::new();
    let stopped = Program::private(&folder);
    folder.wait_for("data/PG_VERSION");
    assert_eq!(stopped.end(Signal::TERM), Some(0));
    assert!(!folder.has("data/postmaster.pid"));
    let next = Program::private(&folder);
    next.welcome();
    assert!(next.post("/api/v1/auth/login", LOGIN).starts_with("HTTP/1.1 200"));
}

#[test]
fn known_logins_are_served_to_this_machine_only() {
    let folder = Folder::new();
    let (code, said) = Program::start(&folder, &[("SAFESTORIES_LISTEN", "0.0.0.0:0")]).refused();
    assert_eq!(code, 1);
    assert!(said.contains("0.0.0.0:0 can be reached by others"), "{said}");
    assert!(folder.is_empty());
}

#[test]
fn a_taken_port_is_told_before_anything_is_made() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = Program::start(&folder, &[("SAFESTORIES_LISTEN", &address)]).refused();
    assert_eq!(code, 1);
    assert!(said.contains(&format!("{address} is in use by another program")), "{said}");
    assert!(folder.is_empty());
}

#[tokio::test]
async fn a_database_of_ones_own_needs_a_secret_of_ones_own() {
    let folder = Folder::new();
    let database = Database::migrated().await;
    for (secret, complaint) in [
        ("", "set SAFESTORIES_JWT_SECRET"),
        ("main:hunter2hunter2", "the secret main is weak"),
        ("no-colon-in-this-rather-long-secret-of-ours", "`kid:secret` pairs"),
    ] {
        let settings = [("DATABASE_URL", &*database), ("SAFESTORIES_JWT_SECRET", secret)];
        let (code, said) = Program::start(&folder, &settings).refused();
        assert_eq!(code, 1);
        assert!(said.contains(complaint), "{said}");
        assert!(secret.is_empty() || !said.contains(secret), "{said}");
    }
    assert!(folder.is_empty());
}

#[tokio::test]
async fn a_role_that_no_right_binds_is_refused() {
    let url = server().superuser_url("postgres");
    let settings = [("DATABASE_URL", &*url), ("SAFESTORIES_JWT_SECRET", STRONG)];
    let (code, said) = Program::start(&Folder::new(), &settings).refused();
    assert_eq!(code, 1);
    assert!(said.contains("the role postgres is a superuser"), "{said}");
}

#[tokio::test]
async fn the_logins_of_the_demo_are_refused_elsewhere() {
    let database = Database::migrated().await;
    let mut conn = sqlx::PgConnection::connect(&database).await.unwrap();
    sqlx::raw_sql(
        "insert into users (username, password, name, role) values ('admin', 'a hash', 'A', 'admin');
         insert into internal.properties (name, value) values ('demo_password_hash', 'a hash')",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let settings = [("DATABASE_URL", &*database), ("SAFESTORIES_JWT_SECRET", STRONG)];
    let (code, said) = Program::start(&Folder::new(), &settings).refused();
    assert_eq!(code, 1);
    assert!(said.contains("the user admin of this database has the password of the demo"), "{said}");
}

#[tokio::test]
async fn a_request_that_runs_when_the_server_is_told_to_stop_is_answered() {
    let database = Database::migrated().await;
    // Empty variables count as unset.
    let settings = [("DATABASE_URL", &*database), ("SAFESTORIES_JWT_SECRET", STRONG), ("SAFESTORIES_TIME_ZONE", "")];
    let server = Program::start(&Folder::new(), &settings);
    let mut request = server.half_a_request("/api/v1/auth/login", LOGIN);
    server.signal(Signal::TERM);
    server.until_refused();
    let answer = request.rest();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(server.exit_code(Duration::from_secs(9)), Some(0));
}

#[tokio::test]
async fn no_line_of_the_log_tells_the_address_of_a_calendar() {
    let database = Database::migrated().await;
    let settings = [("DATABASE_URL", &*database), ("SAFESTORIES_JWT_SECRET", STRONG), ("SAFESTORIES_LOG", "trace")];
    let server = Program::start(&Folder::new(), &settings);
    let token = "made-up-0123456789".repeat(3)[..43].to_owned();
    for path in ["{token}.ics", "{token}", "{token}.ics/", "{token}.ics?x={token}"] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let path = path.replace("{token}", &token);
        write!(stream, "GET /calendar/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains(&token), "{answer}");
    }
    server.signal(Signal::TERM);
    let (code, said) = server.refused();
    assert_eq!(code, 0);
    assert!(said.contains("/calendar/{token}"), "{said}");
    assert!(!said.contains(&token), "{said}");
}

#[tokio::test]
async fn a_login_lasts_as_long_as_the_settings_say() {
    let api = TestApi::new().await;
    api.sign_up("therapist", "admin", None).await;
    let settings =
        [("DATABASE_URL", &**api.database()), ("SAFESTORIES_JWT_SECRET", STRONG), ("SAFESTORIES_SESSION_DAYS", "1")];
    let server = Program::start(&Folder::new(), &settings);
    let login = json!({ "username": "therapist", "password": PASSWORD, "cookie": true });
    let answer = server.post("/api/v1/auth/login", &login.to_string());
    assert!(answer.contains("; Max-Age=86400; "), "{answer}");
}

#[tokio::test]
async fn metrics_listen_where_they_are_told_to_and_nowhere_else() {
    let database = Database::migrated().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = [
        ("DATABASE_URL", &*database),
        ("SAFESTORIES_JWT_SECRET", STRONG),
        ("SAFESTORIES_METRICS_LISTEN", &free.to_string()),
        ("SAFESTORIES_METRICS_TOKEN", "word"),
    ];
    let folder = Folder::new();
    let server = Program::start(&folder, &settings);
    let ask = |address, path: &str, more: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask(server.address(), "/metrics", "").starts_with("HTTP/1.1 404"));
    assert!(ask(free, "/metrics", "").starts_with("HTTP/1.1 401"));
    let figures = ask(free, "/metrics", "Authorization: Bearer word\r\n");
    assert!(figures.starts_with("HTTP/1.1 200") && figures.contains("safestories_pool_connections"), "{figures}");
    assert!(ask(free, "/healthz", "").starts_with("HTTP/1.1 404"));
    assert_eq!(server.end(Signal::TERM), Some(0));
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_warned_of_once() {
    let database = Database::migrated().await;
    let file = std::env::temp_dir().join(format!("safestories-secret-{}", std::process::id()));
    std::fs::write(&file, format!("{STRONG}\n")).unwrap();
    // The secret comes from a file.
    let settings = [("DATABASE_URL", &*database), ("SAFESTORIES_JWT_SECRET_FILE", file.to_str().unwrap())];
    let folder = Folder::new();
    let server = Program::start(&folder, &settings);
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    }
    server.signal(Signal::TERM);
    let (code, said) = server.refused();
    assert_eq!((code, said.matches("SAFESTORIES_TRUSTED_PROXIES").count()), (0, 1), "{said}");

    let both = [("SAFESTORIES_JWT_SECRET", STRONG), ("SAFESTORIES_JWT_SECRET_FILE", file.to_str().unwrap())];
    let (code, said) = Program::start(&folder, &both).refused();
    assert!(code != 0 && said.contains("are both set"), "{said}");
    std::fs::remove_file(&file).unwrap();
    let gone = [("SAFESTORIES_JWT_SECRET_FILE", file.to_str().unwrap())];
    let (code, said) = Program::start(&folder, &gone).refused();
    assert!(code != 0 && said.contains("SAFESTORIES_JWT_SECRET_FILE: cannot read"), "{said}");
    assert!(folder.is_empty());
}

#[test]
fn a_database_that_does_not_prove_who_it_is_is_warned_of() {
    let warned = |url: &str| {
        let settings = [("DATABASE_URL", url), ("SAFESTORIES_JWT_SECRET", STRONG)];
        let (code, said) = Program::start(&Folder::new(), &settings).refused();
        assert_eq!(code, 1, "{said}");
        said.contains("without sslmode=verify-full")
    };
    // Nobody answers at any of them.
    assert!(warned("postgres://safestories@192.0.2.1.invalid/safestories"));
    assert!(warned("postgres://safestories@db.invalid/safestories?sslmode=require"));
    assert!(!warned("postgres://safestories@db.invalid/safestories?sslmode=verify-full"));
    assert!(!warned("postgres://safestories@127.0.0.1:1/safestories"));
    assert!(!warned("postgres://safestories@[::1]:1/safestories"));
    assert!(!warned("postgres://safestories@localhost/safestories?host=/nowhere"));
}
