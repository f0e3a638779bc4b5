//! The commands of the program, run as a program.

mod doctor;
mod user;
