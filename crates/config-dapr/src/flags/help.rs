//! The flags as `--help` lists them.

use std::fmt::Write as _;

use super::Flags;
use super::table::{FLAGS, Takes};

impl Flags {
    /// A line for each flag that is meant for people, the default in brackets.
    pub fn help() -> String {
        let mut out = String::new();
        for flag in FLAGS.iter().filter(|flag| !flag.help.is_empty()) {
            let form = match flag.takes {
                Takes::Value(form, _) | Takes::ValueLater(form, _) => form,
                Takes::Switch(_) | Takes::SwitchLater | Takes::Instead(_) => "",
            };
            let name = format!("--{} {form}", flag.name);
            // Writing to a string never fails.
            let _ = writeln!(out, "  {:<46} {}", name.trim_end(), flag.help);
        }
        out
    }
}
