//! The demo data.

mod demo;
