//! The tests of the server, in one binary that mirrors `src`: through HTTP, one behaviour each, named as a sentence.

mod adoption;
mod bookings;
mod clients;
mod dashboards;
mod given;
mod harness;
mod migrate;
mod notifications;
mod payments;
mod schema;
