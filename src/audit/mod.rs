//! The trail: who did what, when, and how it ended.
//!
//! What succeeded is written by the [`UnitOfWork`](crate::app::unit_of_work::UnitOfWork) in the very transaction that did it: one
//! summary in `public.audit_logs`, one entry per subject in `internal.audit_entries`. What was refused or failed left
//! nothing to be atomic with, so the audit layer writes it afterwards, to `internal` only.
//!
//! Every entry is queued for the chain that makes the trail tamper-evident: [`sealing`] continues it, [`chain`] says what
//! is hashed, [`transcript`] is the trail as a file and how such a file is checked, [`erasing`] takes a client out of it.

pub mod chain;
pub mod context;
pub mod entry;
pub mod erasing;
pub mod key;
pub mod sealing;
pub mod transcript;
pub mod write;
