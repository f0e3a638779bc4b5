//! The fields of the surviving record, merged one by one.

use super::access::{Side, Sources};
use crate::{
    clients::Record,
    domain::{
        contact::{Email, Phone},
        text::NO_NAME,
    },
};

/// The record that two become, and where its fields come from.
pub(crate) struct Joined {
    pub(crate) record: Record,
    /// The fields that the survivor lacked.
    pub(crate) filled: Vec<&'static str>,
    /// The fields of the other record that are dropped.
    pub(crate) dropped: Vec<&'static str>,
    pub(crate) sources: Sources,
}

impl Joined {
    /// The survivor takes a field of the other record where its own is empty, a placeholder (`na`), or unreadable.
    pub(crate) fn of(survivor: &Record, other: &Record) -> Self {
        let is_name = |name: &str| !name.trim().is_empty() && name.trim() != NO_NAME;
        let is_phone = |phone: &str| Phone::parse(phone).is_some();
        let is_email = |email: &str| Email::parse(email).is_some();
        let mut joined = Self {
            record: survivor.clone(),
            filled: Vec::new(),
            dropped: Vec::new(),
            sources: [("phone_number", None), ("email_id", None)],
        };
        let phone = |record: &Record| record.phone_number.as_deref().map(Phone::stored);
        let email = |record: &Record| record.email_id.clone();
        let name = |record: &Record| record.client_name.clone();
        joined.record.client_name = joined.choose("client_name", (name(survivor), name(other)), is_name).0;
        let (chosen, source) = joined.choose("phone_number", (phone(survivor), phone(other)), is_phone);
        (joined.record.phone_number, joined.sources[0].1) = (chosen, source);
        let (chosen, source) = joined.choose("email_id", (email(survivor), email(other)), is_email);
        (joined.record.email_id, joined.sources[1].1) = (chosen, source);
        if survivor.therapist_id.is_none() && other.therapist_id.is_some() {
            joined.record.therapist_id.clone_from(&other.therapist_id);
            joined.record.assigned_therapist.clone_from(&other.assigned_therapist);
            joined.filled.push("therapist_id");
        } else if other.therapist_id.is_some() && other.therapist_id != survivor.therapist_id {
            joined.dropped.push("therapist_id");
        }
        joined
    }

    /// One field of the two, and from which record it comes.
    fn choose(
        &mut self,
        field: &'static str,
        (own, other): (Option<String>, Option<String>),
        says_something: impl Fn(&str) -> bool,
    ) -> (Option<String>, Option<Side>) {
        let says = |value: &Option<String>| value.as_deref().is_some_and(&says_something);
        match (says(&own), says(&other)) {
            (false, true) => {
                self.filled.push(field);
                (other, Some(Side::Gone))
            }
            (true, true) if own != other => {
                self.dropped.push(field);
                (own, Some(Side::Survivor))
            }
            (true, _) => (own, Some(Side::Survivor)),
            // Neither can be read: a written text is kept, first of all the survivor's.
            (false, false) => {
                let source = if own.is_some() { Some(Side::Survivor) } else { other.as_ref().map(|_| Side::Gone) };
                (own.or(other), source)
            }
        }
    }
}
