//! `safestories audit …`: exports the audit trail as a file, and verifies such a file, which needs no database.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, BufReader, BufWriter, stdout},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{options::Addresses, terminal, user};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::{
        breaks::{self, Resumed},
        entry::Entry,
        key::{AuditKey, AuditPublicKey},
        sealing,
        transcript::{self, Finding, RESUMPTION, Verdict},
    },
    db::pool::Db,
    domain::{
        text::{Text, hex},
        time::Clock,
    },
};

/// How many findings, or rows, are printed one by one.
const TOLD: usize = 100;

/// The trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the whole trail as a file, one JSON object a line
    Export(Export),
    /// Check such a file: exit 0 where nothing was edited, deleted, inserted, swapped or cut off, else 1
    ///
    /// Entries that no signed checkpoint covers count as edited, since nothing proves that they were not.
    Verify(Verify),
    /// Seal the trail again after it was found to be rewritten, and say why that is in order
    ///
    /// Where an older state of the database was restored, for instance. The trail is taken as it is from here on; the break and
    /// its reason become an entry of it.
    Resume(Resume),
}

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    database: Addresses,
    /// The reason, for those who read the trail
    #[arg(long)]
    reason: Text<500>,
    #[command(flatten)]
    key: Key,
}

/// The arguments of `export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    database: Addresses,
    /// Where to: a file that only its owner can read, since it contains names and addresses; stdout if not given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    key: Key,
}

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The file that `audit export` wrote
    file: PathBuf,
    /// The head of a checkpoint that was kept elsewhere: the file must reach it
    #[arg(long, value_name = "HEAD")]
    checkpoint: Option<String>,
    /// The public key (Base64), as the server logs it when it starts; the one the file names, if not given
    ///
    /// Several where the key was changed, each with its option, or separated by commas: a checkpoint names its own. The
    /// last key covers the entries that earlier keys signed.
    #[arg(long, env = "SAFESTORIES_AUDIT_PUBLIC_KEY", value_name = "KEY", value_delimiter = ',')]
    public_key: Vec<String>,
    /// Check the chain alone, of a server without a key: anybody with write access to the database could have rewritten
    /// it
    #[arg(long, conflicts_with_all = ["public_key", "audit_key"])]
    unsigned: bool,
    /// Take the rows of `audit_logs` that stand behind no entry for inserted, and fail, instead of counting them
    ///
    /// Other programs write such rows, which are no part of the trail. Where none does, they should not be there.
    #[arg(long)]
    strict: bool,
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
        AuditCommand::Resume(resume) => run_resume(resume).await,
    }
}

