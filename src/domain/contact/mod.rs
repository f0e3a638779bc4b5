//! Contact data: phones, e-mail addresses, names, links.
//!
//! The tables contain names and addresses as people typed them, and phones of this server in E.164 form. Here is decided
//! what a request may write. SQL compares what is written (`internal.phone_key`, `internal.email_key`,
//! `internal.name_key`): values that cannot be read have no key there, since two people must never be taken for one.
//! [`LinkInput`] is a link that people are sent.

mod email;
mod link;
mod phone;
mod search;

pub use self::{
    email::{Email, EmailInput},
    link::LinkInput,
    phone::{Phone, PhoneInput},
    search::Search,
};
