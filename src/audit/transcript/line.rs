//! The lines of the file.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::chain::Facts;

/// The action that may take personal values out of entries before it: of its client, and of its subject where they name no
/// client. The summary, which the entries of a request share, goes with the first of them.
pub const ERASURE: &str = "client_erase";
/// The action by which sealing went on after the trail was found to be rewritten.
pub const RESUMPTION: &str = "trail_resume";

/// Bytes as Base64 text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

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
pub(super) enum Line {
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
