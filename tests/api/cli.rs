//! The commands of the program, run as a program.

mod audit;
mod doctor;
mod forged;
mod user;
