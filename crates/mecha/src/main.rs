//! The command line of Mecha.
fn main() {}
