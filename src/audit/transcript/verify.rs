//! Verifies a file of the audit trail.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    io::{self, BufRead},
};

use super::line::{Bytes, ERASURE, Line, RESUMPTION};
use crate::{
    audit::{
        chain::{Facts, Hash, Personal, START, checkpoint_message},
        key::AuditPublicKey,
    },
    domain::text::hex,
};

/// The key that a file names; none where it names none, or is none.
pub fn named_key(mut file: impl BufRead) -> io::Result<Option<AuditPublicKey>> {
    let mut first = String::new();
    file.read_line(&mut first)?;
    match serde_json::from_str(&first) {
        Ok(Line::Header { public_key: Some(key), .. }) => Ok(key.parse().ok()),
        _ => Ok(None),
    }
}

/// The result of verifying a file.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many entries were checked.
    pub entries: i64,
    /// How many checkpoints bear a good signature.
    pub signed_checkpoints: i64,
    /// How many are signed with keys that were not given, by the ids of those.
    pub unknown_keys: BTreeMap<String, u64>,
    /// The entries by which sealing went on after the trail was found to be rewritten.
    pub resumptions: Vec<i64>,
    /// How many summaries are older than the trail.
    pub older_summaries: i64,
    /// The hash of the last entry.
    pub head: Option<String>,
    /// The findings, in the order of the file.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong with a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The entry differs from the sealed one, or was put in another's place.
    Changed(i64),
    /// Values of the entry differ from the sealed ones.
    ValuesChanged(i64, &'static str),
    /// Values of the entry were removed, and there is no erasure of its client.
    ValuesRemoved(i64),
    /// The entry was sealed and is gone.
    Deleted(i64),
    /// A place of the chain is missing.
    Missing(i64),
    /// A place of the chain stands there once more, or after a later one.
    OutOfOrder(i64),
    /// The entry was put in beside the chain.
    Inserted(i64),
    /// The summary (`log_id`) was put in beside the chain.
    SummaryInserted(i32),
    /// The checkpoint after this place is not one of this chain.
    WrongCheckpoint(i64),
    /// The checkpoint after this place names a key that did not sign it.
    Forged(i64),
    /// No signed checkpoint vouches for the entries from the first of these places to the last.
    Uncovered(i64, i64),
    /// No checkpoint with the wanted head: the tail was cut off, or all rewritten.
    CutOff(String),
    /// Not a single entry.
    Empty,
    /// The file breaks off, or is none.
    Incomplete,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(seq) => write!(f, "entry {seq} was changed, or stands in another's place"),
            Self::ValuesChanged(seq, what) => write!(f, "entry {seq}: {what} was changed"),
            Self::ValuesRemoved(seq) => write!(f, "entry {seq}: values were taken out without an erasure"),
            Self::Deleted(seq) => write!(f, "entry {seq} was deleted"),
            Self::Missing(seq) => write!(f, "the chain lacks its entry {seq}"),
            Self::OutOfOrder(seq) => write!(f, "entry {seq} stands after its place in the chain"),
            Self::Inserted(id) => write!(f, "the row {id} of internal.audit_entries was put in beside the chain"),
            Self::SummaryInserted(id) => {
                write!(f, "the row {id} of audit_logs has no entry: another program wrote it, or somebody put it in")
            }
            Self::WrongCheckpoint(seq) => write!(f, "the checkpoint at entry {seq} is not of this chain"),
            Self::Forged(seq) => write!(f, "the checkpoint at entry {seq} was not signed with the key that it names"),
            Self::Uncovered(first, last) => {
                write!(f, "no signed checkpoint covers the entries {first} to {last}: anybody may have rewritten them")
            }
            Self::CutOff(head) => {
                write!(f, "no entry has the head {head}: the trail was cut off before it, or rewritten")
            }
            Self::Empty => f.write_str("there is no entry: nothing was ever done here, or all of it was deleted"),
            Self::Incomplete => f.write_str("the file breaks off or is no trail"),
        }
    }
}

/// Checks a file with the keys that may have signed it, and the head of a checkpoint that was kept.
pub fn verify(file: impl BufRead, keys: &[AuditPublicKey], checkpoint: Option<&str>) -> io::Result<Verdict> {
    let mut check = Check {
        verdict: Verdict::default(),
        keys: keys.iter().map(|key| (key.id(), key)).collect(),
        at: 0,
        head: START,
        covered: 0,
        seen: false,
        erased: HashMap::new(),
        forgotten: HashMap::new(),
        bare: Vec::new(),
    };
    let wanted = checkpoint.map(|head| head.trim().to_lowercase());
    let mut ended = false;
    for (number, line) in file.lines().enumerate() {
        match serde_json::from_str(&line?) {
            Ok(Line::Header { version: 1, .. }) if number == 0 => {}
            Ok(_) if ended => break,
            Ok(Line::End { entries }) => ended = entries == check.verdict.entries,
            Ok(line) if number > 0 => {
                check.line(line);
                if wanted.as_deref() == Some(&hex(&check.head)) {
                    check.seen = true;
                    check.covered = check.covered.max(check.at);
                }
            }
            _ => break,
        }
    }
    Ok(check.verdict(ended, wanted))
}

/// A kind and an id.
type Subject = (String, String);

/// An entry without some of its values.
struct Bare {
    seq: i64,
    client: Option<String>,
    subject: Option<Subject>,
    log_id: Option<i32>,
    /// Whether it lacks nothing but the summary.
    summary_only: bool,
}

