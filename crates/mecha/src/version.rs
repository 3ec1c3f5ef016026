//! `mecha version`, and the version that the rest of the program shows.

use std::io::Write as _;
use std::process::ExitCode;

use crate::failure::Failure;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints what `mecha --version` prints.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    writeln!(std::io::stdout(), "mecha {VERSION}")?;
    Ok(ExitCode::SUCCESS)
}
