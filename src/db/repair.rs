//! The result of a repair of stored rows, returned by every module's repairs, and its batch size.
//!
//! A repair is one transaction. One that works row by row (finding a booking's client, comparing the derived tables)
//! takes at most [`BATCH`] rows; one that is a single statement takes all.

/// How many rows a repair processes that works row by row.
pub const BATCH: i64 = 500;

/// How many ids of changed rows the trail keeps.
pub const KEPT_IDS: usize = 1000;

/// The rows that were changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairedRows {
    /// How many rows.
    pub rows: i64,
    /// Their ids; the first [`KEPT_IDS`].
    pub ids: Vec<String>,
}

impl RepairedRows {
    /// Counts another row.
    #[expect(clippy::needless_pass_by_value, reason = "ids are handed over as they are, owned or borrowed")]
    pub fn add(&mut self, id: impl ToString) {
        self.rows += 1;
        if self.ids.len() < KEPT_IDS {
            self.ids.push(id.to_string());
        }
    }

    /// Adds rows that were changed elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.rows += other.rows;
        self.ids.extend(other.ids);
        self.ids.truncate(KEPT_IDS);
    }
}
