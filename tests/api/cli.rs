//! The commands of the program, run as a program.

mod audit;
mod user;
