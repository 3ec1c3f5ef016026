//! Flags and environment in the model.
