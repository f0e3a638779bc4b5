//! The trail as a file, and how such a file is checked without a database: with the public keys, and, against a missing
//! end, with the head of a checkpoint that somebody kept.
//!
//! One JSON object a line: a header, the entries in the order of the chain with the checkpoints between them, the rows
//! without a place in the chain, and an end, so that half a file is not taken for the whole.
//!
//! **The proof of a key.** The hashes alone prove nothing against an attacker who can write to the tables: all their
//! inputs stand there, so that a rewritten chain verifies too. A signature of a head vouches for every entry up to it,
//! so an entry covered by no valid signature and no kept head is a finding ([`Finding::Uncovered`]): every batch is
//! signed in the transaction that seals it. A head without a signature, or signed with a key that was not given, is no
//! finding where a later one covers it: so a practice may begin without a key, and may change it, as long as the last
//! public key is given. A key that may have leaked is better left out.
//!
//! **Rows of other programs** in `audit_logs` were never in the chain, and a row inserted by hand looks like them: only
//! the practice knows whether other programs write there. So each row without an entry is reported as
//! [`Finding::SummaryInserted`], and the person who verifies says whether such rows are expected. Rows from before the
//! first entry, in an adopted practice, are only counted.

mod export;
mod verify;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    export::export,
    verify::{Finding, Verdict, named_key, verify},
};
use super::chain::Facts;

/// The action that may take personal values out of entries before it: of its client, and of its subject where they name no
/// client. The summary, which the entries of a request share, goes with the first of them.
pub const ERASURE: &str = "client_erase";

/// Bytes as Base64 text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Header {
        version: u32,
        exported_at: DateTime<Utc>,
        /// The key that signs now, for the convenience of who checks: it proves nothing by itself.
        public_key: Option<String>,
    },
    Entry {
        seq: i64,
        entry_id: i64,
        hash: Bytes,
        commitments: [Bytes; 3],
        /// None where erased.
        salts: [Option<Bytes>; 3],
        /// None where the row is gone.
        facts: Option<Box<Facts>>,
    },
    Checkpoint {
        seq: i64,
        sealed_at: DateTime<Utc>,
        head: Bytes,
        key_id: Option<String>,
        signature: Option<Bytes>,
    },
    /// An entry without a place in the chain that does not wait for one.
    StrayEntry {
        entry_id: i64,
    },
    /// A summary that no entry stands behind, later than the first that has one.
    StraySummary {
        log_id: i32,
    },
    /// How many stand before that.
    OlderSummaries {
        rows: i64,
    },
    End {
        entries: i64,
    },
}
