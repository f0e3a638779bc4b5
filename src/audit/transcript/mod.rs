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
mod line;
mod verify;

pub use self::{
    export::export,
    line::{ERASURE, RESUMPTION},
    verify::{Finding, Verdict, named_key, verify},
};
