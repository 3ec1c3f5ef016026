//! `mecha quickstart`: Mecha and two demo services as processes of their own, traffic over every path, a table of
//! what happened, and where to look next. What is shown is real: the same binary, a configuration that can be read
//! and run again, clients that share no code with the proxy.

mod child;
mod client;
mod configuration;
mod guide;
mod metrics;
mod ports;
mod resources;
mod scenario;
pub(crate) mod service;
mod signals;
mod stand;
mod table;
mod traffic;

use std::io::{self, Write as _};
use std::process::ExitCode;

use self::scenario::Scenario;
use self::signals::Signals;
use self::stand::Stand;
use self::table::Row;
use crate::cli::QuickstartArgs;
use crate::failure::Failure;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// How the show ended.
enum Ended {
    /// `--once`: after the table; whether every row succeeded.
    Shown(bool),
    /// By a signal: before the table, or while it kept serving.
    Told { shown: bool },
}

/// Blocks until the table is shown (`--once`) or a signal comes. Fails when a process can't start or dies.
pub(crate) fn run(args: &QuickstartArgs) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(open_and_play(args.once))? {
        Ended::Shown(true) | Ended::Told { shown: true } => Ok(ExitCode::SUCCESS),
        Ended::Shown(false) => Ok(ExitCode::FAILURE),
        Ended::Told { shown: false } => Ok(ExitCode::from(INTERRUPTED)),
    }
}

async fn open_and_play(once: bool) -> Result<Ended, Failure> {
    let mut signals = Signals::listen()?;
    let mut stand = Stand::open()?;
    let ended = play(&mut stand, &mut signals, once).await;
    stand.stop().await;
    match &ended {
        Ok(Ended::Shown(true) | Ended::Told { .. }) => stand.remove()?,
        // What is left tells why it failed.
        Ok(Ended::Shown(false)) | Err(_) => {
            writeln!(io::stderr(), "The configuration and the logs are in {}", stand.folder().display())?;
        }
    }
    ended
}

/// The whole show: start, traffic, table, and then serving for as long as wanted.
async fn play(stand: &mut Stand, signals: &mut Signals, once: bool) -> Result<Ended, Failure> {
    tokio::select! {
        started = stand.start() => started?,
        () = signals.any() => return Ok(Ended::Told { shown: false }),
    }
    writeln!(io::stdout(), "{}", guide::introduction(stand))?;
    let rows = tokio::select! {
        rows = traffic(stand) => rows,
        () = signals.any() => return Ok(Ended::Told { shown: false }),
    };
    writeln!(io::stdout(), "{}", table::render(&rows))?;
    let passed = rows.iter().all(Row::passed);
    if let Some(failure) = stand.dead() {
        return Err(failure);
    }
    if once {
        writeln!(io::stdout(), "{}", guide::verdict(&rows))?;
        return Ok(Ended::Shown(passed));
    }
    writeln!(io::stdout(), "{}\n\n{}", guide::verdict(&rows), guide::next_steps(stand))?;
    tokio::select! {
        failure = stand.watch() => Err(failure),
        () = signals.any() => Ok(Ended::Told { shown: true }),
    }
}

/// Every path, one after the other so that they don't slow one another.
async fn traffic(stand: &Stand) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in Scenario::all(stand.ports()) {
        rows.push(traffic::row(&scenario, stand.ports()).await);
    }
    rows
}
