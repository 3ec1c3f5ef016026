//! A second HTTP/1 head parser: slow, simple, strict, written from RFC 9112 and the rules in the codec's
//! documentation and sharing no code with it. It looks for the end of the head first, cuts it in lines, and then
//! judges line by line.

use mecha_codec::http1::{BodyLength, RequestKind};

/// A head that is accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub len: usize,
    /// Method and target, or status and reason.
    pub start: (Vec<u8>, Vec<u8>),
    pub old: bool,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: BodyLength,
    pub keep_alive: bool,
    pub upgrade: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    /// There is no end of a head yet. Nothing is said about what is there.
    Unfinished,
    Rejected,
    Accepted(Head),
}

type Lines = Vec<(Vec<u8>, Vec<u8>)>;

pub fn request(input: &[u8]) -> Judged {
    let skip = if input.starts_with(b"\r\n") { 2 } else { 0 };
    judge(&input[skip..], |line, fields| {
        let mut parts = line.split(|byte| *byte == b' ');
        let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
        let old = old_version(version)?;
        if parts.next().is_some() || method.is_empty() || method.len() > 32 || !method.iter().all(is_tchar) {
            return None;
        }
        let target_host = check_target(method, target)?;
        let hosts = values(fields, "host");
        match hosts.as_slice() {
            [] if !old => return None,
            [] => {}
            [host] if host.is_empty() && target_host => return None,
            [host] if host.is_empty() || host_ok(host, false) => {}
            _ => return None,
        }
        let lengths = lengths(fields)?;
        let body = match (coding(fields)?, lengths.as_slice()) {
            (true, []) if !old => BodyLength::Chunked,
            (false, []) | (false, [0]) => BodyLength::Empty,
            (false, [length]) => BodyLength::Fixed(*length),
            _ => return None,
        };
        if method == b"CONNECT" && body != BodyLength::Empty {
            return None;
        }
        Some(((method.to_vec(), target.to_vec()), old, body, true))
    })
    .shifted(skip)
}

pub fn response(input: &[u8], kind: RequestKind) -> Judged {
    judge(input, |line, fields| {
        let (version, rest) = line.split_at_checked(8)?;
        let old = old_version(version)?;
        let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
        let status: u16 =
            code.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(code).ok()?.parse().ok())??;
        let reason = if reason.is_empty() { reason } else { reason.strip_prefix(b" ")? };
        if status < 100 || reason.iter().any(is_control) {
            return None;
        }
        let mut lengths = lengths(fields)?;
        lengths.dedup();
        let chunked = coding(fields)?;
        if lengths.len() > 1 || (chunked && (old || !lengths.is_empty())) {
            return None;
        }
        let length = lengths.first().copied();
        let (body, reusable) = if status == 101 || (kind == RequestKind::Connect && status / 100 == 2) {
            (BodyLength::UntilClose, false)
        } else if status < 200 || status == 204 {
            (BodyLength::Empty, !chunked && length.unwrap_or(0) == 0)
        } else if status == 304 || kind == RequestKind::Head {
            (BodyLength::Empty, true)
        } else if chunked {
            (BodyLength::Chunked, true)
        } else {
            match length {
                None => (BodyLength::UntilClose, false),
                Some(0) => (BodyLength::Empty, true),
                Some(length) => (BodyLength::Fixed(length), true),
            }
        };
        Some(((code.to_vec(), reason.to_vec()), old, body, reusable))
    })
}

impl Judged {
    fn shifted(mut self, by: usize) -> Self {
        if let Judged::Accepted(head) = &mut self {
            head.len += by;
        }
        self
    }
}

type Start = ((Vec<u8>, Vec<u8>), bool, BodyLength, bool);

fn judge(input: &[u8], start: impl Fn(&[u8], &Lines) -> Option<Start>) -> Judged {
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else { return Judged::Unfinished };
    let accepted = || {
        let len = end + 4;
        let lines = lines(&input[..end])?;
        let (first, rest) = lines.split_first()?;
        if first.len() > 8192 || len > 60 * 1024 || rest.len() > 100 {
            return None;
        }
        let fields = rest.iter().map(|line| field(line)).collect::<Option<Lines>>()?;
        let (start, old, body, reusable) = start(first, &fields)?;
        let options: Vec<Vec<u8>> = values(&fields, "connection")
            .iter()
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(|token| trim(token).to_ascii_lowercase())
            .collect();
        let said = |option: &str| options.iter().any(|said| said == option.as_bytes());
        let keep_alive = reusable && !said("close") && (!old || said("keep-alive"));
        let upgrade = !old && said("upgrade") && !values(&fields, "upgrade").is_empty();
        Some(Head { len, start, old, fields, body, keep_alive, upgrade })
    };
    accepted().map_or(Judged::Rejected, Judged::Accepted)
}

