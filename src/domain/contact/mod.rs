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
    search::Search,
};

/// The form in which names are compared: lower case, without any white space.
pub fn name_key(name: &str) -> String {
    name.split_whitespace().flat_map(str::chars).flat_map(char::to_lowercase).collect()
}

/// The ASCII digits of a text.
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_spaces() {
        assert_eq!(name_key("  Asha  Rao\u{a0}Iyer\n"), "asharaoiyer");
        assert_eq!(name_key("ÉMILE"), "émile");
        assert_eq!(name_key(" \t"), "");
        assert_eq!(digits("+91 (981) 23-4९"), "91981234");
    }
}
