//! config-mosn
