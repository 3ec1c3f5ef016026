//! How flags are read: spellings, values, mistakes, what is taken without effect.

use std::ffi::OsString;

use super::*;
use crate::tests::flags;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(Into::into).collect()
}

fn said(line: &str) -> String {
    Flags::parse(words(line)).unwrap_err().to_string()
}

#[test]
fn one_dash_or_two_and_a_value_beside_or_behind() {
    for line in
        ["--app-id orders --app-port 80", "-app-id=orders -app-port=80", "--app-id=orders -app-port 80"]
    {
        let flags = flags(line);
        assert_eq!((flags.app_id.as_str(), flags.app_port), ("orders", Some(80)), "{line}");
    }
}

#[test]
fn everything_the_reference_always_passes_is_taken() {
    let line = "--log-level=debug --app-id=a --app-protocol=grpc --dapr-grpc-port=1 --dapr-http-port=2 \
        --dapr-internal-grpc-port=3 --dapr-internal-grpc-listen-address=127.0.0.1 \
        --dapr-listen-addresses=127.0.0.1,[::1] --dapr-public-port=4 --dapr-public-listen-address=127.0.0.1 \
        --metrics-port=5 --metrics-listen-address=127.0.0.1 --profile-port=6 --enable-app-health-check=true \
        --app-health-probe-interval=0 --app-health-threshold=1 --mode=standalone --enable-mtls=false \
        --enable-api-logging=true --enable-profiling --app-max-concurrency -1 --app-health-check-path=up \
        --resources-path=x --resources-path=y --config=c1 --config=c2 --placement-host-address= \
        --disable-builtin-k8s-secret-store=false --dapr-graceful-shutdown-seconds=7 \
        --dapr-block-shutdown-duration=2s --actors-disseminate-timeout=3s --hot-reload-reconcile-interval=1s \
        --app-binding-options-timeout=1s --max-body-size=8Mi --read-buffer-size=16Ki --allowed-origins=a,b \
        --disable-init-endpoints=config,subscribe --app-health-probe-timeout=250 --log-as-json=0";
    let flags = flags(line);
    assert_eq!(flags.log_level, LogLevel::Debug);
    assert_eq!(flags.app_protocol, AppProtocol::Grpc);
    assert_eq!((flags.grpc_port, flags.http_port, flags.internal_port), (1, 2, Some(3)));
    assert_eq!(flags.listen_addresses, ["127.0.0.1", "[::1]"]);
    assert_eq!((flags.public_port, flags.metrics_port, flags.profile_port), (Some(4), 5, 6));
    assert_eq!((flags.health_interval, flags.health_threshold), (Duration::from_secs(5), 1));
    assert_eq!(flags.health_timeout, Duration::from_millis(250));
    assert_eq!(flags.app_max_concurrency, None);
    assert_eq!(flags.resources, [PathBuf::from("x"), PathBuf::from("y")]);
    assert_eq!(flags.config, [PathBuf::from("c1"), PathBuf::from("c2")]);
    assert_eq!(flags.graceful_shutdown, Duration::from_secs(7));
    assert_eq!(flags.block_shutdown, Some(Duration::from_secs(2)));
    assert_eq!(flags.reload_interval, Duration::from_secs(1));
    assert_eq!((flags.max_body, flags.max_head), (8 << 20, 16 << 10));
    assert_eq!(flags.allowed_origins, ["a", "b"]);
    assert_eq!((flags.init_config, flags.init_subscribe), (false, false));
    assert_eq!((flags.api_logging, flags.log_as_json), (Some(true), false));
    assert_eq!(
        flags.later(),
        ["--actors-disseminate-timeout 3s", "--app-binding-options-timeout 1s", "--enable-profiling"]
    );
}

#[test]
fn without_flags_the_defaults_of_daprd_hold() {
    let flags = flags("");
    assert_eq!(flags, Flags::default());
    assert_eq!((flags.http_port, flags.grpc_port, flags.metrics_port), (3500, 50001, 9090));
    assert_eq!((flags.max_body, flags.max_head), (4 << 20, 4 << 10));
    assert_eq!((flags.app_port, flags.internal_port, flags.api_logging), (None, None, None));
    assert_eq!(flags.later(), Vec::<String>::new());
}

#[test]
fn numbers_out_of_range_fall_back_as_in_daprd() {
    let flags = flags(
        "--app-port=0 --dapr-internal-grpc-port=0 --app-max-concurrency=0 --max-body-size=-1 \
         --app-health-threshold=-2 --app-health-probe-timeout=0 --dapr-graceful-shutdown-seconds=-1 \
         --hot-reload-reconcile-interval=0",
    );
    assert_eq!(flags, Flags::default());
    assert_eq!(crate::tests::flags("--app-max-concurrency 8").app_max_concurrency, Some(8));
}

#[test]
fn older_flags_still_mean_something() {
    let flags = flags(
        "--components-path old --dapr-http-max-request-size 16 --dapr-http-read-buffer-size=8 --app-ssl \
         --reminders-service x --actors-service y",
    );
    assert_eq!((flags.max_body, flags.max_head), (16 << 20, 8 << 10));
    assert_eq!(flags.resource_folders(), [PathBuf::from("old")]);
    assert_eq!(
        crate::tests::flags("--components-path old --resources-path new").resource_folders(),
        [PathBuf::from("new")]
    );
    assert_eq!(flags.later(), ["--reminders-service x", "--actors-service y", "--app-protocol https|grpcs"]);
}

