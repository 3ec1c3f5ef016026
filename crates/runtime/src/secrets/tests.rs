//! Tests of secrets.
