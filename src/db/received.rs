//! The outcome of a service's message for the rows of a table.
//!
//! Each feature writes those of its own tables as they came and answers with what changed; `arrivals::inbox` hands the messages
//! down, and compares where it is only to compare.

use serde_json::Value;

use crate::domain::ids::BookingId;

/// The outcome of a message.
#[derive(Debug)]
pub enum Received {
    /// Something that has to be there first is not, in words: it may come later.
    Missing(&'static str),
    /// The row is newer than the message.
    Overtaken,
    /// It was written.
    Written(Written),
}

/// The rows that were written.
#[derive(Debug)]
pub struct Written {
    /// The booking they belong to.
    pub booking: Option<BookingId>,
    /// The rows.
    pub rows: Vec<RowChange>,
    /// The rule of the practice that it contradicts, in words.
    pub contradicts: Option<&'static str>,
}

/// A row before and after.
#[derive(Debug)]
pub struct RowChange {
    /// Its table.
    pub table: &'static str,
    /// How it was; none where it was not there.
    pub before: Option<Value>,
    /// How it is.
    pub after: Value,
}
