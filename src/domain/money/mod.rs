//! Amounts of money: PostgreSQL's `numeric` with the scale it was written with.
//!
//! - An [`Amount`] is the value of a column. It is nullable inside: SQL's null, `NaN`, `±Infinity` and amounts of more
//!   than 30 digits are all "absent". A query names it as not null (`amount as "amount!: Amount"`).
//! - An [`AmountInput`] is an amount in a request; it has two decimals.
//! - A [`Currency`] is one in a request. What a column says is read by `internal.currency`, where nothing means rupees;
//!   amounts of different currencies are never added.
//! - Amounts compare by value (1700 equals 1700.00) and are never a float.

mod amount;
mod currency;
mod input;
mod minor;
mod wire;

pub use self::{
    amount::Amount,
    currency::Currency,
    input::AmountInput,
    minor::{from_minor, to_minor},
};
