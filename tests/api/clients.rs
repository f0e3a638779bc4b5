//! Clients, from outside.

mod matching;
