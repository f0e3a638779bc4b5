//! The people who hold the sessions.
