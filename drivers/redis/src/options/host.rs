//! `redisHost` and `redisPort`: one host or several, each with a port or without.

use std::fmt;

use mecha_component::{Error, Properties, Result};

const PORT: u16 = 6379;

/// Where a Redis or a Sentinel listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Host {
    /// The hosts that `properties` name; at least one.
    pub(super) fn list(properties: &Properties) -> Result<Vec<Self>> {
        let port = properties.parse::<u16>("redisPort")?;
        let text = properties.required("redisHost")?;
        let each = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let hosts = each.map(|host| Host::parse(host, port)).collect::<Result<Vec<_>>>()?;
        if hosts.is_empty() {
            return Err(Error::configuration(format!("redisHost: `{text}` names no host")));
        }
        Ok(hosts)
    }

    /// `name`, `name:port`, `[::1]:port` or a bare IPv6 address; `default` is the port of a host without one.
    fn parse(text: &str, default: Option<u16>) -> Result<Self> {
        let wrong =
            || Error::configuration(format!("redisHost: `{text}` is not a host such as localhost:6379"));
        let (name, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(bracketed) => {
                let (name, rest) = bracketed.ok_or_else(wrong)?;
                (name, rest.strip_prefix(':'))
            }
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
        };
        if name.is_empty() || name.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        let port = port.map(|port| port.parse::<u16>().map_err(|_| wrong())).transpose()?;
        if let (Some(own), Some(other)) = (port, default)
            && own != other
        {
            return Err(Error::configuration(format!(
                "redisHost: `{text}` has a port already, and redisPort says {other}: leave one of them out"
            )));
        }
        Ok(Host { name: name.to_owned(), port: port.or(default).unwrap_or(PORT) })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]:{}", self.name, self.port),
            false => write!(f, "{}:{}", self.name, self.port),
        }
    }
}
