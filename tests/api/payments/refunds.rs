//! Refunds: their list, their way, and where the places that tell of them disagree.

mod list;
mod reconciliation;
mod status;
