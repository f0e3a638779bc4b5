//! What is wrong with the data, and its repair.