#[test]
fn what_is_not_in_effect_is_listed_unless_it_asks_for_nothing() {
    let later = |line| flags(line).later();
    assert_eq!(later("--enable-mtls --mode kubernetes"), ["--enable-mtls", "--mode kubernetes"]);
    assert_eq!(later("--enable-mtls=false --sentry-address= --enable-profiling=false"), Vec::<String>::new());
    assert_eq!(
        later("--sentry-address s:1 --placement-host-address p:1,p:2 --scheduler-job-streams 3"),
        ["--sentry-address s:1", "--placement-host-address p:1,p:2", "--scheduler-job-streams 3"]
    );
    assert_eq!(later("--app-protocol grpcs"), ["--app-protocol https|grpcs"]);
}

#[test]
fn mistakes_say_what_to_do() {
    let cases = [
        ("--app-prot 80", "unknown flag --app-prot, did you mean --app-port?; --help lists all flags"),
        ("-zzz=1", "unknown flag -zzz; --help lists all flags"),
        ("--app-id", "--app-id needs a value; write --app-id ID"),
        ("--app-port x", "--app-port: \"x\" is not a port from 0 to 65535"),
        ("--dapr-http-port 70000", "--dapr-http-port: \"70000\" is not a port from 0 to 65535"),
        ("--dapr-grpc-port=", "--dapr-grpc-port: \"\" is not a port from 0 to 65535"),
        ("--mode docker", "--mode: \"docker\" is no mode; there are standalone and kubernetes"),
        (
            "--app-protocol tcp",
            "--app-protocol: \"tcp\" is no protocol; there are http, https, h2c, grpc and grpcs",
        ),
        (
            "--max-body-size 4MB",
            "--max-body-size: \"4MB\" is not a size; write bytes or a quantity such as 4Ki, 4Mi, 10M",
        ),
        ("--max-body-size 0", "--max-body-size: \"0\" must be more than zero, for example 4Mi"),
        (
            "--dapr-block-shutdown-duration 5",
            "--dapr-block-shutdown-duration: \"5\" the unit is missing; write for example \"5s\" or \"5ms\"",
        ),
        ("--actors-disseminate-timeout 0s", "--actors-disseminate-timeout: \"0s\" must be longer than zero"),
        ("--enable-metrics=maybe", "--enable-metrics: \"maybe\" is neither true nor false"),
        ("--enable-metrics false", "unexpected argument \"false\"; write --flag=true or --flag=false"),
        ("serve", "unexpected argument \"serve\""),
        ("-- serve", "unexpected argument \"serve\""),
        (
            "--log-level loud",
            "--log-level: \"loud\" is no level; there are debug, info, warn, error and fatal",
        ),
        (
            "--disable-init-endpoints jobs",
            "--disable-init-endpoints: \"jobs\" names an endpoint that is not asked; there are config and subscribe",
        ),
        ("-a x", "unknown flag -a; --help lists all flags"),
    ];
    for (line, expected) in cases {
        assert_eq!(said(line), expected, "{line}");
    }
}

#[test]
fn some_flags_ask_for_something_else() {
    let parsed = |line| Flags::parse(words(line)).unwrap();
    assert_eq!(parsed("--version"), Parsed::Version);
    assert_eq!(parsed("-build-info"), Parsed::BuildInfo);
    assert_eq!(parsed("--version --help"), Parsed::Help);
    assert_eq!(parsed("-h"), Parsed::Help);
    assert_eq!(parsed("--version=false"), Parsed::Run(Box::default()));
    let Parsed::Wait(flags) = parsed("--wait --dapr-http-port 99") else { panic!() };
    assert_eq!(flags.http_port, 99);
}

#[test]
fn a_command_ends_the_flags() {
    let parsed = |line| {
        let (parsed, command) = Flags::parse_command(words(line)).unwrap();
        let Parsed::Run(flags) = parsed else { panic!() };
        (flags, command)
    };
    let (flags, command) =
        parsed("--app-id orders -p 8080 -d res -c conf.yaml -P grpc -- python3 app.py --app-id x");
    assert_eq!((flags.app_id.as_str(), flags.app_port), ("orders", Some(8080)));
    assert_eq!((flags.resources, flags.config), (vec!["res".into()], vec!["conf.yaml".into()]));
    assert_eq!(flags.app_protocol, AppProtocol::Grpc);
    assert_eq!(command, words("python3 app.py --app-id x"));
    let (flags, command) = parsed("-a orders node app.js -- x");
    assert_eq!((flags.app_id.as_str(), command), ("orders", words("node app.js -- x")));
    assert_eq!(parsed("-a orders").1, Vec::<OsString>::new());
    assert_eq!(parsed("-H 1 -G 2 -M 3 -I 4").0.internal_port, Some(4));
}

#[test]
fn help_lists_each_flag_for_people_once() {
    let help = Flags::help();
    for name in ["app-id ID", "resources-path DIR", "enable-mtls", "version", "max-body-size SIZE"] {
        assert_eq!(help.matches(&format!("  --{name} ")).count(), 1, "{name}\n{help}");
    }
    assert!(!help.contains("reminders-service") && !help.contains("app-ssl"));
    assert!(help.lines().all(|line| line.len() < 120), "{help}");
}
