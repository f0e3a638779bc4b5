//! What is seen at a glance.

mod cache;
mod sequences;
