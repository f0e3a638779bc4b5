//! The trail as a file, and how such a file is checked without a database: with the public keys, and, against a cut-off
//! tail, with the head of a checkpoint that somebody kept.
//!
//! One JSON object a line: a header, the entries in the order of the chain with the checkpoints between them, what stands
//! in the tables without a place in the chain, and an end, so that half a file is not taken for the whole.
//!
//! **What a key proves.** The hashes alone prove nothing against somebody who may write to the tables: all that goes into
//! them stands there, and a rewritten chain fits as well. A signature of a head vouches for every entry up to it, so what no
//! good signature and no kept head stands behind is a finding ([`Finding::Uncovered`]): every batch is signed in the
//! transaction that seals it. A head without a signature, or of a key that was not given, is none where a later one
//! covers it: so a practice may have begun without a key, and may change it, as long as the last public key is given. One
//! that others may know by now is better not given.
//!
//! **Rows of other programs** in `audit_logs` were never in the chain, and one that somebody puts in by hand looks like
//! them: only the practice knows whether others write there. So a row that no entry stands behind is told as
//! [`Finding::SummaryInserted`], one by one, and whoever checks says whether such rows are expected. Those from before the
//! first entry, of a practice that was adopted, are counted.

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
