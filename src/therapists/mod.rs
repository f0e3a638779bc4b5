//! The people who hold the sessions.

mod hold;

pub use self::hold::{Therapist, hold};
