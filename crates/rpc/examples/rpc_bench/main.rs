//! What `bench/rpc` runs beside Mecha: a load generator, the server behind the proxy, and a loop over the codecs. All are
//! single-threaded and much cheaper than a proxy: frames are built once, of an answer only number, status and length are
//! looked at, and whatever has come leaves by one write.
//!
//! ```text
//! rpc_bench echo  PROTOCOL PORT
//! rpc_bench load  PROTOCOL PORT CONNECTIONS IN_FLIGHT SECONDS
//! rpc_bench codec
//! ```

#![allow(
    clippy::indexing_slicing,
    reason = "a tool for benchmarks: bytes of frames are looked at where the protocol puts them, after their number was checked"
)]

mod codec;
mod echo;
mod frames;
mod http1;
mod load;

use std::process::ExitCode;
use std::time::Duration;

use mecha_codec::rpc::Protocol;

use frames::{Frames, Wire};

const HTTP1: &str = "h1";
const USAGE: &str = "rpc_bench echo PROTOCOL PORT | load PROTOCOL PORT CONNECTIONS IN_FLIGHT SECONDS | codec (PROTOCOL: h1, with 1 IN_FLIGHT; bolt, boltv2, dubbo)";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("rpc_bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["echo", protocol, port] => on_one_thread(echo::serve(frames(protocol)?, number(port)?)),
        ["load", protocol, port, connections, in_flight, seconds] => {
            let load = load::Load {
                port: number(port)?,
                connections: number(connections)?,
                in_flight: number(in_flight)?,
                length: Duration::from_secs(number(seconds)?),
            };
            if *protocol == HTTP1 && load.in_flight > 1 {
                return Err("HTTP/1 has one request in flight on a connection".to_owned());
            }
            on_one_thread(load::run(frames(protocol)?, load))
        }
        ["codec"] => codec::run(),
        _ => Err(format!("usage: {USAGE}")),
    }
}

fn frames(protocol: &str) -> Result<Frames, String> {
    if protocol == HTTP1 {
        return Frames::of(Wire::Http1);
    }
    let spoken = [Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo];
    let found = spoken.into_iter().find(|known| known.name() == protocol);
    let found = found.ok_or_else(|| format!("no protocol {protocol}; usage: {USAGE}"))?;
    Frames::of(Wire::Rpc(found))
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text} is not a number in range; usage: {USAGE}"))
}

fn on_one_thread(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}
