//! `safestories audit …`: the trail as a file, and the check of such a file, which needs no database.

use std::{
    fs::File,
    io::{BufReader, BufWriter, stdout},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::DatabaseUrl;
use crate::platform::{
    app::App,
    audit::{
        key::{AuditKey, AuditPublicKey},
        sealing, transcript,
    },
    postgres::Db,
    time::Clock,
};

/// How many findings are told one by one.
const TOLD: usize = 100;

/// The trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the whole trail as a file, one JSON object a line
    Export(Export),
    /// Check such a file: exit 0 where nothing was edited, deleted, inserted, swapped or cut off, else 1
    Verify(Verify),
}

/// What is exported.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    database: DatabaseUrl,
    /// Where to; stdout if not given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    key: Key,
}

/// What is checked, with what.
#[derive(Debug, Args)]
pub struct Verify {
    /// The file that `audit export` wrote
    file: PathBuf,
    /// The head of a checkpoint that was kept elsewhere: the file must reach it
    #[arg(long, value_name = "HEAD")]
    checkpoint: Option<String>,
    /// The public key (Base64), as the server logs it when it starts; the one the file names, if not given
    #[arg(long, env = "SAFESTORIES_AUDIT_PUBLIC_KEY", value_name = "KEY")]
    public_key: Option<String>,
    #[command(flatten)]
    key: Key,
}

/// The key that signs.
#[derive(Debug, Args)]
pub struct Key {
    /// The key that signs the trail: 32 bytes in Base64 (`openssl rand -base64 32`)
    #[arg(long = "audit-key", env = "SAFESTORIES_AUDIT_KEY", value_name = "KEY", hide_env_values = true)]
    audit_key: Option<String>,
}

impl Key {
    /// The key, where one is given.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read(&self) -> anyhow::Result<Option<AuditKey>> {
        self.audit_key.as_deref().map(str::parse).transpose().context("SAFESTORIES_AUDIT_KEY")
    }
}

/// Runs the command.
///
/// # Errors
///
/// If the database or the file cannot be reached.
pub async fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Export(export) => run_export(export).await,
        AuditCommand::Verify(verify) => run_verify(&verify),
    }
}

async fn run_export(Export { database, output, key }: Export) -> anyhow::Result<ExitCode> {
    let app = App::of_command(Db::new(database.required()?, Some(database.direct()?), 2)?);
    let key = key.read()?;
    if key.is_some() {
        // So that the file tells of what was done a moment ago.
        sealing::seal(&app, key.as_ref()).await?;
    }
    let public = key.map(|key| key.public());
    let mut db = app.db.direct().await?;
    let now = Clock::System.now();
    let entries = if let Some(path) = &output {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        transcript::export(&mut db, now, public.as_ref(), &mut BufWriter::new(file)).await?
    } else {
        transcript::export(&mut db, now, public.as_ref(), &mut BufWriter::new(stdout().lock())).await?
    };
    if let Some(path) = output {
        println!("Wrote {entries} entries to {}", path.display());
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

fn run_verify(verify: &Verify) -> anyhow::Result<ExitCode> {
    let unreadable = || format!("cannot read {}", verify.file.display());
    let open = || File::open(&verify.file).map(BufReader::new);
    let public: AuditPublicKey = match (&verify.public_key, verify.key.read()?) {
        (Some(text), _) => text.parse().context("SAFESTORIES_AUDIT_PUBLIC_KEY")?,
        (None, Some(key)) => key.public(),
        (None, None) => {
            let Some(named) = open().and_then(transcript::named_key).with_context(unreadable)? else {
                bail!("the file names no key: say which with --public-key or SAFESTORIES_AUDIT_PUBLIC_KEY");
            };
            println!("Checked with the key that the file names, {named}: it proves nothing unless it is yours.");
            named
        }
    };
    let verdict = open()
        .and_then(|file| transcript::verify(file, &public, verify.checkpoint.as_deref()))
        .with_context(unreadable)?;
    for finding in verdict.findings.iter().take(TOLD) {
        println!("{finding}");
    }
    if verdict.findings.len() > TOLD {
        println!("… and {} more", verdict.findings.len() - TOLD);
    }
    println!(
        "{} entries, {} signed checkpoints, head {}",
        verdict.entries,
        verdict.signed_checkpoints,
        verdict.head.as_deref().unwrap_or("none"),
    );
    if verdict.findings.is_empty() {
        println!("The trail is whole.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("The trail is NOT whole: {} findings.", verdict.findings.len());
    Ok(ExitCode::FAILURE)
}
