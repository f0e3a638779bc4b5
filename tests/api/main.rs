//! The tests of the server, in one binary that mirrors `src`: through HTTP, one behaviour each, named as a sentence.

mod adoption;
mod architecture;
mod auth;
mod bookings;
mod clients;
mod conventions;
mod coverage;
mod dashboards;
mod edge;
mod given;
mod harness;
mod migrate;
mod notifications;
mod openapi;
mod outage;
mod payments;
mod schema;
mod serve;
mod user_command;
