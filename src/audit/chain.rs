//! The hash of an audit entry in the chain: over its facts and the commitments to its personal values.
//!
//! `hash(n) = SHA-256("safestories audit 1" ‖ hash(n-1) ‖ seq ‖ facts ‖ commitments)`, every field with its length
//! before it, so that no two entries have one encoding. A commitment is `SHA-256(salt ‖ values)`: without its salt it
//! reveals nothing about the values, and it stays where they are erased.
//!
//! An entry deleted in the half second before it is sealed leaves its place in the queue. The place is sealed as a
//! [`gap`], which every later verification reports as a deletion.
//!
//! `is_visible` is outside on purpose: hiding a row is an entry of its own.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Before the first entry.
pub const START: Hash = [0; 32];

/// An audit entry with its summary, as the tables have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns of internal.audit_entries and, with log_, of public.audit_logs")]
pub struct Facts {
    pub entry_id: i64,
    pub log_id: Option<i32>,
    pub at: DateTime<Utc>,
    pub actor_id: Option<i32>,
    pub actor_role: String,
    pub session_id: Option<Uuid>,
    pub request_id: String,
    pub route: String,
    pub action: String,
    pub subject_type: Option<String>,
    pub subject_id: Option<String>,
    pub client_id: Option<String>,
    pub outcome: String,
    pub status: Option<i16>,
    pub log_therapist_id: Option<String>,
    pub log_action_type: Option<String>,
    pub ip_address: Option<String>,
    pub log_ip_address: Option<String>,
    pub detail: String,
    pub log_therapist_name: Option<String>,
    pub log_action_description: Option<String>,
    pub log_client_name: Option<String>,
    pub log_timestamp: Option<String>,
}

/// The groups of values that a person could be recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// Where the request came from.
    Address,
    /// The facts in detail.
    Detail,
    /// The summary that the practice reads.
    Summary,
}

impl Personal {
    /// All of them, in the order of the chain.
    pub const ALL: [Self; 3] = [Self::Address, Self::Detail, Self::Summary];
}

impl Facts {
    /// The commitment to a group of its values under a salt.
    pub fn commitment(&self, group: Personal, salt: &[u8]) -> Hash {
        let mut fields = Fields::new("safestories audit values 1");
        fields.bytes(Some(salt));
        match group {
            Personal::Address => fields.text(self.ip_address.as_deref()).text(self.log_ip_address.as_deref()),
            Personal::Detail => fields.text(Some(&self.detail)),
            Personal::Summary => fields
                .text(self.log_therapist_name.as_deref())
                .text(self.log_action_description.as_deref())
                .text(self.log_client_name.as_deref())
                .text(self.log_timestamp.as_deref()),
        };
        fields.hash()
    }

    /// The hash of this entry as number `seq` of the chain.
    pub fn hash(&self, before: &Hash, seq: i64, commitments: &[Hash; 3]) -> Hash {
        let mut fields = Fields::new("safestories audit 1");
        fields
            .bytes(Some(before))
            .number(Some(seq))
            .number(Some(self.entry_id))
            .number(self.log_id.map(i64::from))
            .number(Some(self.at.timestamp_micros()))
            .number(self.actor_id.map(i64::from))
            .text(Some(&self.actor_role))
            .bytes(self.session_id.as_ref().map(Uuid::as_bytes).map(<[u8; 16]>::as_slice))
            .text(Some(&self.request_id))
            .text(Some(&self.route))
            .text(Some(&self.action))
            .text(self.subject_type.as_deref())
            .text(self.subject_id.as_deref())
            .text(self.client_id.as_deref())
            .text(Some(&self.outcome))
            .number(self.status.map(i64::from))
            .text(self.log_therapist_id.as_deref())
            .text(self.log_action_type.as_deref());
        for commitment in commitments {
            fields.bytes(Some(commitment));
        }
        fields.hash()
    }

    /// Reads entries by id, in the order of their ids; those that are gone are left out.
    pub async fn read(db: &mut PgConnection, ids: &[i64]) -> Result<Vec<Self>> {
        let facts = sqlx::query_as!(
            Self,
            r#"select e.entry_id, e.log_id, e.at, e.actor_id, e.actor_role, e.session_id, e.request_id, e.route, e.action,
                      e.subject_type, e.subject_id, e.client_id, e.outcome, e.status,
                      l.therapist_id as "log_therapist_id?",
                      l.action_type as "log_action_type?",
                      e.ip_address,
                      l.ip_address as "log_ip_address?",
                      e.detail::text as "detail!",
                      l.therapist_name as "log_therapist_name?",
                      l.action_description as "log_action_description?",
                      l.client_name as "log_client_name?",
                      l.timestamp as "log_timestamp?"
               from internal.audit_entries e
               left join audit_logs l on l.log_id = e.log_id
               where e.entry_id = any ($1)
               order by e.entry_id"#,
            ids,
        )
        .fetch_all(db)
        .await?;
        Ok(facts)
    }
}

/// The hash of number `seq` of the chain, whose entry was deleted before it was sealed.
pub fn gap(before: &Hash, seq: i64, entry_id: i64) -> Hash {
    let mut fields = Fields::new("safestories audit gap 1");
    fields.bytes(Some(before)).number(Some(seq)).number(Some(entry_id));
    fields.hash()
}

/// The message that a checkpoint's signature signs.
pub fn checkpoint_message(seq: i64, head: &[u8], sealed_at: DateTime<Utc>) -> Hash {
    let mut fields = Fields::new("safestories audit checkpoint 1");
    fields.number(Some(seq)).bytes(Some(head)).number(Some(sealed_at.timestamp_micros()));
    fields.hash()
}

/// The message that the signature of a resumption signs: of which break, from which head to which, when and why.
pub fn resumption_message(
    break_id: i64,
    (seq, head): (i64, &Hash),
    (resumed_seq, resumed_head): (i64, &Hash),
    resumed_at: DateTime<Utc>,
    reason: &str,
) -> Hash {
    let mut fields = Fields::new("safestories audit resumption 1");
    fields
        .number(Some(break_id))
        .number(Some(seq))
        .bytes(Some(head))
        .number(Some(resumed_seq))
        .bytes(Some(resumed_head))
        .number(Some(resumed_at.timestamp_micros()))
        .text(Some(reason));
    fields.hash()
}

/// Fields on their way into a hash, each with its length, a missing one unlike an empty one.
struct Fields(Context);

impl Fields {
    fn new(purpose: &str) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.text(Some(purpose));
        fields
    }

    fn bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => {
                self.0.update(&(value.len() as u64 + 1).to_be_bytes());
                self.0.update(value);
            }
            None => self.0.update(&0_u64.to_be_bytes()),
        }
        self
    }

    fn text(&mut self, value: Option<&str>) -> &mut Self {
        self.bytes(value.map(str::as_bytes))
    }

    fn number(&mut self, value: Option<i64>) -> &mut Self {
        self.bytes(value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    fn hash(self) -> Hash {
        self.0.finish().as_ref().try_into().unwrap_or(START)
    }
}
