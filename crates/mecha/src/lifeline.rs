//! How a child notices that its parent is gone: standard input is a pipe that only the parent holds open, so its end
//! is the parent's end, however it came. The quickstart starts its processes so.

use std::io;

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
