//! The tests of the server, in one binary that mirrors `src`.

mod adoption;
mod harness;
mod migrate;
mod schema;
