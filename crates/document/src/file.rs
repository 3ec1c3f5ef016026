//! A file from disk as text, with a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use mecha_config::{Diagnostic, Severity};

use crate::findings::Findings;

/// Largest file in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What to do about a file that can't be read, in the words of the front end.
#[derive(Clone, Copy, Debug)]
pub struct Hints {
    /// When it can't be opened.
    pub absent: &'static str,
    /// When it is too large.
    pub large: &'static str,
}

/// The text of a file, of at most 64 MiB of UTF-8; why it can't be read goes to `findings` as an error.
pub fn read(path: &Path, hints: Hints, findings: &Findings) -> Option<String> {
    let refuse = |message: String, hint: &str| {
        findings.add(Diagnostic {
            severity: Severity::Error,
            file: path.display().to_string().into(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            hint: Some(hint.to_owned()),
        });
        None
    };
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)) {
        Err(error) => return refuse(format!("can't be read: {error}"), hints.absent),
        Ok(length) if length as u64 > MAX_FILE => {
            return refuse(format!("is larger than {MAX_FILE} bytes"), hints.large);
        }
        Ok(_) => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            refuse(format!("is not UTF-8 text (byte {at})"), "save it as UTF-8")
        }
    }
}
