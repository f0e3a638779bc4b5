//! One search box.
