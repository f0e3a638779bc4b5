//! `safestories user …`: manages accounts from the terminal of the machine. The first admin of a practice comes from
//! here.
//!
//! Passwords come from a prompt that does not show them, or, where there is no terminal, from one line of stdin; never
//! from an argument, which every process of the machine could read.

use std::{
    io::{BufRead, IsTerminal, stdin},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::{options::Addresses, terminal};
use crate::{
    app::{state::App, unit_of_work::Work},
    db::{
        migrate::{self, Status},
        pool::Db,
    },
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
        text::Text,
        username::Username,
    },
    users::{self, AccountChange, NewUser, User, calendar_links, password},
};

/// Manage accounts.
#[derive(Debug, Args)]
pub struct UserCommand {
    #[command(flatten)]
    database: Addresses,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a user; the password is asked for.
    Create(Create),
    /// Show all users.
    List,
    /// Shut a user out and end their sessions.
    Disable(Whom),
    /// Give a user another password, which is asked for, and end their sessions.
    SetPassword(Whom),
    /// Hash the passwords that another program left in plain text.
    HashLegacyPasswords,
}

#[derive(Debug, Args)]
struct Create {
    /// The login name; upper and lower case make no difference.
    #[arg(long)]
    username: Username,
    /// The role of the account.
    #[arg(long)]
    role: Role,
    /// The name they are called by.
    #[arg(long)]
    name: Text<255>,
    /// The name in full, which lists and the audit show; they show the other one unless given.
    #[arg(long)]
    full_name: Option<Text<255>>,
    /// The therapist whose account this is, for the role therapist.
    #[arg(long)]
    therapist_id: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Admin,
    Therapist,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// By the name they log in with.
    #[arg(long)]
    username: Option<String>,
    /// By their id, where several go by one name.
    #[arg(long)]
    id: Option<i32>,
}

