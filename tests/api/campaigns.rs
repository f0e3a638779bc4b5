//! Marketing campaigns, which have no key.
