//! The real binary, as a shell sees it: exit statuses, start and stop, and a quickstart that keeps serving.

#![expect(clippy::unwrap_used, reason = "clippy.toml lets test functions panic; these are their helpers")]

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a read of a socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

fn mecha(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mecha"));
    command.args(args).env_remove("MOSN_CONFIG").env_remove("MECHA_WORKERS").env_remove("LOG_LEVEL");
    command
}

fn ran(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = mecha(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A running `mecha`, ended with the test.
struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn new(args: &[&str]) -> Self {
        let mut process = mecha(args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Running { process, lines }
    }

    /// Reads its output up to a line with this word, and returns that line.
    fn until(&mut self, word: &str) -> String {
        self.lines.by_ref().map(Result::unwrap).find(|line| line.contains(word)).unwrap()
    }

    fn end_with(&mut self, signal: Signal) -> i32 {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        self.process.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn get(authority: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A folder with a configuration of one listener that answers by itself.
struct Configured {
    folder: PathBuf,
    file: String,
}

impl Configured {
    fn new(name: &str, address: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("mecha-cli-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("mosn_config.json");
        let config = format!(
            r#"{{ "servers": [{{
                "default_log_path": "stdout",
                "routers": [{{ "router_config_name": "r", "virtual_hosts": [{{ "name": "v", "domains": ["*"], "routers": [
                    {{ "match": {{ "prefix": "/" }}, "direct_response": {{ "status": 200, "body": "here" }} }} ] }}] }}],
                "listeners": [{{ "name": "in", "address": "{address}", "bind_port": true, "filter_chains": [{{ "filters": [
                    {{ "type": "proxy", "config": {{ "downstream_protocol": "Http1", "router_config_name": "r" }} }} ] }}] }}]
            }}], "pid": {:?} }}"#,
            folder.join("pid")
        );
        fs::write(&file, config).unwrap();
        Configured { file: file.display().to_string(), folder }
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn statuses_tell_what_happened() {
    assert_eq!(ran(&["version"]).0, 0);
    assert_eq!(ran(&["version"]).1, ran(&["--version"]).1);
    assert_eq!(ran(&["reload"]).0, 0);
    assert_ne!(ran(&["start", "--no-such-flag"]).0, 0);
    let (status, _, errors) = ran(&["start", "-config", "/nonexistent.json"]);
    assert_eq!(status, 1);
    assert!(errors.contains("/nonexistent.json"), "{errors}");
}

#[test]
fn start_serves_until_stop() {
    let address = free_address();
    let configured = Configured::new("stop", &address);
    let args = ["start", "-config", &configured.file, "-concurrency", "1", "-sm", "a=b", "-l", "info"];
    let mut running = Running::new(&args);
    running.until("running with 1 worker");
    assert!(get(&address, "/").ends_with("here"));
    let (status, said, errors) = ran(&["stop", "-c", &configured.file]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(said.contains(&running.process.id().to_string()), "{said}");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
    let (status, _, errors) = ran(&["stop", "-c", &configured.file]);
    assert_eq!(status, 1, "nothing is left to stop");
    assert!(errors.contains("pid file"), "{errors}");
}

#[test]
fn a_taken_port_is_a_failed_start_that_says_which() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let configured = Configured::new("taken", &address);
    let (status, _, errors) = ran(&["start", "-c", &configured.file]);
    assert_eq!(status, 1);
    assert!(errors.contains(&address), "{errors}");
}

#[test]
fn a_signal_that_comes_before_the_application_is_there_is_not_lost() {
    let resources = std::env::temp_dir().join(format!("mecha-early-{}", std::process::id()));
    fs::create_dir_all(&resources).unwrap();
    let ports = ["--dapr-http-port=0", "--dapr-grpc-port=0", "--metrics-port=0"];
    for line in ["Starting Dapr Runtime", "HTTP API on", "running with"] {
        let start = ["run", "--app-id", "early", "--resources-path", resources.to_str().unwrap()];
        let mut running = Running::new(&[&start[..], &ports, &["--", "sleep", "60"]].concat());
        running.until(line);
        assert_eq!(running.end_with(Signal::TERM), 143, "after {line:?}");
    }
    fs::remove_dir_all(&resources).unwrap();
}

#[test]
fn a_terminal_that_closes_takes_the_applications_with_it() {
    let folder = std::env::temp_dir().join(format!("mecha-hangup-{}", std::process::id()));
    let resources = folder.join("resources");
    fs::create_dir_all(&resources).unwrap();
    let file = folder.join("run.yaml");
    let script = "echo child $$; exec sleep 60";
    let app =
        format!("{{appID: hangup, appDirPath: ., resourcesPath: resources, command: [sh, -c, '{script}']}}");
    fs::write(&file, format!("version: 1\napps: [{app}]\n")).unwrap();
    let (resources, ports) = (resources.to_str().unwrap(), ["--dapr-http-port=0", "--dapr-grpc-port=0"]);
    let alone = ["run", "--app-id", "hangup", "--metrics-port=0", "--resources-path", resources];
    let alone = [&alone[..], &ports, &["--", "sh", "-c", script]].concat();
    for args in [alone, vec!["run", "-f", file.to_str().unwrap()]] {
        let mut running = Running::new(&args);
        let child = running.until("== child ").rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(running.end_with(Signal::HUP), 129, "{args:?}");
        let child = Pid::from_raw(child).unwrap();
        assert!(rustix::process::test_kill_process(child).is_err(), "{args:?}: it still runs");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_quickstart_serves_on_until_it_is_told_to_end() {
    let mut running = Running::new(&["quickstart"]);
    assert!(running.until("paths succeeded").starts_with("13 of 13 "));
    let url = running.until("curl -i http://");
    let authority = url.trim().trim_start_matches("curl -i http://").trim_end_matches('/').to_owned();
    running.until("Mecha's own log");
    for _ in 0..50 {
        assert!(get(&authority, "/").contains("service-a answered"), "it must go on after its table");
    }
    assert_eq!(running.end_with(Signal::INT), 0);
    assert!(TcpStream::connect(&authority).is_err(), "its processes end with it");
}
