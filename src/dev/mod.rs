//! Tools for those who try the server or change it.

pub mod demo;
