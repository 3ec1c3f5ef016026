//! The properties that both components know (reference 4.2.3, 4.2.4): where Redis is, who we are, how patient. Those of
//! connection pools are read and have no effect: commands share one connection instead of waiting for a free one.

mod host;

use std::fmt;
use std::time::Duration;

use mecha_component::{Error, Properties, Result};

pub(crate) use self::host::Host;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Below the default of `initTimeout` (5 s), so that the message of a failed connection is ours, which says more.
const DIAL: Duration = Duration::from_secs(4);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);
const RETRIES: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_millis(512);

/// Properties of authentication and transport that this version has nothing for.
const UNAVAILABLE: [(&str, &str); 4] = [
    ("enableTLS", "TLS is not available in this version"),
    ("useEntraID", "Entra ID is not available in this version"),
    ("useAzureAD", "Entra ID is not available in this version"),
    ("useOIDC", "OIDC is not available in this version"),
];

/// Settings of a pool, which there is none of; their values must make sense all the same.
const POOL_TIMES: [&str; 3] = ["poolTimeout", "idleCheckFrequency", "idleTimeout"];
const POOL_COUNTS: [&str; 2] = ["poolSize", "minIdleConns"];

/// What a component was told about its Redis.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// One for [`Kind::Node`], the Sentinels for [`Kind::Sentinel`], some nodes for [`Kind::Cluster`].
    pub(crate) hosts: Vec<Host>,
    pub(crate) kind: Kind,
    pub(crate) login: Login,
    pub(crate) database: i64,
    /// How long making a connection may take.
    pub(crate) dial: Duration,
    /// How long the answer to a command may take; `None` = as long as it likes.
    pub(crate) answer: Option<Duration>,
    /// How often a command is tried again.
    pub(crate) retries: u32,
    /// The first pause before that, doubled after each try.
    pub(crate) pause: Duration,
    pub(crate) longest_pause: Duration,
    /// A connection older than this is replaced.
    pub(crate) age: Option<Duration>,
}

/// What the hosts are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Node,
    Cluster,
    Sentinel { master: String, login: Login },
}

/// Both may be absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl Options {
    /// Reads the properties; `pause` is the default of `redisMinRetryInterval`, which differs between components.
    pub(crate) fn read(properties: &Properties, pause: Duration) -> Result<Self> {
        for (name, why) in UNAVAILABLE {
            if properties.flag(name) == Some(true) {
                return Err(Error::configuration(format!("{name}: {why}; set it to false")));
            }
        }
        for name in POOL_TIMES {
            time(properties, name, Duration::ZERO)?;
        }
        for name in POOL_COUNTS {
            properties.parse::<u32>(name)?;
        }
        let kind = kind(properties)?;
        let hosts = Host::list(properties)?;
        if kind == Kind::Node && hosts.len() > 1 {
            return Err(Error::configuration(
                "redisHost: several hosts need redisType cluster, or failover true when they are Sentinels",
            ));
        }
        let pause = time(properties, "redisMinRetryInterval", pause)?.unwrap_or_default();
        let longest = time(properties, "redisMaxRetryInterval", LONGEST_PAUSE.max(pause))?;
        Ok(Options {
            hosts,
            kind,
            login: login(properties, "redisUsername", "redisPassword"),
            database: properties.parse("redisDB")?.unwrap_or_default(),
            dial: positive(time(properties, "dialTimeout", DIAL)?).unwrap_or(DIAL),
            answer: answer(properties)?,
            retries: retries(properties)?,
            pause,
            longest_pause: longest.unwrap_or_default(),
            age: positive(time(properties, "maxConnAge", Duration::ZERO)?),
        })
    }

    /// The pause before try number `attempt`, counted from 1.
    pub(crate) fn pause_before(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.pause.saturating_mul(1 << doublings).min(self.longest_pause)
    }
}

/// Names the place for messages; never the password.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if index == 0 { "" } else { "," })?;
        }
        match &self.kind {
            Kind::Node => Ok(()),
            Kind::Cluster => f.write_str(" (cluster)"),
            Kind::Sentinel { master, .. } => write!(f, " (Sentinel, master {master})"),
        }
    }
}

fn kind(properties: &Properties) -> Result<Kind> {
    let cluster = match properties.get("redisType").map(str::trim) {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("node") => false,
        Some(text) if text.eq_ignore_ascii_case("cluster") => true,
        Some(text) => {
            return Err(Error::configuration(format!("redisType: `{text}` is neither node nor cluster")));
        }
    };
    if properties.flag("failover") == Some(true) {
        let master = properties.get("sentinelMasterName").ok_or_else(|| {
            Error::configuration(
                "missing sentinelMasterName: failover needs the name that the Sentinels know the master by",
            )
        })?;
        let login = login(properties, "sentinelUsername", "sentinelPassword");
        return Ok(Kind::Sentinel { master: master.to_owned(), login });
    }
    Ok(if cluster { Kind::Cluster } else { Kind::Node })
}

fn login(properties: &Properties, username: &str, password: &str) -> Login {
    let value = |name| properties.get(name).map(str::to_owned);
    Login { username: value(username), password: value(password) }
}

/// The longer of the two patiences: an exchange is a write and a read.
fn answer(properties: &Properties) -> Result<Option<Duration>> {
    let read = time(properties, "readTimeout", ANSWER)?;
    let read = read.map(|read| if read.is_zero() { ANSWER } else { read });
    let write = time(properties, "writeTimeout", Duration::ZERO)?;
    Ok(read.zip(write).map(|(read, write)| read.max(write)))
}

/// `redisMaxRetries`, or its older name; -1 is none, 0 the default.
fn retries(properties: &Properties) -> Result<u32> {
    let name = if properties.get("redisMaxRetries").is_some() { "redisMaxRetries" } else { "maxRetries" };
    Ok(match properties.parse::<i32>(name)? {
        None | Some(0) => RETRIES,
        Some(number) => u32::try_from(number).unwrap_or(0),
    })
}

/// A Go duration or a bare number of milliseconds; `None` when it is below zero, which switches it off.
pub(crate) fn time(properties: &Properties, name: &str, default: Duration) -> Result<Option<Duration>> {
    match properties.get(name) {
        Some(value) if value.trim_start().starts_with('-') => Ok(None),
        _ => Ok(Some(properties.duration(name, MILLISECOND)?.unwrap_or(default))),
    }
}

/// What is longer than nothing.
pub(crate) fn positive(time: Option<Duration>) -> Option<Duration> {
    time.filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests;
