//! What the kernel says of this process, read from /proc when metrics are read. Names are those that the Prometheus
//! client libraries agreed on (`process_resident_memory_bytes`), so common dashboards find them.

use std::fs;

/// Clock ticks per second in /proc: `USER_HZ`, 100 on every architecture that Rust's standard library supports on
/// Linux (proc_pid_stat(5)).
const TICKS: u64 = 100;

/// One reading. A value is missing where the kernel does not tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// Processor time in hundredths of a second, user and system, all threads.
    pub(crate) cpu_ticks: Option<u64>,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) virtual_bytes: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) open_fds: Option<u64>,
    pub(crate) max_fds: Option<u64>,
}

impl Process {
    /// Reads the running process; everything is missing where there is no /proc.
    pub(crate) fn read() -> Self {
        let text = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let mut process = Self::parse(&text("stat"), &text("status"), &text("limits"));
        // Listing the directory opens one descriptor more.
        process.open_fds =
            fs::read_dir("/proc/self/fd").ok().map(|dir| (dir.count() as u64).saturating_sub(1));
        process
    }

    /// Processor time in seconds with two decimals.
    pub(crate) fn cpu_seconds(&self) -> Option<String> {
        self.cpu_ticks.map(|ticks| format!("{}.{:02}", ticks / TICKS, ticks % TICKS))
    }

    fn parse(stat: &str, status: &str, limits: &str) -> Self {
        Self {
            cpu_ticks: cpu_ticks(stat),
            resident_bytes: number_after(status, "VmRSS:").map(|kib| kib.saturating_mul(1024)),
            virtual_bytes: number_after(status, "VmSize:").map(|kib| kib.saturating_mul(1024)),
            threads: number_after(status, "Threads:"),
            open_fds: None,
            max_fds: number_after(limits, "Max open files"),
        }
    }
}

/// Fields 14 and 15 (utime, stime), counted after the command name, which may itself hold spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse);
    let (user, system): (u64, u64) = (times.next()?.ok()?, times.next()?.ok()?);
    user.checked_add(system)
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_files() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 9 0 0 0 130 75 0 0 20 0 3 0 5 1 2";
        let status = "Name:\tmecha\nVmSize:\t  8192 kB\nVmRSS:\t  1024 kB\nThreads:\t3\n";
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024    4096    files\n";
        let process = Process::parse(stat, status, limits);
        assert_eq!(process.cpu_seconds().as_deref(), Some("2.05"));
        assert_eq!((process.resident_bytes, process.virtual_bytes), (Some(1 << 20), Some(8 << 20)));
        assert_eq!((process.threads, process.max_fds), (Some(3), Some(1024)));
    }

    #[test]
    fn an_unlimited_or_missing_value_is_left_out() {
        let process = Process::parse("", "", "Max open files            unlimited    unlimited    files\n");
        assert_eq!(process, Process::default());
    }
}
