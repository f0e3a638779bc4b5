//! Amounts of money: PostgreSQL's `numeric` with the scale it was written with.
//!
//! - An [`Amount`] is the value of a column. It is nullable inside: SQL's null, `NaN`, `±Infinity` and amounts of more
//!   than 30 digits are all "absent". A query names it as not null (`amount as "amount!: Amount"`).
//! - An [`AmountInput`] is an amount in a request; it has two decimals.
//! - Amounts compare by value (1700 equals 1700.00) and are never a float.

mod amount;
mod input;
mod wire;

pub use self::{amount::Amount, input::AmountInput};
