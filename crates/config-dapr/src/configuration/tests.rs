//! What Configuration files become.
