//! Notifications: what a user finds in their bell.
//!
//! Whoever changes something tells those concerned in the same transaction ([`notify()`]): no notification of what did not
//! happen, none missing of what did. A row names things by their ids and says in words what happened; it never holds
//! contact data or clinical text, since it is shown before anything asks who may see those.

mod kind;
mod notify;

pub use self::{
    kind::NotificationKind,
    notify::{Notice, Recipient, notify},
};
