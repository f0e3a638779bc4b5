//! Clients, from outside.

mod model;
