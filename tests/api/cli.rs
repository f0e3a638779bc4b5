//! The commands of the program, run as processes.

mod audit;
mod doctor;
mod forged;
mod resume;
mod user;
