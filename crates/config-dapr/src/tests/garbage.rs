//! Garbage never makes a reader panic.
