//! What the properties become, and what wrong ones are told.

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Options> {
    Options::read(&pairs.iter().copied().collect(), Duration::from_millis(8))
}

fn message(pairs: &[(&str, &str)]) -> String {
    read(pairs).err().unwrap().message().to_owned()
}

#[test]
fn defaults() {
    let options = read(&[("redisHost", "redis.example")]).unwrap();
    assert_eq!(options.to_string(), "redis.example:6379");
    assert!(options.kind == Kind::Node);
    assert_eq!((options.retries, options.answer), (3, Some(Duration::from_secs(3))));
    assert!(options.dial < Duration::from_secs(5), "the message must come before initTimeout ends");
    let pauses: Vec<_> = [1, 2, 3, 40].map(|attempt| options.pause_before(attempt).as_millis()).into();
    assert_eq!(pauses, [8, 16, 32, 512]);
}

#[test]
fn hosts_have_ports_or_get_one() {
    let cluster = |host| read(&[("redisHost", host), ("redisType", "cluster")]).unwrap().hosts;
    let hosts: Vec<_> = cluster("a:7000, b ,[::1]:7001,::2").iter().map(Host::to_string).collect();
    assert_eq!(hosts, ["a:7000", "b:6379", "[::1]:7001", "[::2]:6379"]);
    let options = read(&[("redisHost", "a"), ("redisPort", "7000")]).unwrap();
    assert_eq!(options.to_string(), "a:7000");
    for wrong in ["redis://a:6379", "a:port", "[::1", ":6379"] {
        assert!(message(&[("redisHost", wrong)]).contains("is not a host"), "{wrong}");
    }
    assert!(message(&[("redisHost", "a:7000"), ("redisPort", "7001")]).contains("redisPort says 7001"));
    assert!(message(&[]).contains("missing redisHost"));
    assert!(message(&[("redisHost", "a,b")]).contains("redisType cluster"));
}

#[test]
fn sentinels_need_the_name_of_their_master() {
    let pairs = [("redisHost", "s1:26379,s2:26379"), ("failover", "true"), ("sentinelMasterName", "main")];
    assert_eq!(read(&pairs).unwrap().to_string(), "s1:26379,s2:26379 (Sentinel, master main)");
    assert!(message(&[("redisHost", "s1"), ("failover", "true")]).contains("missing sentinelMasterName"));
}

#[test]
fn times_are_durations_or_milliseconds_and_below_zero_is_off() {
    let options = read(&[
        ("redisHost", "a"),
        ("dialTimeout", "1500"),
        ("readTimeout", "250ms"),
        ("writeTimeout", "1s"),
        ("redisMinRetryInterval", "2s"),
        ("redisMaxRetries", "-1"),
        ("maxConnAge", "30m"),
    ])
    .unwrap();
    assert_eq!(options.dial, Duration::from_millis(1500));
    assert_eq!(options.answer, Some(Duration::from_secs(1)));
    assert_eq!(options.pause_before(9), Duration::from_secs(2));
    assert_eq!((options.retries, options.age), (0, Some(Duration::from_secs(1800))));
    assert_eq!(read(&[("redisHost", "a"), ("readTimeout", "-1")]).unwrap().answer, None);
    assert!(message(&[("redisHost", "a"), ("poolTimeout", "soon")]).starts_with("poolTimeout:"));
    assert!(message(&[("redisHost", "a"), ("poolSize", "many")]).starts_with("poolSize:"));
}

#[test]
fn what_is_not_available_is_said_by_name() {
    for (name, what) in [("enableTLS", "TLS"), ("useEntraID", "Entra ID"), ("useOIDC", "OIDC")] {
        let message = message(&[("redisHost", "a"), (name, "true")]);
        assert!(message.starts_with(name) && message.contains(what), "{message}");
    }
    assert!(read(&[("redisHost", "a"), ("enableTLS", "false")]).is_ok());
    assert!(message(&[("redisHost", "a"), ("redisType", "ring")]).contains("neither node nor cluster"));
}
