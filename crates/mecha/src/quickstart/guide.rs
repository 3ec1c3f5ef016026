//! The quickstart's words: what was started, how it went, and where to look next.

use super::child::Child;
use super::configuration::WEIGHTS;
use super::resources::{PUBSUB, SECRET, SECRET_STORE, STORE, TOPIC};
use super::stand::Stand;
use super::table::Row;

/// What runs, and how long Mecha took to start.
pub(super) fn introduction(stand: &Stand) -> String {
    let ports = stand.ports();
    let [first, second] = ports.services;
    let [near, far] = ports.runtimes;
    let addresses = [
        first.to_string(),
        second.to_string(),
        format!(
            "{} and five ports more, admin {}; runtime of service-a: {}",
            ports.client, ports.admin, near.http
        ),
        format!("runtime of service-b: {}", far.http),
    ];
    let mut out = String::new();
    for (child, address) in stand.children().iter().zip(addresses) {
        out += &format!("  {:<10} process {:<8} {address}\n", child.name(), child.pid());
    }
    let ready = stand.mecha_start().as_secs_f64() * 1e3;
    out += &format!("Mecha listened on all its ports {ready:.0} ms after its process was started.\n");
    if cfg!(debug_assertions) {
        out += "This is an unoptimised build: the times below are no measure of Mecha.\n";
    }
    out
}

/// How many paths passed.
pub(super) fn verdict(rows: &[Row]) -> String {
    let passed = rows.iter().filter(|row| row.passed()).count();
    format!("{passed} of {} paths succeeded.", rows.len())
}

/// Commands to paste while it keeps serving.
pub(super) fn next_steps(stand: &Stand) -> String {
    let mut out = "It keeps serving until Ctrl-C. Where to look next:\n".to_owned();
    for (command, what) in commands(stand) {
        out += &format!("  {command}\n      {what}\n");
    }
    let log = stand.children().get(2).map_or(stand.folder(), Child::log);
    out += &format!("Mecha's own log: {}", log.display());
    out
}

/// What to type, and what that shows.
fn commands(stand: &Stand) -> Vec<(String, String)> {
    let ports = stand.ports();
    let (client, admin, auto) = (ports.client, ports.admin, ports.auto);
    let [heavy, light] = WEIGHTS;
    let url = format!("http://{client}/weighted");
    let explain = format!("http://{admin}/api/v1/explain?method=GET&url={url}");
    [
        (format!("curl -i http://{client}/"), "through both listeners to service-a"),
        (format!("curl {url}"), &format!("service-a or service-b, {heavy} : {light}")),
        (format!("curl --http2-prior-knowledge http://{auto}/"), "HTTP/2 on the port that detects it"),
        (format!("curl '{explain}'"), "why a request goes where it goes"),
        (format!("curl http://{admin}/metrics"), "Prometheus metrics"),
        (format!("curl http://{admin}/"), "everything the admin API answers"),
        (format!("tail -f {}", stand.access_log().display()), "a line per request of the first listener"),
        (format!("less {}", stand.config().display()), "the configuration that runs; edit a copy, then"),
        (
            "mecha validate -c COPY".to_owned(),
            "everything that is wrong with it, before `mecha start -c COPY`",
        ),
    ]
    .map(|(command, what)| (command, what.to_owned()))
    .into_iter()
    .chain(building_blocks(stand))
    .collect()
}

/// The same for the runtime beside `service-a`.
fn building_blocks(stand: &Stand) -> Vec<(String, String)> {
    let [near, _] = stand.ports().runtimes;
    let api = format!("http://{}/v1.0", near.http);
    let json = "-H 'content-type: application/json'";
    let (secret, _) = SECRET;
    [
        (
            format!("curl -i {api}/state/{STORE} {json} -d '[{{\"key\": \"k\", \"value\": 1}}]'"),
            "keep a value; it is on disk once the answer is there",
        ),
        (format!("curl -i {api}/state/{STORE}/k"), "the value, with its etag"),
        (
            format!("curl -i {api}/publish/{PUBSUB}/{TOPIC} {json} -d '\"an order\"'"),
            "a message; service-a gets it as a POST to /orders",
        ),
        (format!("curl {api}/invoke/service-b/method/hello"), "the other application, through both runtimes"),
        (format!("curl {api}/secrets/{SECRET_STORE}/{secret}"), "a secret"),
        (format!("curl {api}/metadata"), "what the runtime has loaded"),
        (format!("ls {}", stand.resources().display()), "the files that say so"),
    ]
    .map(|(command, what)| (command, what.to_owned()))
    .into()
}