async fn run_export(Export { database, output, key }: Export) -> anyhow::Result<ExitCode> {
    database.warn()?;
    let app = App::of_command(Db::new(database.required()?, Some(database.direct()?), 2)?);
    let key = key.read()?;
    if key.is_some() {
        // Seals the latest entries, so that the file contains them.
        sealing::seal(&app.db, &app.clock, key.as_ref()).await?;
    }
    let public = key.map(|key| key.public());
    let mut db = app.db.direct().await?;
    if let Some(warning) = other_key(sealing::last_signed_with(&mut db).await?, public.as_ref()) {
        terminal::note(warning);
    }
    let now = Clock::System.now();
    let entries = if let Some(path) = &output {
        let file = create(path).with_context(|| format!("cannot write {}", path.display()))?;
        transcript::export(&mut db, now, public.as_ref(), &mut BufWriter::new(file)).await?
    } else {
        transcript::export(&mut db, now, public.as_ref(), &mut BufWriter::new(stdout().lock())).await?
    };
    if let Some(path) = output {
        terminal::print(format_args!("Wrote {entries} entries to {}", path.display()))?;
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn run_resume(Resume { database, reason, key }: Resume) -> anyhow::Result<ExitCode> {
    let key = key.read()?;
    let app = user::open(&database).await?;
    let mut db = app.db.direct().await?;
    if key.is_none() && sealing::last_signed_with(&mut db).await?.is_some() {
        bail!("give the key that signs the trail (SAFESTORIES_AUDIT_KEY): servers that have it resume for nobody else");
    }
    let reason = reason.into_string();
    let resumed = Work::of_task(&app, "safestories audit resume").run_if_needed(async |uow| {
        let now = uow.now();
        let resumed = breaks::resume(uow.db(), key.as_ref(), &reason, now).await?;
        if let Some(Resumed { break_id, expected, head }) = &resumed {
            let entry = Entry::new(RESUMPTION, format!("Went on with the audit trail after a break: {reason}"));
            uow.record(entry.on("trail_break", break_id).detail(json!({
                "reason": &reason,
                "expected": { "seq": expected.seq, "head": hex(&expected.hash) },
                "found": { "seq": head.seq, "head": hex(&head.hash) },
            })));
        }
        Ok(resumed)
    });
    let Some(Resumed { expected, head, .. }) = resumed.await? else {
        bail!("the trail is not broken: there is nothing to resume");
    };
    terminal::print(format_args!("Expected entry {} with the head {}.", expected.seq, hex(&expected.hash)))?;
    terminal::print(format_args!("Going on after entry {}, whose head is {}.", head.seq, hex(&head.hash)))?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The trail holds names and addresses, so only the owner may read the file, whatever the umask.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// The warning where the last head was signed with another key than this.
pub(super) fn other_key(last: Option<String>, key: Option<&AuditPublicKey>) -> Option<String> {
    let last = last?;
    match key {
        None => Some(format!("the trail was signed with the key {last} until now, and is not signed without it")),
        Some(key) if key.id() != last => Some(format!(
            "the trail was signed with another key until now, {last}: keep its public key, `audit verify` takes several"
        )),
        Some(_) => None,
    }
}

fn run_verify(verify: &Verify) -> anyhow::Result<ExitCode> {
    let unreadable = || format!("cannot read {}", verify.file.display());
    let open = || File::open(&verify.file).map(BufReader::new);
    let keys = verify.keys(|| open().and_then(transcript::named_key).with_context(unreadable))?;
    let verdict = open()
        .and_then(|file| transcript::verify(file, &keys, verify.checkpoint.as_deref()))
        .with_context(unreadable)?;
    let expected = |finding: &&Finding| match finding {
        Finding::Uncovered(..) => verify.unsigned,
        Finding::SummaryInserted(_) => !verify.strict,
        _ => false,
    };
    let (expected, findings): (Vec<_>, Vec<_>) = verdict.findings.iter().partition(expected);
    notify(&findings)?;
    let foreign = expected.iter().copied().filter(|finding| matches!(finding, Finding::SummaryInserted(_)));
    let foreign: Vec<_> = foreign.collect();
    if !foreign.is_empty() {
        terminal::print(format_args!(
            "{} rows of audit_logs are of other programs, and no part of the trail; --strict makes them findings.",
            foreign.len()
        ))?;
        notify(&foreign)?;
    }
    sum_up(&verdict)?;
    if !findings.is_empty() {
        terminal::print(format_args!("The trail is NOT whole: {} findings.", findings.len()))?;
        return Ok(ExitCode::FAILURE);
    }
    if verify.unsigned {
        terminal::print(
            "The chain is whole, but not signed: whoever may write to the database could have rewritten it.",
        )?;
    } else if verify.checkpoint.is_some() {
        terminal::print("The trail is whole.")?;
    } else {
        terminal::print("The trail is whole, as far as it goes.")?;
        terminal::print(format_args!(
            "Without a head that was kept elsewhere (--checkpoint) this does not prove that nothing was cut off, nor that \
             nothing was rewritten before it was signed."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Verify {
    /// The keys to check with: those given, else the one that signs, else the one that the file names.
    fn keys(
        &self,
        named: impl FnOnce() -> anyhow::Result<Option<AuditPublicKey>>,
    ) -> anyhow::Result<Vec<AuditPublicKey>> {
        if self.unsigned {
            return Ok(Vec::new());
        }
        if !self.public_key.is_empty() {
            let keys = self.public_key.iter().map(|text| text.parse());
            return keys.collect::<Result<_, _>>().context("SAFESTORIES_AUDIT_PUBLIC_KEY");
        }
        if let Some(key) = self.key.read()? {
            return Ok(vec![key.public()]);
        }
        let Some(named) = named()? else {
            bail!(
                "the file names no key: say which with --public-key or SAFESTORIES_AUDIT_PUBLIC_KEY; \
                 --unsigned checks the chain of a server that has none"
            );
        };
        terminal::print(format_args!(
            "Checked with the key that the file names, {named}: it proves nothing unless it is yours."
        ))?;
        Ok(vec![named])
    }
}

fn notify(findings: &[&Finding]) -> io::Result<()> {
    for finding in findings.iter().take(TOLD) {
        terminal::print(finding)?;
    }
    if findings.len() > TOLD {
        terminal::print(format_args!("… and {} more", findings.len() - TOLD))?;
    }
    Ok(())
}

fn sum_up(verdict: &Verdict) -> io::Result<()> {
    for (key, checkpoints) in &verdict.unknown_keys {
        terminal::print(format_args!(
            "{checkpoints} checkpoints are signed with the key {key}, which was not given: they were not checked."
        ))?;
    }
    for seq in &verdict.resumptions {
        terminal::print(format_args!(
            "Entry {seq} says that the trail was found to be rewritten before it, and why that is in order."
        ))?;
    }
    if verdict.older_summaries > 0 {
        terminal::print(format_args!(
            "{} rows of audit_logs are older than the trail, and no part of it.",
            verdict.older_summaries
        ))?;
    }
    terminal::print(format_args!(
        "{} entries, {} signed checkpoints, head {}",
        verdict.entries,
        verdict.signed_checkpoints,
        verdict.head.as_deref().unwrap_or("none"),
    ))
}
