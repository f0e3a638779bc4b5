//! Chance that repeats itself.
//!
//! `SplitMix64` in a few lines instead of a crate: the numbers are part of what `demo load` promises (the same practice
//! from any build of any version), and crates keep the right to change theirs. Nothing secret is made from them.

/// What is drawn for; each has numbers of its own, so that a draw added for one leaves the others as they were.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topic {
    /// The course of the practice: who comes when, and what becomes of it.
    Course = 1,
    /// A client's name and ways.
    Client,
    /// A therapist's name and ways.
    Therapist,
    /// The wording and the tokens of one booking.
    Booking,
    /// The text of one note.
    Note,
}

/// A stream of numbers.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of the `index`-th of its kind.
    pub(super) fn of(topic: Topic, index: usize) -> Self {
        let mut seed = Self((topic as u64) << 56 ^ index as u64);
        Self(seed.bits())
    }

    /// 64 fresh bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).unsigned_abs() + 1).cast_signed()
    }

    /// A place in a list of this length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a usize")
    }

    /// True this many times in a hundred.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}
