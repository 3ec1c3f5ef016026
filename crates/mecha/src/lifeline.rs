//! How a child notices that its parent is gone: standard input is a pipe that only the parent holds open, so its end
//! is the parent's end, however it came. The quickstart starts its processes so.

use std::ffi::OsString;
use std::io;

/// The flag that asks for it, of commands that are no business of `clap`; `start` has it among its own.
const FLAG: &str = "--exit-with-parent";

/// Takes the flag off the front of the arguments; whether it was there.
pub(crate) fn take(args: Vec<OsString>) -> (Vec<OsString>, bool) {
    match args.split_first() {
        Some((first, rest)) if first == FLAG => (rest.to_vec(), true),
        _ => (args, false),
    }
}

/// Ends this process as Ctrl-C would once standard input is at its end. Fails when no thread can be started.
pub(crate) fn tie() -> io::Result<()> {
    watch(|| {
        // Sending a signal to oneself has no way to fail.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
    })
}

/// Calls `ended` from a thread of its own when standard input is at its end. What comes before is thrown away.
/// Fails when no thread can be started.
pub(crate) fn watch(ended: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let wait = move || {
        // An error ends the pipe as well as its end does.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        ended();
    };
    std::thread::Builder::new().name("lifeline".to_owned()).spawn(wait).map(drop)
}
