//! The trail as admins and therapists read it.
