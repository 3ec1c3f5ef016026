//! `mecha reload`. MOSN has the command and it does nothing there; scripts that call it must not fail here.

use std::io::Write as _;
use std::process::ExitCode;

use crate::failure::Failure;

/// Says that nothing happens, and what to do instead.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let text =
        "reload does nothing, as in MOSN; to run a changed configuration: mecha stop, then mecha start";
    writeln!(std::io::stderr(), "mecha: {text}")?;
    Ok(ExitCode::SUCCESS)
}
