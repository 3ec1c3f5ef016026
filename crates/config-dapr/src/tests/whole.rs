//! A whole runtime from flags and files.
