//! What the front end has to say, gathered while it reads. Shared by every document of one load, hence the
//! cell; bounded, so that a hopeless file does not fill the screen or the memory.

use std::cell::RefCell;

use mecha_config::{Diagnostic, Diagnostics, Severity};

/// Most findings that are kept word for word.
const LIMIT: usize = 1_000;

/// All findings of one load.
#[derive(Default)]
pub struct Findings {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    kept: Vec<Diagnostic>,
    errors_left_out: usize,
    warnings_left_out: usize,
}

impl Findings {
    /// Adds one.
    pub fn add(&self, found: Diagnostic) {
        let mut inner = self.inner.borrow_mut();
        match found.severity {
            _ if inner.kept.len() < LIMIT => inner.kept.push(found),
            Severity::Error => inner.errors_left_out += 1,
            Severity::Warning => inner.warnings_left_out += 1,
        }
    }

    /// How many findings there are: what [`Findings::soften`] counts from.
    pub fn mark(&self) -> usize {
        self.inner.borrow().kept.len()
    }

    /// Turns the errors since `mark` into warnings that begin with `prefix`; whether there were any. For a part that
    /// is left out when it is wrong, while the rest still runs.
    pub fn soften(&self, mark: usize, prefix: &str) -> bool {
        let mut softened = false;
        for found in self.inner.borrow_mut().kept.iter_mut().skip(mark) {
            if found.severity == Severity::Error {
                found.severity = Severity::Warning;
                found.message = format!("{prefix}{}", found.message);
                softened = true;
            }
        }
        softened
    }

    /// Whether there was an error since `mark`.
    pub fn failed(&self, mark: usize) -> bool {
        self.inner.borrow().kept.iter().skip(mark).any(|found| found.severity == Severity::Error)
    }

    /// Everything, file by file from top to bottom; one more line tells what was left out.
    pub fn finish(self) -> Diagnostics {
        let Inner { mut kept, errors_left_out, warnings_left_out } = self.inner.into_inner();
        kept.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        // A value that two parts look at is wrong only once.
        kept.dedup();
        if errors_left_out + warnings_left_out > 0 {
            let severity = if errors_left_out > 0 { Severity::Error } else { Severity::Warning };
            let message = format!("{errors_left_out} more errors and {warnings_left_out} more warnings");
            let hint = Some("mend the ones above first".to_owned());
            let (file, key) = ("".into(), String::new());
            kept.push(Diagnostic { severity, file, line: 0, column: 0, key, message, hint });
        }
        Diagnostics(kept)
    }
}
