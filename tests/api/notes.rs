//! Session notes and additional notes.
