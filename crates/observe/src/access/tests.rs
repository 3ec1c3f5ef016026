//! Golden lines for every variable, hostile values, and what becomes of records when the disk or the reader fails.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use jiff::tz::TimeZone;
use mecha_base::ResponseFlags;
use mecha_config::Traffic;
use mecha_config::access_log::DEFAULT_FORMAT;
use mecha_config::server::{LogTarget, Roller};
use mecha_http::Method;
use mecha_net::Address;
use mecha_proxy::access::{AccessOrigin, Called};

use super::*;
use crate::testing::Folder;

const SOON: Duration = Duration::from_secs(30);

fn tcp(address: &str) -> Option<Address> {
    Some(Address::Tcp(address.parse().unwrap()))
}

fn origin() -> Arc<AccessOrigin> {
    Arc::new(AccessOrigin { listener: "serverListener".into(), port: 2046, traffic: Some(Traffic::Ingress) })
}

fn request() -> AccessRecord {
    AccessRecord {
        origin: origin(),
        start: UNIX_EPOCH + Duration::from_millis(1_136_214_245_007),
        request_received: Some(Duration::from_micros(15)),
        response_received: Some(Duration::from_micros(1_250)),
        duration: Duration::from_nanos(1_312_500),
        process_time: Duration::from_micros(62),
        bytes_sent: 128,
        bytes_received: 7,
        protocol: "Http1",
        response_code: 200,
        flags: ResponseFlags::NONE,
        connection_id: 3,
        upstream_connection_id: 5,
        downstream_local: tcp("127.0.0.1:2046"),
        downstream_remote: tcp("127.0.0.1:50412"),
        upstream_local: tcp("127.0.0.1:41022"),
        upstream_host: Some("127.0.0.1:8080".into()),
        upstream_cluster: Some("serverCluster".into()),
        upstream_failure: "",
        retries: 1,
        method: Some(Method::GET),
        authority: "shop.example".into(),
        target: "/a%20b/c?x=1%2B1&y=a+b&z".into(),
        called: None,
        captured: Vec::new(),
    }
}

fn connection() -> AccessRecord {
    AccessRecord {
        origin: Arc::new(AccessOrigin { listener: "tcp".into(), port: 0, traffic: None }),
        request_received: None,
        response_received: None,
        protocol: "TCP",
        response_code: 0,
        flags: ResponseFlags::UPSTREAM_CONNECTION_FAILURE | ResponseFlags::NO_ROUTE,
        upstream_connection_id: 0,
        downstream_remote: Some(Address::Unix(None)),
        upstream_local: None,
        upstream_host: None,
        upstream_cluster: None,
        upstream_failure: "connection refused",
        retries: 0,
        method: None,
        authority: "".into(),
        target: "".into(),
        ..request()
    }
}

