//! The objects of SOFARPC that Bolt frames carry, and its names of services.

use std::borrow::Cow;

use mecha_base::Result;
use mecha_codec::hessian2::{Dialect, Encoder, Value};
use mecha_codec::rpc::{Envelope, Protocol};
use serde_json::Value as Json;

use crate::transcode::arguments::Arguments;
use crate::transcode::json::Classes;
use crate::transcode::target::Target;

pub(super) const REQUEST: &str = "com.alipay.sofa.rpc.core.request.SofaRequest";
pub(super) const RESPONSE: &str = "com.alipay.sofa.rpc.core.response.SofaResponse";
/// The version of a service that names none.
const FIRST_VERSION: &str = "1.0";

/// SOFARPC's unique name of a service: `interface:version`, and `interface:version:unique id` where there is one.
pub(super) fn unique_name<'t>(target: &'t Target<'_>) -> Cow<'t, str> {
    if target.service.is_empty() || target.service.contains(':') {
        return Cow::Borrowed(&target.service);
    }
    let version = target.version.unwrap_or(FIRST_VERSION);
    Cow::Owned(match target.group {
        Some(group) => format!("{}:{version}:{group}", target.service),
        None => format!("{}:{version}", target.service),
    })
}

/// The content of a request. The fields stand in it too: the server of sofa-rpc-node looks nowhere else.
///
/// # Errors
/// 400 when an argument can't be what its type says.
pub(super) fn request(
    method: &str,
    service: &str,
    call: &Arguments,
    along: &[(String, &[u8])],
) -> Result<Vec<u8>> {
    let types = match &call.types {
        Some(types) => types.iter().map(|name| Value::String(runtime_name(name))).collect(),
        None => call.values.iter().map(|value| Value::text(type_of(value))).collect(),
    };
    let mut encoder = Encoder::new(Dialect::Draft);
    encoder.value(&Value::object(
        REQUEST,
        [
            ("methodName", Value::text(method)),
            ("methodArgSigs", Value::list(Some("[string"), types)),
            ("targetServiceUniqueName", Value::text(service)),
            ("targetAppName", Value::Null),
            ("requestProps", properties(along)),
        ],
    ));
    call.values(Classes::Objects)?.iter().for_each(|value| encoder.value(value));
    Ok(encoder.finish())
}

/// The content of an answer with a value.
pub(super) fn response(value: Value, along: &[(String, &[u8])], dialect: Dialect) -> Vec<u8> {
    let mut encoder = Encoder::new(dialect);
    encoder.value(&Value::object(
        RESPONSE,
        [
            ("isError", Value::Bool(false)),
            ("errorMsg", Value::Null),
            ("appResponse", value),
            ("responseProps", properties(along)),
        ],
    ));
    encoder.finish()
}

fn properties(along: &[(String, &[u8])]) -> Value {
    if along.is_empty() {
        return Value::Null;
    }
    let text = |value: &[u8]| Value::String(String::from_utf8_lossy(value).into_owned());
    Value::map(along.iter().map(|(name, value)| (name.clone(), text(value))))
}

/// The type that a value of JSON has in Java when nobody says otherwise.
fn type_of(value: &Json) -> &str {
    match value {
        Json::Null => "java.lang.Object",
        Json::Bool(_) => "boolean",
        Json::Number(number) => match number.as_i64() {
            Some(whole) if i32::try_from(whole).is_ok() => "int",
            Some(_) => "long",
            None => "double",
        },
        Json::String(_) => "java.lang.String",
        Json::Array(_) => "java.util.List",
        Json::Object(fields) => match fields.get("class") {
            Some(Json::String(class)) if !class.is_empty() => class,
            _ => "java.util.Map",
        },
    }
}

/// The name under which a provider of SOFARPC looks for a type: that of Java's runtime, which differs for arrays from the
/// one in the language (`[B` for `byte[]`).
fn runtime_name(name: &str) -> String {
    let mut element = name;
    let mut dimensions = 0;
    while let Some(rest) = element.strip_suffix("[]") {
        element = rest.trim_end();
        dimensions += 1;
    }
    let letter = match element {
        _ if dimensions == 0 => return name.to_owned(),
        "boolean" => 'Z',
        "byte" => 'B',
        "char" => 'C',
        "short" => 'S',
        "int" => 'I',
        "long" => 'J',
        "float" => 'F',
        "double" => 'D',
        class => return format!("{}L{class};", "[".repeat(dimensions)),
    };
    format!("{}{letter}", "[".repeat(dimensions))
}

/// Whether a frame is a request of SOFARPC: its class stands behind the head, which has 22 bytes, or 24 in version 2.
pub(super) fn is_request(frame: &Envelope) -> bool {
    let at = if frame.protocol == Protocol::BoltV2 { 24 } else { 22 };
    frame.raw.get(at..).is_some_and(|rest| rest.starts_with(REQUEST.as_bytes()))
}

/// What a status says by itself (MOSN reference 2.3).
pub(super) fn status(code: u16) -> String {
    let meaning = match code {
        1 => "error",
        2 => "server exception",
        4 => "the server is busy",
        5 => "error of the connection",
        6 => "the server has no processor for the request",
        7 => "timeout",
        8 => "the client could not send",
        9 => "a frame could not be read or written",
        16 => "the connection was closed",
        17 => "the server could not serialise",
        18 => "the server could not deserialise",
        _ => "unknown",
    };
    format!("Bolt status {code}: {meaning}")
}

#[cfg(test)]
mod tests {
    use super::runtime_name;

    #[test]
    fn types_have_the_names_of_javas_runtime() {
        let names = [
            ("byte[]", "[B"),
            ("int[][]", "[[I"),
            ("java.lang.String[]", "[Ljava.lang.String;"),
            ("int", "int"),
            ("java.util.List", "java.util.List"),
            ("[B", "[B"),
        ];
        for (name, expected) in names {
            assert_eq!(runtime_name(name), expected);
        }
    }
}
