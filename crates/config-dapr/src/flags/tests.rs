//! How flags are read.