/// Runs the command against the database named.
///
/// # Errors
///
/// When the database cannot be reached or is not current, and when the users stand against it.
pub(super) async fn run(command: UserCommand) -> anyhow::Result<ExitCode> {
    let app = open(&command.database).await?;
    match command.action {
        Action::Create(new) => create(&app, new).await?,
        Action::List => list(&app).await?,
        Action::Disable(whom) => disable(&app, &whom).await?,
        Action::SetPassword(whom) => set_password(&app, &whom).await?,
        Action::HashLegacyPasswords => hash_legacy_passwords(&app).await?,
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The state that the operations need, over a database that this build may write to.
pub(super) async fn open(database: &Addresses) -> anyhow::Result<App> {
    database.warn()?;
    let db = Db::new(database.required()?, Some(database.direct()?), 2)?;
    let mut direct = db.direct().await.context("the database cannot be reached")?;
    match migrate::status(&mut direct).await? {
        Status::Ours { pending } if pending.is_empty() => Ok(App::of_command(db)),
        Status::Ours { .. } | Status::Empty => {
            bail!("the database is not current: run `safestories migrate` first")
        }
        refused => Err(refused.refusal().into()),
    }
}

async fn create(app: &App, new: Create) -> anyhow::Result<()> {
    let role = match new.role {
        Role::Admin => UserRole::Admin,
        Role::Therapist => UserRole::Therapist,
    };
    let password_hash = new_password(app, &new.username).await?;
    let username = new.username.clone();
    let new = NewUser {
        username: new.username,
        password_hash,
        name: new.name,
        full_name: new.full_name,
        role,
        therapist_id: new.therapist_id.map(TherapistId::from),
    };
    let id = Work::of_task(app, "safestories user create").run(async |uow| users::create(uow, new).await).await?;
    terminal::print(format_args!("Created {username} ({role}), user {id}."))?;
    Ok(())
}

async fn list(app: &App) -> anyhow::Result<()> {
    let users = users::list(&mut *app.db.unscoped().await?, app.clock.now()).await?;
    let line = |cells: [&str; 6]| {
        let [id, username, role, therapist, state, name] = cells;
        terminal::print(format_args!("{id:>6}  {username:<24}  {role:<10}  {therapist:<12}  {state:<14}  {name}"))
    };
    line(["ID", "USERNAME", "ROLE", "THERAPIST", "STATE", "NAME"])?;
    for user in &users {
        line([
            &user.id.to_string(),
            &user.username,
            user.role.as_deref().unwrap_or("-"),
            user.therapist_id.as_ref().map_or("-", TherapistId::as_str),
            match (user.disabled, user.totp_enabled) {
                (true, _) => "disabled",
                (false, true) => "second factor",
                (false, false) => "enabled",
            },
            user.full_name.as_deref().unwrap_or(&user.name),
        ])?;
    }
    Ok(())
}

async fn disable(app: &App, whom: &Whom) -> anyhow::Result<()> {
    let user = find(app, whom).await?;
    let work = Work::of_task(app, "safestories user disable");
    if work.run_if_needed(async |uow| users::disable(uow, user.id).await).await? {
        terminal::print(format_args!("Disabled {}.", user.username))?;
    } else {
        terminal::print(format_args!("{} is disabled already; nothing was done.", user.username))?;
    }
    Ok(())
}

async fn set_password(app: &App, whom: &Whom) -> anyhow::Result<()> {
    let user = find(app, whom).await?;
    let hash = new_password(app, &user.username).await?;
    let work = Work::of_task(app, "safestories user set-password");
    work.run(async |uow| {
        password::set(uow, user.id, &hash, None).await?;
        calendar_links::revoke(uow, user.id).await?;
        users::note(uow, user.id, AccountChange::PasswordReset, None).await
    })
    .await?;
    terminal::print(format_args!("Changed the password of {}.", user.username))?;
    Ok(())
}

/// One transaction each: hashes already written stay, even if a later one fails.
async fn hash_legacy_passwords(app: &App) -> anyhow::Result<()> {
    let legacy = users::legacy(&mut *app.db.unscoped().await?).await?;
    let mut hashed = 0;
    for user in &legacy {
        if !user.is_plain() {
            terminal::print(format_args!(
                "Left out {} (user {}): the password is empty or a hash of another kind.",
                user.username, user.id
            ))?;
            continue;
        }
        let hash = app.passwords.hash(user.password.clone()).await?;
        let work = Work::of_task(app, "safestories user hash-legacy-passwords");
        if work.run_if_needed(async |uow| users::hash_legacy(uow, user, &hash).await).await? {
            hashed += 1;
        }
    }
    terminal::print(format_args!("Hashed {hashed} {}.", if hashed == 1 { "password" } else { "passwords" }))?;
    Ok(())
}

async fn find(app: &App, whom: &Whom) -> anyhow::Result<User> {
    let users = users::list(&mut *app.db.unscoped().await?, app.clock.now()).await?;
    let is_meant = |user: &User| match (&whom.username, whom.id) {
        (Some(name), _) => Username::meant(&user.username).key() == Username::meant(name).key(),
        (None, id) => Some(user.id) == id.map(UserId),
    };
    let mut found: Vec<User> = users.into_iter().filter(is_meant).collect();
    match (found.pop(), found.len()) {
        (Some(user), 0) => Ok(user),
        (Some(_), _) => bail!("several users go by this name: say which by --id (`safestories user list` shows them)"),
        (None, _) => bail!("there is no such user"),
    }
}

/// Asks for a new password, and hashes it.
async fn new_password(app: &App, username: &str) -> anyhow::Result<String> {
    let password = tokio::task::spawn_blocking(ask).await??;
    if let Err(fault) = password::check(&password, username) {
        bail!("the password {fault}");
    }
    Ok(app.passwords.hash(password).await?)
}

fn ask() -> anyhow::Result<String> {
    if stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Once more: ")? != password {
            bail!("the two differ");
        }
        return Ok(password);
    }
    let mut line = String::new();
    if stdin().lock().read_line(&mut line)? == 0 {
        bail!("expected the password on one line of stdin");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
