//! What a repair of stored rows changed: the answer of every module's `repair`, and how much one of them does at a time.
//!
//! A repair is one transaction. One that has to make out each row by itself (whose client is it, what do the caches say)
//! takes at most [`BATCH`] rows; one that is a single statement takes all.

/// How many rows a repair makes out one by one.
pub const BATCH: i64 = 500;

/// How many ids of changed rows the trail keeps.
pub const KEPT_IDS: usize = 1000;

/// What was changed.
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

    /// Adds what was changed elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.rows += other.rows;
        self.ids.extend(other.ids);
        self.ids.truncate(KEPT_IDS);
    }
}
