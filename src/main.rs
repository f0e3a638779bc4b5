//! The `safestories` program.

fn main() {}
