//! What spans features: transfer and merge.
