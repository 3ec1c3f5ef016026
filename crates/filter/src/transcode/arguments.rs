//! What an HTTP request's body calls with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mecha_base::Result;
use mecha_codec::hessian2::Value as Hessian;
use mecha_config::filter::Conversion;
use mecha_http::{HeaderId, RequestHead};
use serde_json::{Map, Value};

use super::json::{Classes, to_hessian};
use super::{OPAQUE, bad_request};

/// The arguments of a call.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arguments {
    /// The types of the parameters, as Java names them.
    pub(super) types: Option<Vec<String>>,
    pub(super) values: Vec<Value>,
    /// Names and values beside those of the head.
    pub(super) attachments: Vec<(String, String)>,
}

/// Whether the body is the payload as it is.
pub(super) fn is_opaque(head: &RequestHead, conversion: &Conversion) -> bool {
    let kind = head.headers.get_id(HeaderId::ContentType).unwrap_or_default();
    conversion.opaque
        || kind.get(..OPAQUE.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(OPAQUE.as_bytes()))
}

/// The arguments that a JSON body holds.
///
/// # Errors
/// 400 when it is no JSON, a key has another type than it should have, or there are not as many types as arguments.
pub(super) fn arguments(body: &[u8], conversion: &Conversion) -> Result<Arguments> {
    let mut found = match parsed(body)? {
        None => Arguments::default(),
        Some(Value::Array(values)) => Arguments { values, ..Arguments::default() },
        Some(Value::Object(object)) if is_call(&object) => call(object)?,
        Some(value) => Arguments { values: vec![value], ..Arguments::default() },
    };
    if found.types.is_none() {
        found.types = conversion.types.clone();
    }
    let (types, values) = (found.types.as_ref().map(Vec::len), found.values.len());
    match types.filter(|types| *types != values) {
        Some(types) => Err(bad_request(format!(
            "the call has {values} arguments, and types for {types} parameters are given"
        ))),
        None => Ok(found),
    }
}

impl Arguments {
    /// The values as Hessian has them. Text for a parameter of bytes is base64.
    ///
    /// # Errors
    /// 400 when it is not.
    pub(super) fn values(&self, classes: Classes) -> Result<Vec<Hessian>> {
        let types = self.types.iter().flatten().map(Some).chain(std::iter::repeat(None));
        self.values.iter().zip(types).map(|(value, kind)| argument(value, kind, classes)).collect()
    }
}

fn argument(value: &Value, kind: Option<&String>, classes: Classes) -> Result<Hessian> {
    match (value, kind.map(String::as_str)) {
        (Value::String(text), Some("byte[]" | "[B")) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Hessian::Binary(bytes)),
            Err(error) => Err(bad_request(format!("an argument of bytes is not base64: {error}"))),
        },
        _ => Ok(to_hessian(value.clone(), classes)),
    }
}

fn parsed(body: &[u8]) -> Result<Option<Value>> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(body).map(Some).map_err(|error| {
        bad_request(format!("the body is not JSON ({error}); send other bodies as application/octet-stream"))
    })
}

/// Whether an object describes a call instead of being the one argument.
fn is_call(object: &Map<String, Value>) -> bool {
    object.contains_key("args") && object.keys().all(|key| ["types", "args", "attachments"].contains(&&**key))
}

fn call(mut object: Map<String, Value>) -> Result<Arguments> {
    let values = match object.remove("args") {
        Some(Value::Array(values)) => values,
        _ => return Err(bad_request("the body's \"args\" is not an array")),
    };
    let types = match object.remove("types") {
        None | Some(Value::Null) => None,
        Some(Value::Array(types)) => Some(types.into_iter().map(type_name).collect::<Result<_>>()?),
        Some(_) => return Err(bad_request("the body's \"types\" is not an array of strings")),
    };
    let attachments = match object.remove("attachments") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(found)) => found.into_iter().map(attachment).collect::<Result<_>>()?,
        Some(_) => return Err(bad_request("the body's \"attachments\" is not an object")),
    };
    Ok(Arguments { types, values, attachments })
}

fn type_name(value: Value) -> Result<String> {
    match value {
        Value::String(name) => Ok(name),
        _ => Err(bad_request("the body's \"types\" is not an array of strings")),
    }
}

fn attachment((name, value): (String, Value)) -> Result<(String, String)> {
    match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(number) => Ok((name, number.to_string())),
        Value::Bool(yes) => Ok((name, yes.to_string())),
        _ => Err(bad_request(format!(
            "the attachment \"{name}\" is neither a string nor a number nor a boolean"
        ))),
    }
}
