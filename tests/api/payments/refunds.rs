//! Refunds: their list, their status, and the places that disagree about them.

mod list;
mod reconciliation;
mod status;