struct Check<'a> {
    verdict: Verdict,
    /// The keys that may have signed, by their ids.
    keys: HashMap<String, &'a AuditPublicKey>,
    /// The place reached.
    at: i64,
    /// Its hash, as the file has it.
    head: Hash,
    /// The last place that a valid signature, or the wanted head, vouches for.
    covered: i64,
    /// Whether the wanted head was met.
    seen: bool,
    /// The last erasure of each client.
    erased: HashMap<String, i64>,
    /// The last erasure of each subject.
    forgotten: HashMap<Subject, i64>,
    /// Entries without some of their values.
    bare: Vec<Bare>,
}

impl Check<'_> {
    fn line(&mut self, line: Line) {
        match line {
            Line::Entry { seq, entry_id, hash, commitments, salts, facts } => {
                self.verdict.entries += 1;
                for missing in (self.at + 1..seq).take(100) {
                    self.find(Finding::Missing(missing));
                }
                if seq <= self.at {
                    self.find(Finding::OutOfOrder(seq));
                }
                match (facts, hashes(&commitments)) {
                    (Some(facts), Some(commitments)) => self.entry(seq, entry_id, &hash, &commitments, &salts, &facts),
                    (None, _) => self.find(Finding::Deleted(seq)),
                    (_, None) => self.find(Finding::Changed(seq)),
                }
                self.at = seq;
                // Continues from the sealed hash, so that one change is reported once.
                self.head = hash.0.try_into().unwrap_or(START);
            }
            Line::Checkpoint { seq, sealed_at, head, key_id, signature } => {
                if seq != self.at || head.0 != self.head {
                    return self.find(Finding::WrongCheckpoint(seq));
                }
                let Some(key_id) = key_id else { return };
                let Some(key) = self.keys.get(&key_id) else {
                    *self.verdict.unknown_keys.entry(key_id).or_default() += 1;
                    return;
                };
                let message = checkpoint_message(seq, &head.0, sealed_at);
                if signature.is_some_and(|signature| key.verifies(&message, &signature.0)) {
                    self.verdict.signed_checkpoints += 1;
                    self.covered = seq;
                } else {
                    self.find(Finding::Forged(seq));
                }
            }
            Line::StrayEntry { entry_id } => self.find(Finding::Inserted(entry_id)),
            Line::StraySummary { log_id } => self.find(Finding::SummaryInserted(log_id)),
            Line::OlderSummaries { rows } => self.verdict.older_summaries += rows,
            Line::Header { .. } | Line::End { .. } => self.find(Finding::Incomplete),
        }
    }

    fn entry(
        &mut self,
        seq: i64,
        entry_id: i64,
        hash: &Bytes,
        commitments: &[Hash; 3],
        salts: &[Option<Bytes>; 3],
        facts: &Facts,
    ) {
        if facts.entry_id != entry_id || facts.hash(&self.head, seq, commitments)[..] != hash.0 {
            self.find(Finding::Changed(seq));
        }
        let mut bare: Vec<Personal> = Vec::new();
        for (group, (commitment, salt)) in Personal::ALL.into_iter().zip(commitments.iter().zip(salts)) {
            let name = match group {
                Personal::Address => "the address",
                Personal::Detail => "the detail",
                Personal::Summary => "the summary",
            };
            match salt {
                Some(salt) if facts.commitment(group, &salt.0) == *commitment => {}
                Some(_) => self.find(Finding::ValuesChanged(seq, name)),
                None => bare.push(group),
            }
        }
        let subject = facts.subject_type.clone().zip(facts.subject_id.clone());
        if !bare.is_empty() {
            self.bare.push(Bare {
                seq,
                client: facts.client_id.clone(),
                subject: subject.clone(),
                log_id: facts.log_id,
                summary_only: bare == [Personal::Summary],
            });
        }
        if facts.action == RESUMPTION {
            self.verdict.resumptions.push(seq);
        }
        if let (ERASURE, Some(client)) = (&*facts.action, &facts.client_id) {
            self.erased.insert(client.clone(), seq);
            if let Some(subject) = subject {
                self.forgotten.insert(subject, seq);
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        self.verdict.findings.push(finding);
    }

    fn verdict(mut self, ended: bool, wanted: Option<String>) -> Verdict {
        let bare = std::mem::take(&mut self.bare);
        let (covered, rest): (Vec<_>, Vec<_>) = bare.into_iter().partition(|bare| {
            let erasure = match (&bare.client, &bare.subject) {
                (Some(client), _) => self.erased.get(client),
                (None, Some(subject)) => self.forgotten.get(subject),
                (None, None) => None,
            };
            erasure.is_some_and(|erasure| *erasure >= bare.seq)
        });
        let summaries: HashSet<i32> = covered.iter().filter_map(|bare| bare.log_id).collect();
        for bare in rest {
            let shared = bare.summary_only && bare.log_id.is_some_and(|id| summaries.contains(&id));
            if !shared {
                self.find(Finding::ValuesRemoved(bare.seq));
            }
        }
        if let Some(wanted) = wanted.filter(|_| !self.seen) {
            self.find(Finding::CutOff(wanted));
        }
        if self.covered < self.at {
            self.find(Finding::Uncovered(self.covered + 1, self.at));
        }
        if !ended {
            self.find(Finding::Incomplete);
        } else if self.verdict.entries == 0 {
            self.find(Finding::Empty);
        }
        self.verdict.head = (self.at > 0).then(|| hex(&self.head));
        self.verdict
    }
}

fn hashes([address, detail, summary]: &[Bytes; 3]) -> Option<[Hash; 3]> {
    let hash = |bytes: &Bytes| Hash::try_from(bytes.0.as_slice()).ok();
    Some([hash(address)?, hash(detail)?, hash(summary)?])
}
