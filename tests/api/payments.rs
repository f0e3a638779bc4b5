//! What was paid, and what goes back.

mod refund;
