//! Document forms.
