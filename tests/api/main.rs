//! The tests of the server, in one binary that mirrors `src`: through HTTP, one behaviour each, named as a sentence.

mod adoption;
mod architecture;
mod bookings;
mod clients;
mod coverage;
mod dashboards;
mod given;
mod harness;
mod migrate;
mod notifications;
mod payments;
mod schema;
