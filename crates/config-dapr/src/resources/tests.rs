//! What folders of resources become.