/// The line of a record whose captured headers are those of `headers` that the format asks for.
fn line(format: &str, mut record: AccessRecord, headers: &[(&str, &'static [u8])]) -> String {
    let format = Format::parse(format).unwrap();
    let value = |name: &String| {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| Bytes::from_static(value))
    };
    let captures = format.captures();
    if !captures.called {
        record.called = None;
    }
    if !captures.target {
        // Not carried unless asked for.
        (record.authority, record.target) = ("".into(), "".into());
    }
    record.captured = captures.request.iter().chain(&captures.response).map(value).collect();
    let mut out = String::new();
    format.render(&record, &mut Stamps::new(&TimeZone::UTC).access, &mut out);
    out
}

#[test]
fn the_default_line_is_mosns() {
    let trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(
        line(DEFAULT_FORMAT, request(), &[("traceparent", trace)]),
        "2006/01/02 15:04:05.007 4bf92f3577b34da6a3ce929d0e0e4736  3 5 15\u{b5}s 1.25ms 128 7 Http1 200 1.3125ms \
         false 200 127.0.0.1:41022 127.0.0.1:2046 127.0.0.1:50412 127.0.0.1:8080"
    );
    assert_eq!(
        line(DEFAULT_FORMAT, connection(), &[]),
        "2006/01/02 15:04:05.007 -  3 - - - 128 7 TCP 0 1.3125ms true 0 - 127.0.0.1:2046 @ -"
    );
}

#[test]
fn every_variable_has_its_value() {
    let headers: [(&str, &[u8]); 5] = [
        ("user-agent", b"curl/8"),
        ("cookie", b"a=1; session=x=y ; b"),
        ("content-type", b"text/plain"),
        ("sofa-traceid", b"0a0fe8ec"),
        ("empty", b""),
    ];
    let cases = [
        ("start_time", "2006/01/02 15:04:05.007", "2006/01/02 15:04:05.007"),
        ("trace_id", "0a0fe8ec", "0a0fe8ec"),
        ("connection_id", "3", "3"),
        ("upstream_connection_id", "5", "-"),
        ("request_received_duration", "15\u{b5}s", "-"),
        ("response_received_duration", "1.25ms", "-"),
        ("request_finished_duration", "1.3125ms", "1.3125ms"),
        ("process_time_duration", "62\u{b5}s", "62\u{b5}s"),
        ("duration", "1.3125ms", "1.3125ms"),
        ("bytes_sent", "128", "128"),
        ("bytes_received", "7", "7"),
        ("protocol", "Http1", "TCP"),
        ("response_code", "200", "0"),
        ("response_flag", "false", "true"),
        ("response_flags", "-", "UF,NR"),
        ("upstream_local_address", "127.0.0.1:41022", "-"),
        ("upstream_host", "127.0.0.1:8080", "-"),
        ("upstream_cluster", "serverCluster", "-"),
        ("upstream_transport_failure_reason", "-", "connection refused"),
        ("upstream_index", "-", "-"),
        ("downstream_local_address", "127.0.0.1:2046", "127.0.0.1:2046"),
        ("downstream_remote_address", "127.0.0.1:50412", "@"),
        ("listener_name", "serverListener", "tcp"),
        ("listener_port", "2046", "-"),
        ("listener_type", "ingress", "-"),
        ("retry_count", "1", "0"),
        ("stream_id", "-", "-"),
        ("x-mosn-host", "shop.example", "-"),
        ("authority", "shop.example", "-"),
        ("x-mosn-path", "/a b/c", "-"),
        ("x-mosn-path-original", "/a%20b/c", "-"),
        ("x-mosn-method", "GET", "-"),
        ("x-mosn-querystring", "x=1%2B1&y=a+b&z", "-"),
        ("x-mosn-status", "200", "0"),
        ("x-mosn-scheme", "http", "-"),
        ("x-mosn-direction", "ingress", "-"),
        ("request_header_User-Agent", "curl/8", "curl/8"),
        ("request_header_empty", "-", "-"),
        ("request_header_absent", "-", "-"),
        ("response_header_content-type", "text/plain", "text/plain"),
        ("Http1_request_scheme", "http", "-"),
        ("Http1_request_method", "GET", "-"),
        ("Http1_request_length", "7", "-"),
        ("Http1_request_uri", "/a%20b/c?x=1%2B1&y=a+b&z", "-"),
        ("Http1_request_path", "/a b/c", "-"),
        ("Http1_request_path_original", "/a%20b/c", "-"),
        ("Http1_request_arg", "x=1%2B1&y=a+b&z", "-"),
        ("Http1_request_header_user-agent", "curl/8", "-"),
        ("Http1_request_arg_x", "1+1", "-"),
        ("Http1_request_arg_y", "a b", "-"),
        ("Http1_request_arg_z", "-", "-"),
        ("Http1_request_arg_none", "-", "-"),
        ("Http1_cookie_session", "x=y", "-"),
        ("Http1_cookie_sess", "-", "-"),
        ("Http2_request_path", "-", "-"),
        ("Dubbo_service", "-", "-"),
        ("no_such_thing", "-", "-"),
    ];
    for (name, of_request, of_connection) in cases {
        let format = format!("[%{name}%]");
        assert_eq!(line(&format, request(), &headers), format!("[{of_request}]"), "{name}");
        assert_eq!(line(&format, connection(), &headers), format!("[{of_connection}]"), "{name}");
    }
}

#[test]
fn protocol_variables_belong_to_their_protocol() {
    let record = AccessRecord { protocol: "Http2", ..request() };
    let format = "%Http1_request_method% %Http2_request_method% %Http1_cookie_a% %Http2_cookie_a%";
    assert_eq!(line(format, record, &[("cookie", b"a=1")]), "- GET - 1");
}

#[test]
fn a_call_has_a_service_and_a_method() {
    let called = |service: &'static str, method: &'static str| {
        Some(Called {
            service: Bytes::from_static(service.as_bytes()),
            method: Bytes::from_static(method.as_bytes()),
        })
    };
    let format = "%protocol% %rpc_service% %rpc_method% %Dubbo_service% %Dubbo_method% %dubbo_request_header_trace-id%";
    let headers: [(&str, &[u8]); 1] = [("trace-id", b"7")];
    let dubbo = AccessRecord { protocol: "dubbo", called: called("shop.Orders", "list"), ..request() };
    assert_eq!(line(format, dubbo, &headers), "dubbo shop.Orders list shop.Orders list 7");
    let bolt = AccessRecord { protocol: "bolt", called: called("shop.\n\"Orders", ""), ..request() };
    assert_eq!(line(format, bolt, &headers), "bolt shop.\\x0A\\x22Orders - - - -");
    assert_eq!(line(format, request(), &headers), "Http1 - - - - -");
}

#[test]
fn no_header_can_forge_a_line() {
    let record = AccessRecord { target: "/%0d%0a2006/01/02%20forged".into(), ..request() };
    let headers: [(&str, &[u8]); 2] =
        [("user-agent", b"a\"\r\n2006/01/02 \xff"), ("set-cookie", "\u{85}\x1b[2J".as_bytes())];
    let format = "\"%request_header_user-agent%\" \"%response_header_set-cookie%\" %x-mosn-path% 100\\%";
    assert_eq!(
        line(format, record, &headers),
        "\"a\\x22\\x0D\\x0A2006/01/02 \\xFF\" \"\\xC2\\x85\\x1B[2J\" /\\x0D\\x0A2006/01/02 forged 100%"
    );
}

struct Bench {
    logs: Logs,
    registry: Arc<Registry>,
}

impl Bench {
    fn new() -> Self {
        let registry = Registry::new(1);
        Bench { logs: Logs::in_zone(registry.clone(), Roller::default(), TimeZone::UTC), registry }
    }

    fn open(&self, path: &Path, format: &str) -> Arc<dyn AccessSink> {
        let target = LogTarget::File(path.to_owned());
        AccessLog::open(&mecha_config::AccessLog { target, format: format.to_owned() }, &self.logs).unwrap()
    }

    /// Lines written, lines lost.
    fn counts(&self) -> (u64, u64) {
        let get = |stat| self.registry.server().get(stat);
        (get(ServerStat::AccessLogWritten), get(ServerStat::AccessLogDropped))
    }
}

#[test]
fn what_is_queued_is_written_at_the_end() {
    let (folder, bench) = (Folder::new(), Bench::new());
    let path = folder.join("logs/access.log");
    let (one, two) = (bench.open(&path, "one %response_code%"), bench.open(&path, "two"));
    let (mut first, mut second) = (one.open(0), two.open(0));
    for _ in 0..200 {
        first.push(request());
    }
    second.push(request());
    second.flush();
    drop((first, second));
    assert!(bench.logs.shutdown(SOON).is_empty());
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().filter(|line| *line == "one 200").count(), 200);
    assert_eq!(text.lines().filter(|line| *line == "two").count(), 1);
    assert_eq!(bench.counts(), (201, 0));
}

