//! The private server, started, stopped and killed for real. Every test has a folder of its own and leaves
//! neither it nor a process behind.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use sqlx::{Connection, Executor, PgConnection};

use super::{Embedded, EmbeddedError, Options, account::Account, find::Search, leftover::MARK};

/// The folder that [`an_instance_of_its_own`] starts on.
const HOME_OF_ANOTHER: &str = "EMBEDDED_TEST_HOME";

#[test]
fn a_first_start_makes_an_ordinary_role_and_its_database() {
    let scratch = Scratch::new();
    let server = start(&scratch.options()).unwrap();
    let answer = ask(
        &server.url("safestories"),
        "select concat_ws(' ', current_user, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,
                current_setting('timezone'), current_setting('log_timezone'), datcollate, upper('é'))
           from pg_roles, pg_database where rolname = current_user and datname = current_database()",
    );
    assert_eq!(answer, "safestories f f t t UTC UTC C É");
    let superuser = "select rolsuper::text from pg_roles where rolname = current_user";
    assert_eq!(ask(&server.superuser_url("postgres"), superuser), "true");
    run(&server.url("safestories"), "create extension pg_trgm; create extension btree_gist");
    server.stop().unwrap();
}

#[test]
fn a_second_instance_is_refused_or_waits_and_finds_the_data() {
    let scratch = Scratch::new();
    let first = start(&scratch.options()).unwrap();
    run(&first.url("safestories"), "create table kept as select 'yes' as answer");
    assert!(matches!(start(&scratch.options()), Err(EmbeddedError::InUse { home }) if home == scratch.0));

    let waiting = Options { wait: true, ..scratch.options() };
    let (said, heard) = std::sync::mpsc::channel();
    let second = thread::spawn(move || Embedded::start(&waiting, &|line| said.send(line.to_owned()).unwrap()));
    assert!(heard.recv().unwrap().starts_with("Waiting for the other instance"));
    first.stop().unwrap();
    let second = second.join().unwrap().unwrap();
    assert_eq!(ask(&second.url("safestories"), "select answer from kept"), "yes");
}

#[test]
fn an_outage_ends_at_the_same_address() {
    let scratch = Scratch::new();
    let mut server = start(&scratch.options()).unwrap();
    let url = server.url("safestories");
    run(&url, "create table kept as select 'yes' as answer");
    server.halt().unwrap();
    assert!(connect(&url).is_err());
    server.resume().unwrap();
    assert_eq!(server.url("safestories"), url);
    assert_eq!(ask(&url, "select answer from kept"), "yes");

    // The harder outage: the server is killed, and with it nobody cleans up.
    kill_process(server_of(&scratch.0), Signal::KILL).unwrap();
    assert!(matches!(server.halt(), Err(EmbeddedError::Ended { .. })));
    server.resume().unwrap();
    assert_eq!(ask(&url, "select answer from kept"), "yes");
}

#[test]
fn a_killed_instance_takes_its_server_along() {
    let scratch = Scratch::new();
    let mut other = another_instance(&scratch.0);
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")), "the other instance did not start");
    let server = server_of(&scratch.0);
    other.kill().unwrap();
    other.wait().unwrap();
    until("the server is gone", || test_kill_process(server).is_err());
    start(&scratch.options()).unwrap().stop().unwrap();
}

#[test]
fn an_instance_killed_while_it_makes_the_cluster_leaves_nothing_in_the_way() {
    let scratch = Scratch::new();
    let leftovers = || {
        let entries = fs::read_dir(&scratch.0).into_iter().flatten().flatten();
        entries.filter(|e| e.file_name().to_string_lossy().starts_with("data.new-")).count()
    };
    let mut other = another_instance(&scratch.0);
    until("the cluster is begun", || leftovers() > 0);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!scratch.0.join("data").exists());

    let server = start(&scratch.options()).unwrap();
    assert_eq!(ask(&server.url("safestories"), "select current_user::text"), "safestories");
    server.stop().unwrap();
    assert!(leftovers() <= 1, "only what the killed instance's initdb still wrote may be there");
}

