//! What is logged, for tests that read it.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log of this thread. One subscriber serves all tests: those of single threads that come and go disturb each
/// other, since what a place in the code logs is decided for all threads at once.
pub(crate) struct Log;

/// Writes to the log of the thread that logs.
struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn capture() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_writer(|| Writer)
                .without_time()
                .with_target(false)
                .with_ansi(false)
                .init();
        });
        WRITTEN.take();
        Log
    }

    /// The lines since the last call: level and message.
    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8(WRITTEN.take()).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}
