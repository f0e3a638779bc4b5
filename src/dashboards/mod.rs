//! What the practice and its therapists see at a glance.
//!
//! The derived tables and columns behind it are kept by [`cache`].

pub mod cache;