#[test]
fn a_disabled_log_takes_no_records_and_loses_none() {
    let (folder, bench) = (Folder::new(), Bench::new());
    let path = folder.join("access.log");
    let sink = bench.open(&path, "%response_code%");
    let mut queue = sink.open(0);
    bench.logs.set_enabled(path.to_str().unwrap(), false).unwrap();
    queue.push(request());
    bench.logs.set_enabled(path.to_str().unwrap(), true).unwrap();
    queue.push(connection());
    drop(queue);
    assert!(bench.logs.shutdown(SOON).is_empty());
    assert_eq!(fs::read_to_string(path).unwrap(), "0\n");
    assert_eq!(bench.counts(), (1, 0));
}

#[test]
fn a_full_disk_is_counted() {
    let bench = Bench::new();
    let mut queue = bench.open(Path::new("/dev/full"), "%response_code%").open(0);
    for _ in 0..300 {
        queue.push(request());
    }
    drop(queue);
    assert!(bench.logs.shutdown(SOON).is_empty());
    assert_eq!(bench.counts(), (0, 300));
}

/// A pipe nobody reads blocks the writer; a worker goes on, keeps what it may keep, and counts the rest.
#[test]
fn a_blocked_writer_costs_lines_not_time() {
    let (folder, bench) = (Folder::new(), Bench::new());
    let path = folder.join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let sink = bench.open(&path, &format!("%response_code% {}", "x".repeat(1000)));
    let mut queue = sink.open(0);
    const PUSHED: u64 = 60_000;
    for _ in 0..PUSHED {
        queue.push(request());
    }
    let (_, dropped) = bench.counts();
    // The writer's queue of 256 batches, 4096 with the worker, and the batch that the writer is stuck in.
    assert!(dropped > PUSHED - 258 * 128 - 4096 - 128 && dropped < PUSHED, "{dropped}");

    // When the reader wakes up, nothing that was taken is lost.
    let end = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let (mut lines, wanted) = (0, PUSHED - dropped);
        while lines < wanted {
            let count = std::io::Read::read(&mut reader, &mut buffer).unwrap();
            lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    });
    let written = || bench.counts().0;
    while written() < PUSHED - dropped {
        queue.flush();
        std::thread::yield_now();
    }
    end.join().unwrap();
    drop(queue);
    assert!(bench.logs.shutdown(SOON).is_empty());
    assert_eq!(bench.counts(), (PUSHED - dropped, dropped));
}

#[test]
fn a_bad_format_is_refused() {
    let config = mecha_config::AccessLog { target: LogTarget::Stdout, format: "%a".into() };
    let error = AccessLog::open(&config, &Bench::new().logs).err().unwrap();
    let text = "cannot use the format of the access log stdout: the \"%\" at byte 0 is not closed";
    assert!(error.to_string().starts_with(text), "{error}");
}
