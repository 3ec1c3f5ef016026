//! A second decoder for chunked bodies, over the whole input at once.

/// Where a body ends and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    Done { data: Vec<u8>, trailers: Vec<(Vec<u8>, Vec<u8>)>, len: usize },
    Broken,
    Unfinished,
}

/// What a line that begins at `at` holds, and where the next begins. `Err(true)` when it is broken.
fn line(input: &[u8], at: usize) -> Result<(&[u8], usize), bool> {
    let rest = &input[at..];
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Err(false) };
    if end == 0 || rest[end - 1] != b'\r' || rest[..end - 1].contains(&b'\r') {
        return Err(true);
    }
    Ok((&rest[..end - 1], at + end + 1))
}

/// The size on a chunk line: hexadecimal digits, then nothing or extensions.
fn size(line: &[u8]) -> Option<u64> {
    if line.len() > 256 || line.iter().any(|byte| *byte < 32 && *byte != b'\t' || *byte == 127) {
        return None;
    }
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let mut after = &line[digits..];
    while let [b' ' | b'\t', rest @ ..] = after {
        after = rest;
    }
    let clean = digits == line.len() || after.first() == Some(&b';');
    let text = std::str::from_utf8(&line[..digits]).ok()?;
    if !clean || digits == 0 || digits > 16 {
        return None;
    }
    i64::from_str_radix(text, 16).ok().map(|size| size as u64)
}

/// Decodes the chunked body at the start of `input`.
pub fn decode(input: &[u8]) -> Body {
    let stop = |broken: bool| if broken { Body::Broken } else { Body::Unfinished };
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let (text, next) = match line(input, at) {
            Ok(line) => line,
            Err(broken) => return stop(broken),
        };
        let Some(size) = size(text) else { return Body::Broken };
        at = next;
        if size == 0 {
            break;
        }
        let Some(chunk) = usize::try_from(size).ok().and_then(|size| input[at..].get(..size)) else {
            return Body::Unfinished;
        };
        data.extend_from_slice(chunk);
        at += chunk.len();
        match input[at..] {
            [b'\r', b'\n', ..] => at += 2,
            [] | [b'\r'] => return Body::Unfinished,
            _ => return Body::Broken,
        }
    }
    trailers(input, at, data)
}

fn trailers(input: &[u8], start: usize, data: Vec<u8>) -> Body {
    let (mut fields, mut at) = (Vec::new(), start);
    loop {
        let (text, next) = match line(input, at) {
            Ok(line) => line,
            Err(true) => return Body::Broken,
            Err(false) => return Body::Unfinished,
        };
        at = next;
        if text.is_empty() {
            break;
        }
        let Some(field) = crate::strict::field(text) else { return Body::Broken };
        fields.push(field);
    }
    let long = !fields.is_empty() && at - start > 8 * 1024;
    if long || fields.len() > 64 {
        return Body::Broken;
    }
    fields.retain(|(name, _)| !dropped(&name.to_ascii_lowercase()));
    Body::Done { data, trailers: fields, len: at }
}

fn dropped(name: &[u8]) -> bool {
    let names = "host connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer \
        transfer-encoding upgrade http2-settings expect content-length content-type content-encoding content-range \
        authorization cache-control cookie set-cookie location max-forwards retry-after";
    names.split(' ').any(|known| known.as_bytes() == name)
}