/// Cuts at CRLF; no line may hold another CR or LF.
fn lines(mut head: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    loop {
        let end = head.windows(2).position(|two| two == b"\r\n").unwrap_or(head.len());
        let line = &head[..end];
        if line.contains(&b'\r') || line.contains(&b'\n') {
            return None;
        }
        lines.push(line.to_vec());
        if end == head.len() {
            return Some(lines);
        }
        head = &head[end + 2..];
    }
}

pub(crate) fn field(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let ok = !name.is_empty() && name.iter().all(is_tchar) && !value.iter().any(is_control);
    ok.then(|| (name.to_vec(), trim(value).to_vec()))
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_control(byte: &u8) -> bool {
    *byte < 32 && *byte != b'\t' || *byte == 127
}

fn is_tchar(byte: &u8) -> bool {
    b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".contains(byte)
}

fn old_version(version: &[u8]) -> Option<bool> {
    match version {
        b"HTTP/1.0" => Some(true),
        b"HTTP/1.1" => Some(false),
        _ => None,
    }
}

fn values(fields: &Lines, wanted: &str) -> Vec<Vec<u8>> {
    let same = |name: &[u8]| name.to_ascii_lowercase() == wanted.as_bytes();
    fields.iter().filter(|(name, _)| same(name)).map(|(_, value)| value.clone()).collect()
}

fn lengths(fields: &Lines) -> Option<Vec<u64>> {
    let parse = |value: &Vec<u8>| {
        let text = std::str::from_utf8(value).ok()?;
        let plain = !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<i64>().ok()).flatten().map(|length| length as u64)
    };
    values(fields, "content-length").iter().map(parse).collect()
}

fn coding(fields: &Lines) -> Option<bool> {
    match values(fields, "transfer-encoding").as_slice() {
        [] => Some(false),
        [one] if one.to_ascii_lowercase() == b"chunked" => Some(true),
        _ => None,
    }
}

/// Whether the target is one the method may have, and if so whether it names a host.
fn check_target(method: &[u8], target: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(target).ok()?;
    if text.bytes().any(|byte| byte <= 32 || byte == 127) || text.is_empty() {
        return None;
    }
    if method == b"CONNECT" {
        return host_ok(target, true).then_some(true);
    }
    if text.contains('#') {
        return None;
    }
    if text.starts_with('/') {
        return Some(false);
    }
    if text == "*" {
        return (method == b"OPTIONS").then_some(false);
    }
    let (scheme, rest) = text.split_once("://")?;
    let known = ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
    let authority = rest.split(['/', '?']).next()?;
    (known && host_ok(authority.as_bytes(), false)).then_some(true)
}

fn host_ok(value: &[u8], port_needed: bool) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let (host, port) = match text.rfind(']') {
        Some(end) => match text[end + 1..].strip_prefix(':') {
            Some(port) => (&text[..=end], Some(port)),
            None => (text, None),
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port_fine = match port {
        None => !port_needed,
        Some("") => !port_needed,
        Some(port) => {
            let plain = port.bytes().all(|byte| byte.is_ascii_digit());
            plain
                && port.trim_start_matches('0').len() <= 5
                && port.parse::<u128>().is_ok_and(|port| port < 65536)
                || plain && port.bytes().all(|byte| byte == b'0')
        }
    };
    port_fine && name_ok(host)
}

fn name_ok(host: &str) -> bool {
    let plain = "!$&'()*+,;=-._~";
    let allowed = |c: char| c.is_ascii_alphanumeric() || plain.contains(c);
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let later = inner.starts_with(['v', 'V'])
            && inner.len() > 3
            && inner.chars().all(|c| allowed(c) || c == ':' || c == '%');
        return later || inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let mut rest = host;
    while let Some(at) = rest.find('%') {
        let hex = rest.get(at + 1..at + 3).is_some_and(|two| two.chars().all(|c| c.is_ascii_hexdigit()));
        if !hex || !rest[..at].chars().all(allowed) {
            return false;
        }
        rest = &rest[at + 3..];
    }
    !host.is_empty() && rest.chars().all(allowed)
}
