//! The audit trail: who did what and when, and its outcome.
//!
//! Successful changes are written by the [`UnitOfWork`](crate::app::unit_of_work::UnitOfWork) in the same transaction:
//! one summary in `public.audit_logs`, one entry per subject in `internal.audit_entries`. Refused and failed requests
//! changed nothing, so the audit layer writes their entries afterwards, to `internal` only.
//!
//! Every entry is queued for the chain that makes the trail tamper-evident: [`sealing`] continues it, [`chain`]
//! computes the hashes, [`breaks`] notices where it was rewritten, [`transcript`] writes the trail as a file and verifies such a file, [`erasing`] removes a
//! client from it.

pub mod breaks;
pub mod chain;
mod checkpoints;
pub mod context;
pub mod entry;
pub mod erasing;
pub mod key;
pub mod sealing;
pub mod transcript;
pub mod write;
