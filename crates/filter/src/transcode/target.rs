//! What an HTTP request calls: told by the rule, its fields, or its path.

use std::borrow::Cow;
use std::net::IpAddr;

use mecha_base::Result;
use mecha_base::percent::{self, Plus};
use mecha_config::filter::Conversion;
use mecha_http::RequestHead;

use super::bad_request;

/// What is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Target<'a> {
    pub(super) service: Cow<'a, str>,
    pub(super) method: Cow<'a, str>,
    pub(super) version: Option<&'a str>,
    pub(super) group: Option<&'a str>,
}

/// What the rule or the fields name; empty where they name nothing.
pub(super) fn named<'a>(head: &'a RequestHead, conversion: &'a Conversion) -> Target<'a> {
    let told = |rule: &'a Option<String>, field: &str| {
        let told = rule.as_deref().or_else(|| head.headers.get_str(field));
        told.map(str::trim).filter(|text| !text.is_empty())
    };
    Target {
        service: told(&conversion.service, "service").unwrap_or_default().into(),
        method: told(&conversion.method, "method").unwrap_or_default().into(),
        version: told(&conversion.version, "version"),
        group: told(&conversion.group, "group"),
    }
}

/// What is called, with the path's help.
///
/// # Errors
/// 400 when nothing names a service or a method.
pub(super) fn target<'a>(head: &'a RequestHead, conversion: &'a Conversion) -> Result<Target<'a>> {
    let mut target = named(head, conversion);
    if !target.service.is_empty() && !target.method.is_empty() {
        return Ok(target);
    }
    let mut parts = head.path().rsplit('/').filter(|part| !part.is_empty());
    let (last, before) = (parts.next(), parts.next());
    if target.method.is_empty() {
        target.method = last.map(decoded).unwrap_or_default();
        if target.service.is_empty() {
            target.service = before.map(decoded).unwrap_or_else(|| service_of(&head.authority));
        }
    } else {
        target.service = before.or(last).map(decoded).unwrap_or_else(|| service_of(&head.authority));
    }
    if target.method.is_empty() {
        return Err(bad_request(
            "the request names no method: call /SERVICE/METHOD, or set the field \"method\"",
        ));
    }
    if target.service.is_empty() {
        return Err(bad_request(
            "the request names no service: call /SERVICE/METHOD, or set the field \"service\"",
        ));
    }
    Ok(target)
}

fn decoded(part: &str) -> Cow<'_, str> {
    match percent::decode(part.as_bytes(), Plus::Literal) {
        Cow::Borrowed(_) => Cow::Borrowed(part),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The service that an authority names: not an address, and without a port.
fn service_of(authority: &str) -> Cow<'_, str> {
    let is_service =
        !authority.contains(':') && authority != "localhost" && authority.parse::<IpAddr>().is_err();
    if is_service { Cow::Borrowed(authority) } else { Cow::Borrowed("") }
}

/// The path of a call.
pub(super) fn path(service: &str, method: &str) -> String {
    let mut path = String::with_capacity(service.len() + method.len() + 2);
    for part in [service, method].into_iter().filter(|part| !part.is_empty()) {
        path.push('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
        percent::encode(part.as_bytes(), plain, &mut path);
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}
