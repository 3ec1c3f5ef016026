//! This crate's first code arrives with the Dapr surface.
