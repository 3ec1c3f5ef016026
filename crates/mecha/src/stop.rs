//! `mecha stop`: reads the pid file that the configuration names, sends SIGINT, waits up to ten seconds
//! (MOSN reference 5.1).

use std::fs;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::cli::ConfigArgs;
use crate::failure::Failure;

/// How long the process may take to end, in seconds.
const PATIENCE: i64 = 10;

/// Ends the process. Fails when there is none, or when it does not end in time.
pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let file = pid_file(&args.config)?;
    let pid = read_pid(&file)?;
    let process = open(pid, &file)?;
    check_is_mecha(pid, &file)?;
    rustix::process::pidfd_send_signal(&process, Signal::INT)
        .map_err(|error| Failure::new(format!("can't send SIGINT to process {}: {error}", raw(pid))))?;
    wait(&process, pid)?;
    writeln!(std::io::stdout(), "stopped process {}", raw(pid))?;
    Ok(ExitCode::SUCCESS)
}

/// The pid file that the configuration at `config` names.
fn pid_file(config: &Path) -> Result<PathBuf, Failure> {
    let shown = config.display();
    let Some(model) = mecha_config_mosn::load(config).config else {
        return Err(Failure::new(format!("can't read {shown}; `mecha validate -c {shown}` says why")));
    };
    model.server.pid_file.ok_or_else(|| {
        Failure::new(format!("{shown} names no pid file; add \"pid\": \"PATH\" and start Mecha again"))
    })
}

/// The process id in `file`.
fn read_pid(file: &Path) -> Result<Pid, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::new(format!("can't read the pid file {}: {error}; is Mecha running?", file.display()))
    })?;
    text.trim().parse().ok().filter(|number| *number > 0).and_then(Pid::from_raw).ok_or_else(|| {
        Failure::new(format!("the pid file {} holds no process id: {:?}", file.display(), text.trim()))
    })
}

/// A handle on the process, so that what follows can't meet another one that got the same number.
fn open(pid: Pid, file: &Path) -> Result<OwnedFd, Failure> {
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|error| {
        let text = match error {
            rustix::io::Errno::SRCH => {
                format!("process {} is gone; the pid file {} is a leftover", raw(pid), file.display())
            }
            error => format!("can't reach process {}: {error}", raw(pid)),
        };
        Failure::new(text)
    })
}

/// Refuses when the number belongs to something else by now.
fn check_is_mecha(pid: Pid, file: &Path) -> Result<(), Failure> {
    let command = fs::read(format!("/proc/{}/cmdline", raw(pid))).unwrap_or_default();
    if command.split(|&byte| byte == 0).any(|word| word == b"start") {
        return Ok(());
    }
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    let text = format!(
        "process {} is not Mecha but `{}`; the pid file {} is a leftover, remove it",
        raw(pid),
        command.trim(),
        file.display()
    );
    Err(Failure::new(text))
}

/// Returns once the process has ended.
fn wait(process: &OwnedFd, pid: Pid) -> Result<(), Failure> {
    let mut ended = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
    match rustix::event::poll(&mut ended, Some(&Timespec { tv_sec: PATIENCE, tv_nsec: 0 })) {
        Ok(0) => Err(Failure::new(format!("process {} still runs {PATIENCE} s after SIGINT", raw(pid)))),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(format!("can't wait for process {}: {error}", raw(pid)))),
    }
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}
