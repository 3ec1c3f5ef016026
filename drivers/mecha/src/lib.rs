//! This driver's first code arrives with the Dapr surface.
