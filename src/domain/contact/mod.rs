//! Contact data: phones, e-mail addresses, names, links.
//!
//! The tables contain them as people typed them. They are compared in the normal forms made here: a phone in E.164 (the
//! practice is in India, so a number without a country is Indian), an address in lower case, a name without case and
//! spaces. Values that cannot be read are not compared at all: two people must never be taken for one. [`LinkInput`] is
//! a link that people are sent.

mod email;
mod link;
mod phone;
mod search;

pub use self::{
    email::{Email, EmailInput},
    link::LinkInput,
    phone::{Phone, PhoneInput},
    search::{Search, digits, name_key},
};
