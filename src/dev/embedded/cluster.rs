//! Makes the cluster: the data folder with the application's role and database in it.
//!
//! All of it is made beside its place, in single-user mode where there is no server to talk to yet, and
//! then renamed: a data folder that is there is whole.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Stdio,
};

use rustix::process::geteuid;

use super::{
    APPLICATION, SUPERUSER, account,
    error::{Doing, EmbeddedError},
    home::Home,
    programs::Programs,
};

/// Character classes must know more than ASCII, or trigram search drops letters like é; `C` always exists. The order of
/// rows is `C` everywhere, so that it is the same on every machine.
const CHARACTER_CLASSES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// Makes the cluster where there is none.
pub(super) fn prepare(
    programs: &Programs,
    home: &Home,
    durable: bool,
    progress: &dyn Fn(&str),
) -> Result<(), EmbeddedError> {
    home.sweep("data");
    let data = home.data();
    if data.join("PG_VERSION").exists() {
        return Ok(());
    }
    progress(&format!("Setting up PostgreSQL {} in {}", programs.major(), home.path().display()));
    let staging = home.staging("data");
    initdb(programs, home, durable, &staging)?;
    make_application(programs, home, durable, &staging)?;
    let moving = || format!("put the data into {}", data.display());
    fs::rename(&staging, &data).doing(moving)?;
    if durable {
        File::open(home.path()).and_then(|folder| folder.sync_all()).doing(moving)?;
    }
    Ok(())
}

fn initdb(programs: &Programs, home: &Home, durable: bool, staging: &Path) -> Result<(), EmbeddedError> {
    let mut said = Vec::new();
    for classes in CHARACTER_CLASSES {
        let mut initdb = home.account().command(&programs.initdb());
        if !durable {
            initdb.arg("--no-sync");
        }
        let output = initdb
            .args(["--auth=reject", "--encoding=UTF8", "--no-instructions"])
            .args(["--lc-collate=C", "--lc-messages=C", "--username", SUPERUSER])
            .arg(format!("--lc-ctype={classes}"))
            .arg("--pgdata")
            .arg(staging)
            .current_dir(home.path())
            .stdin(Stdio::null())
            .output()
            .doing(|| format!("run {} as {}", programs.initdb().display(), home.account().name()))?;
        if output.status.success() {
            return Ok(());
        }
        // It removes its own files.
        said = output.stderr;
    }
    Err(EmbeddedError::setup("initdb", &said))
}

/// Says who is let in, at every start: over the socket, as the superuser and the application's role, the account that serves the
/// folder and we ourselves; as any other role, who knows its password. Over a network, nobody, however the data are served.
pub(super) fn admit_owner(home: &Home) -> Result<(), EmbeddedError> {
    let rules = format!("local all {SUPERUSER},{APPLICATION} peer map=owner\nlocal all all password\n");
    let us = account::name_of(geteuid().as_raw());
    let owners = [home.account().name(), &us];
    let names: String = owners
        .iter()
        .flat_map(|owner| [SUPERUSER, APPLICATION].map(|role| format!("owner \"{owner}\" {role}\n")))
        .collect();
    for (file, text) in [("pg_hba.conf", rules), ("pg_ident.conf", names)] {
        let path = home.data().join(file);
        fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Makes the application's role and its database.
fn make_application(programs: &Programs, home: &Home, durable: bool, staging: &Path) -> Result<(), EmbeddedError> {
    // Everybody may create there up to PostgreSQL 14; databases are copies of this one.
    let revoke = "revoke create on schema public from public;\n";
    run_single(programs, home, durable, staging, "template1", revoke)?;
    let statements = format!(
        "create role {APPLICATION} login createdb createrole;\n\
         create database {APPLICATION} owner {APPLICATION};\n"
    );
    run_single(programs, home, durable, staging, "postgres", &statements)
}

/// Runs statements, a line each, in single-user mode.
fn run_single(
    programs: &Programs,
    home: &Home,
    durable: bool,
    staging: &Path,
    database: &str,
    statements: &str,
) -> Result<(), EmbeddedError> {
    let running = || format!("run {} as {}", programs.postgres().display(), home.account().name());
    let mut child = home
        .account()
        .command(&programs.postgres())
        .arg("--single")
        .args(["-c", "exit_on_error=on", "-c", "log_checkpoints=off"])
        .args(["-c", if durable { "fsync=on" } else { "fsync=off" }])
        .arg("-D")
        .arg(staging)
        .arg(database)
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .doing(running)?;
    // A program that ended early closes the pipe; its answer says more than that.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(statements.as_bytes()));
    let output = child.wait_with_output().doing(running)?;
    if output.status.success() {
        return Ok(());
    }
    Err(EmbeddedError::setup("postgres --single", &output.stderr))
}
