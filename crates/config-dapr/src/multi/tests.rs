//! Run files.
