//! The values of the tables' columns: ids, status words, times, money, contact data, text.

pub mod contact;
pub mod ids;
pub mod money;
pub mod status;
pub mod text;
pub mod time;
pub mod username;
