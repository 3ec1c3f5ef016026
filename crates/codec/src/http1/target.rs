//! Request targets and the Host field: which bytes they may hold and which form goes with which method
//! (RFC 9112 sections 3.2 and 3.2.1 to 3.2.4, RFC 3986 section 3.2).

use super::ParseError;

/// The form a request target has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TargetForm {
    /// `/path?query`
    Origin,
    /// `http://host/path`, `https://host/path`
    Absolute,
    /// `host:port`
    Authority,
    /// `*`
    Asterisk,
}

/// Tells the form of `target` and checks that `method` may use it.
#[inline]
pub(crate) fn form_of(method: &[u8], target: &[u8]) -> Result<TargetForm, ParseError> {
    if method == b"CONNECT" {
        return match is_authority(target) {
            true => Ok(TargetForm::Authority),
            false => Err(ParseError::bad("CONNECT without host:port as its target")),
        };
    }
    // A fragment is never sent (RFC 9110 section 7.1); peers disagree on whether it belongs to the path.
    if memchr::memchr(b'#', target).is_some() {
        return Err(ParseError::bad("fragment in the request target"));
    }
    match target.first() {
        Some(b'/') => Ok(TargetForm::Origin),
        Some(b'*') if target.len() == 1 && method == b"OPTIONS" => Ok(TargetForm::Asterisk),
        _ if is_absolute(target) => Ok(TargetForm::Absolute),
        _ => Err(ParseError::bad("request target is neither a path nor an http or https URL")),
    }
}

fn is_absolute(target: &[u8]) -> bool {
    let after = |scheme: &[u8]| {
        target
            .split_at_checked(scheme.len())
            .filter(|(start, _)| start.eq_ignore_ascii_case(scheme))
            .map(|(_, rest)| rest)
    };
    let Some(rest) = after(b"http://").or_else(|| after(b"https://")) else { return false };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    rest.get(..end).is_some_and(is_host)
}

fn is_authority(target: &[u8]) -> bool {
    split_host(target).is_some_and(|(_, port)| port.is_some_and(|port| !port.is_empty()))
}

/// Whether `value` is `uri-host [ ":" port ]` with a host of at least one byte and no user information
/// (RFC 9110 sections 4.2.4 and 7.2). An empty port is allowed, as RFC 3986 does.
pub(crate) fn is_host(value: &[u8]) -> bool {
    split_host(value).is_some()
}

/// The host and the port of a well-formed `uri-host [ ":" port ]`.
fn split_host(value: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let plain = value.iter().position(|byte| !is_plain(*byte)).unwrap_or(value.len());
    let (host, rest) = match value.split_at_checked(plain)? {
        ([], [b'[', inner @ ..]) => {
            let (address, rest) = inner.split_at_checked(memchr::memchr(b']', inner)?)?;
            (Some(address).filter(|address| is_ip_literal(address))?, rest.strip_prefix(b"]")?)
        }
        (_, [b'%', ..]) => {
            let (host, rest) = value.split_at_checked(memchr::memchr(b':', value).unwrap_or(value.len()))?;
            (Some(host).filter(|host| is_escaped_name(host))?, rest)
        }
        ([], _) => return None,
        found => found,
    };
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] if is_port(port) => Some((host, Some(port))),
        _ => None,
    }
}

fn is_port(port: &[u8]) -> bool {
    let number = port.iter().try_fold(0_u32, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u32::from(byte - b'0')).filter(|number| *number <= 65535),
        _ => None,
    });
    number.is_some()
}

/// An IPv6 address, or an address of a later kind (`v1.x`), without its brackets; zone ids are not valid here.
fn is_ip_literal(address: &[u8]) -> bool {
    match address.first() {
        Some(b'v' | b'V') => {
            address.len() > 3 && address.iter().all(|byte| is_plain(*byte) || matches!(byte, b':' | b'%'))
        }
        _ => std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok()),
    }
}

/// A name with percent-encoded bytes.
fn is_escaped_name(host: &[u8]) -> bool {
    let mut parts = host.split(|byte| *byte == b'%');
    let start = parts.next().unwrap_or_default();
    let plain = |bytes: &[u8]| bytes.iter().all(|byte| is_plain(*byte));
    plain(start)
        && parts.all(|part| match part {
            [high, low, rest @ ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit() && plain(rest),
            _ => false,
        })
}

/// unreserved and sub-delims (RFC 3986 section 2): what a host name holds when nothing is escaped.
#[inline]
fn is_plain(byte: u8) -> bool {
    PLAIN.get(usize::from(byte)).copied().unwrap_or_default()
}

static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let punctuation = matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        );
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler: a fault fails the build")]
        {
            plain[byte as usize] = byte.is_ascii_alphanumeric() || punctuation;
        }
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in
            ["a", "example.com", "a_b:80", "127.0.0.1:1", "[::1]", "[::1]:80", "a:", "%41", "[v1.a:b]", "x,y"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "a b",
            "a/b",
            "a@b",
            "a:b",
            "a:65536",
            "a:1:2",
            "[::1",
            "[]",
            "[::1]x",
            "[fe80::1%1]",
            "%4",
            "%zz",
            "a\\b",
            "a\"b",
            "h\u{f6}st",
            "::1",
            "a?b",
            "a#b",
            "[1.2.3.4]",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn each_method_takes_its_target_forms() {
        let form = |method: &str, target: &str| form_of(method.as_bytes(), target.as_bytes()).ok();
        assert_eq!(form("GET", "/a?b=//c"), Some(TargetForm::Origin));
        assert_eq!(form("GET", "HTTP://a"), Some(TargetForm::Absolute));
        assert_eq!(form("GET", "https://a:1/b?c"), Some(TargetForm::Absolute));
        assert_eq!(form("GET", "http://a?b"), Some(TargetForm::Absolute));
        assert_eq!(form("CONNECT", "a:1"), Some(TargetForm::Authority));
        assert_eq!(form("CONNECT", "[::1]:443"), Some(TargetForm::Authority));
        assert_eq!(form("OPTIONS", "*"), Some(TargetForm::Asterisk));
        for (method, target) in [
            ("GET", "*"),
            ("GET", "a:1"),
            ("GET", "a"),
            ("GET", "ftp://a/"),
            ("GET", "http:///a"),
            ("GET", "http://u@a/"),
            ("GET", "/a#b"),
            ("OPTIONS", "**"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", "http://a:1"),
            ("CONNECT", "[::1]"),
            ("GET", "http:"),
            ("GET", "?a"),
        ] {
            assert_eq!(form(method, target), None, "{method} {target}");
        }
    }
}