#[test]
fn a_server_that_lost_its_guard_is_stopped_by_the_next_start() {
    let scratch = Scratch::new();
    let first = start(&scratch.options()).unwrap();
    let (programs, account) = (first.programs.clone(), first.home.account().clone());
    first.stop().unwrap();
    let mut lonely = account
        .command(&programs.postgres())
        .args(["-c", MARK, "-c", "listen_addresses=", "-c", "unix_socket_directories="])
        .arg("-D")
        .arg(scratch.0.join("data"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it runs", || scratch.0.join("data/postmaster.pid").exists());
    let next = start(&scratch.options()).unwrap();
    assert!(lonely.try_wait().unwrap().is_some());
    next.stop().unwrap();
}

#[test]
fn a_number_given_to_another_program_since_is_not_taken_for_a_server() {
    let scratch = Scratch::new();
    start(&scratch.options()).unwrap().stop().unwrap();
    let data = scratch.0.join("data");
    let stale = format!("{}\n{}\n0\n5432\n\n\n0 0\nready\n", std::process::id(), data.display());
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    start(&scratch.options()).unwrap().stop().unwrap();
}

#[test]
fn a_folder_with_a_long_or_odd_name_works() {
    let scratch = Scratch::new();
    let long = scratch.0.join("it's odd, & long ".repeat(6));
    let server = start(&Options { home: long.clone(), ..scratch.options() }).unwrap();
    assert_eq!(ask(&server.url("safestories"), "select 'yes'"), "yes");
    server.stop().unwrap();

    let odd = scratch.0.join("\"odd\", ");
    fs::rename(long, &odd).unwrap();
    let server = start(&Options { home: odd, ..scratch.options() }).unwrap();
    assert_eq!(ask(&server.url("safestories"), "select 'yes'"), "yes");
}

#[test]
fn the_owner_of_the_socket_is_let_in_and_nobody_else() {
    let scratch = Scratch::new();
    let server = start(&scratch.options()).unwrap();
    run(&server.superuser_url("postgres"), "create role other login; create role known login password 'word'");
    let of_role = |role: &str| server.url("safestories").replacen("safestories@", &format!("{role}@"), 1);
    assert!(connect(&of_role("other")).is_err());
    assert!(connect(&of_role("known:wrong")).is_err());
    connect(&of_role("known:word")).unwrap();
    if geteuid().is_root() {
        // Somebody who has come into the folder of the socket all the same.
        let socket = Command::new("chmod").arg("-R").arg("a+rwx").arg(scratch.0.join("socket")).status();
        assert!(socket.unwrap().success());
        Command::new("chmod").arg("a+x").arg(&scratch.0).status().unwrap();
        let daemon = 1;
        let asked =
            Command::new("psql").args([&server.superuser_url("postgres"), "-c", "select 1"]).uid(daemon).output();
        let refused = String::from_utf8_lossy(&asked.unwrap().stderr).into_owned();
        assert!(refused.contains("Peer authentication failed"), "{refused}");
    }
    server.stop().unwrap();
}

#[test]
fn data_of_another_version_are_left_alone() {
    let scratch = Scratch::new();
    start(&scratch.options()).unwrap().stop().unwrap();
    fs::write(scratch.0.join("data/PG_VERSION"), "9\n").unwrap();
    let refusal = start(&scratch.options()).unwrap_err();
    assert!(matches!(refusal, EmbeddedError::OtherVersion { needed: 9, .. }), "{refusal}");
}

#[test]
fn the_folder_of_somebody_else_is_refused() {
    let scratch = Scratch::new();
    let home = if geteuid().is_root() {
        fs::create_dir(&scratch.0).unwrap();
        chown(&scratch.0, Some(4242), Some(4242)).unwrap();
        scratch.0.clone()
    } else {
        PathBuf::from("/")
    };
    let refusal = start(&Options { home, ..scratch.options() }).unwrap_err();
    assert!(matches!(refusal, EmbeddedError::NotYours { .. }), "{refusal}");
}

#[test]
fn root_serves_a_folder_as_its_owner() {
    if !geteuid().is_root() {
        return;
    }
    let scratch = Scratch::new();
    let nobody = Account::for_folder(Path::new("/")).unwrap().uid();
    fs::create_dir(&scratch.0).unwrap();
    chown(&scratch.0, Some(nobody), None).unwrap();
    let home = scratch.0.join("below/it");
    let server = start(&Options { home: home.clone(), ..scratch.options() }).unwrap();
    for made in [scratch.0.join("below"), home.clone(), home.join("data"), home.join("postgres.log")] {
        assert_eq!(fs::metadata(&made).unwrap().uid(), nobody, "{}", made.display());
    }
    server.stop().unwrap();
}

#[test]
fn without_any_programs_the_answer_says_what_to_install() {
    let scratch = Scratch::new();
    let nothing = Search { folders: Vec::new(), npm: None };
    let refusal = Embedded::start_with(&nothing, &scratch.options(), &|_| {}).unwrap_err();
    let text = refusal.to_string();
    assert!(text.contains("apt install postgresql") && text.contains("DATABASE_URL"), "{text}");
}

#[test]
fn programs_other_than_the_pinned_ones_are_refused() {
    let scratch = Scratch::new();
    fs::create_dir_all(&scratch.0).unwrap();
    let npm = scratch.0.join("npm");
    let archive = "name=${5#@}; echo else > \"$(echo $name | tr / - | sed 's/@/-/').tgz\"";
    fs::write(&npm, format!("#!/bin/sh\n{archive}\n")).unwrap();
    Command::new("chmod").arg("+x").arg(&npm).status().unwrap();
    let home = scratch.0.join("home");
    let search = Search { folders: Vec::new(), npm: Some(npm) };
    let options = Options { home: home.clone(), ..scratch.options() };
    let refusal = Embedded::start_with(&search, &options, &|_| {}).unwrap_err();
    assert!(refusal.to_string().contains("SHA-512 differs"), "{refusal}");
    assert_eq!(fs::read_dir(home).unwrap().count(), 0);
}

#[test]
#[ignore = "the other instance of the tests that kill one, in a process of its own"]
fn an_instance_of_its_own() {
    if let Some(home) = env::var_os(HOME_OF_ANOTHER) {
        let options = Options { home: home.into(), durable: false, wait: false };
        let _server = start(&options).unwrap();
        println!("ready");
        // Until the one who started us kills us or goes away.
        let _ = std::io::stdin().lines().count();
    }
}

/// A folder for one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("safestories-test-{}-{count}", std::process::id())))
    }

    fn options(&self) -> Options {
        Options { home: self.0.clone(), durable: false, wait: false }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The initdb of a killed instance may be writing yet.
        until("the folder is gone", || fs::remove_dir_all(&self.0).is_ok() || !self.0.exists());
    }
}

fn start(options: &Options) -> Result<Embedded, EmbeddedError> {
    Embedded::start(options, &|_| {})
}

fn another_instance(home: &Path) -> Child {
    let name = format!("{}::an_instance_of_its_own", module_path!().split_once("::").unwrap().1);
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .env(HOME_OF_ANOTHER, home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The process of the server on `home`.
fn server_of(home: &Path) -> Pid {
    let text = fs::read_to_string(home.join("data/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// Waits until a condition holds.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn ask(url: &str, question: &'static str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(question).fetch_one(&mut connection).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn run(url: &str, statements: &'static str) {
    PgConnection::connect(url).await.unwrap().execute(statements).await.unwrap();
}

#[tokio::main(flavor = "current_thread")]
async fn connect(url: &str) -> Result<(), sqlx::Error> {
    PgConnection::connect(url).await.map(drop)
}
