//! The people the practice is for.
//!
//! A client is a row of `all_clients_table`; a booking belongs to a client through `appointment_table`. Who is one
//! person, [`model`] decides, in one place.

mod belong;
mod model;

pub use self::{
    belong::{Appointment, belongs_to, hold_of_booking},
    model::{Choice, Client, PROBLEMS, Person, hold, resolve},
};
