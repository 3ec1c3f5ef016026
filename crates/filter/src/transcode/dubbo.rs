//! Dubbo 2: requests become generic calls (`$invoke` with the method's name, the types of its parameters, and the
//! arguments), which need no class of the callee's. A provider finds the method by its name alone when the types are null,
//! as long as only one has it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mecha_base::Result;
use mecha_codec::dubbo::build::{Body, DUBBO_VERSION, Request, Response};
use mecha_codec::dubbo::{self, HESSIAN2, Outcome};
use mecha_codec::hessian2::{Bounds, Decoder, Dialect, Encoder, Invalid, Value};
use mecha_codec::rpc::Envelope;
use mecha_config::filter::Conversion;
use mecha_http::{Headers, RequestHead, ResponseHead, StatusCode};

use super::arguments::{Arguments, arguments, is_opaque};
use super::json::{Classes, Reader};
use super::target::target;
use super::{Answer, Call, JSON, OPAQUE, bad_answer, bad_request, failure, fields, result};

/// The method of generic calls, and the types of its parameters.
const INVOKE: &str = "$invoke";
const INVOKE_TYPES: &str = "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;";
/// The version of a service that has none.
const NO_VERSION: &str = "0.0.0";
/// Attachments that are Dubbo's own.
const OWN: [&str; 5] = ["path", "interface", "dubbo", "generic", "timeout"];
/// The status of answers to calls that were made.
const OK: u16 = 20;
/// How many bytes are before a body.
const HEAD: usize = 16;

/// Writes the request.
pub(super) fn request(
    head: &RequestHead,
    body: &[u8],
    conversion: &Conversion,
    timeout: Duration,
    out: &mut BytesMut,
) -> Result<()> {
    let target = target(head, conversion)?;
    let (types, values, named) = if is_opaque(head, conversion) {
        let (types, at) = types_of(body)?;
        (types, body.get(at..).unwrap_or_default().to_vec(), None)
    } else {
        let call = arguments(body, conversion)?;
        let named = call.attachments.clone();
        (INVOKE_TYPES.to_owned(), generic(&target.method, call)?, Some(named))
    };
    // A payload as it is may be that of a generic call too.
    let is_generic = types == INVOKE_TYPES;
    let version = target.version.unwrap_or(NO_VERSION);
    let millis = timeout.as_millis().to_string();
    let mut own = vec![("path", &*target.service), ("interface", &*target.service), ("version", version)];
    own.extend(target.group.map(|group| ("group", group)));
    own.extend(is_generic.then_some(("generic", "true")));
    own.extend((!timeout.is_zero()).then_some(("timeout", &*millis)));
    let along = fields::of(&head.headers, &OWN);
    let named = named.iter().flatten().filter(|(name, _)| !own.iter().any(|(own, _)| own == name));
    let own = own.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let named = named.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let attachments: Vec<_> = own.chain(fields::pairs(&along)).chain(named).collect();
    let request = Request {
        id: 0,
        one_way: false,
        dubbo_version: DUBBO_VERSION,
        service: &target.service,
        version,
        method: if is_generic { INVOKE } else { &target.method },
        parameter_types: &types,
        arguments: &values,
        attachments: &attachments,
    };
    request.write(out);
    Ok(())
}

/// The types at the front of a payload that is passed on as it is, and where its arguments begin.
fn types_of(payload: &[u8]) -> Result<(String, usize)> {
    let mut decoder = Decoder::new(payload, Dialect::V2, Bounds::default());
    match decoder.value() {
        Ok(Value::String(types)) => Ok((types, decoder.position())),
        _ => Err(bad_request(
            "a body that goes to Dubbo as it is begins with the types of the parameters, a string in Hessian 2.0",
        )),
    }
}

/// The arguments of a generic call.
fn generic(method: &str, call: Arguments) -> Result<Vec<u8>> {
    let values = call.values(Classes::Named)?;
    let mut encoder = Encoder::new(Dialect::V2);
    encoder.value(&Value::text(method));
    encoder.value(&call.types.map_or(Value::Null, |types| {
        Value::list(Some("[string"), types.into_iter().map(Value::String).collect())
    }));
    encoder.value(&Value::list(Some("[object"), values));
    Ok(encoder.finish())
}

/// What an answer is to an HTTP client.
pub(super) fn answer(response: &Envelope, conversion: &Conversion) -> Result<Answer> {
    if response.code != OK {
        let text = (response.serialization == HESSIAN2).then(|| values(response.payload()).ok()).flatten();
        let text = text.as_ref().and_then(|values| values.first()).and_then(Value::as_text);
        return Ok(failure::error(response.status, text.unwrap_or_default()));
    }
    let opaque =
        |status| Answer { status, content_type: OPAQUE, body: response.raw.slice(response.payload.range()) };
    let outcome = match dubbo::outcome(response) {
        None => return Ok(opaque(StatusCode::OK)),
        Some(Outcome::Exception) if conversion.opaque => {
            return Ok(opaque(StatusCode::INTERNAL_SERVER_ERROR));
        }
        Some(_) if conversion.opaque => return Ok(opaque(StatusCode::OK)),
        Some(Outcome::Null) => return Ok(failure::answer(StatusCode::OK, &serde_json::Value::Null)),
        Some(outcome) => outcome,
    };
    let values = values(response.payload())
        .map_err(|error| bad_answer(format!("the answer's value can't be read: {error}")))?;
    let mut reader = Reader::new(&values);
    let value = values.first().unwrap_or(&Value::Null);
    if outcome == Outcome::Exception
        && let Some(thrown) = failure::Thrown::of(value, &reader)
    {
        return Ok(thrown.answer());
    }
    let status =
        if outcome == Outcome::Exception { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    Ok(failure::answer(status, &reader.json(value).map_err(bad_answer)?))
}

/// What a request calls and with what.
pub(super) fn call(request: &Envelope, headers: &Headers, conversion: &Conversion) -> Result<Call> {
    let method = headers.get_str("method").unwrap_or_default().to_owned();
    if conversion.opaque || request.serialization != HESSIAN2 {
        let body = request.raw.slice(request.payload.range());
        return Ok(Call { method, content_type: OPAQUE, body });
    }
    let unread = |error: Invalid| bad_request(format!("the arguments can't be read: {error}"));
    let (types, at) = types_of(request.payload())?;
    let count = dubbo::parameters(types.as_bytes())
        .ok_or_else(|| bad_request("the types of the parameters are not as Java writes them"))?;
    let mut decoder =
        Decoder::new(request.payload().get(at..).unwrap_or_default(), Dialect::V2, Bounds::default());
    let values =
        (0..count).map(|_| decoder.value()).collect::<std::result::Result<Vec<_>, _>>().map_err(unread)?;
    let mut reader = Reader::new(&values);
    // A generic call is the call that it stands for.
    let (method, arguments) = match &*values {
        [Value::String(called), _, arguments] if method.starts_with(INVOKE) => {
            match reader.resolved(arguments) {
                Value::List(list) => (called.trim().to_owned(), &*list.items),
                _ => (called.trim().to_owned(), &[][..]),
            }
        }
        values => (method, values),
    };
    let arguments = arguments.iter().map(|value| reader.json(value)).collect::<std::result::Result<_, _>>();
    let arguments = serde_json::Value::Array(arguments.map_err(bad_request)?);
    Ok(Call { method, content_type: JSON, body: Bytes::from(arguments.to_string()) })
}

/// Writes the answer to a request.
pub(super) fn response(
    head: &ResponseHead,
    body: &[u8],
    request: &Envelope,
    conversion: &Conversion,
    out: &mut BytesMut,
) -> Result<()> {
    let called = Called::of(request);
    let value = if conversion.opaque {
        body.to_vec()
    } else {
        let classes = if called.method.starts_with(INVOKE) { Classes::Named } else { Classes::Objects };
        match result::value(head, body, classes)? {
            Value::Null => Vec::new(),
            value => {
                let mut encoder = Encoder::new(Dialect::V2);
                encoder.value(&value);
                encoder.finish()
            }
        }
    };
    let along = fields::of(&head.headers, &[]);
    let along: Vec<_> = fields::pairs(&along).collect();
    Response {
        id: request.id,
        body: if value.is_empty() { Body::Null } else { Body::Value(&value) },
        attachments: called.reads_attachments().then_some(&along),
    }
    .write(out);
    Ok(())
}

/// What the front of a request says.
#[derive(Default)]
struct Called {
    dubbo: String,
    method: String,
}

impl Called {
    /// Empty where it can't be read.
    fn of(request: &Envelope) -> Called {
        let body = request.raw.get(HEAD..).unwrap_or_default();
        let mut decoder = Decoder::new(body, Dialect::V2, Bounds::default());
        let mut text = || match decoder.value() {
            Ok(Value::String(text)) => text,
            _ => String::new(),
        };
        let (dubbo, _service, _version, method) = (text(), text(), text(), text());
        Called { dubbo, method }
    }

    /// Whether the consumer knows attachments of answers: since version 2.0.2 of the protocol. Older ones named the version
    /// of their library here, 2.5 or so.
    fn reads_attachments(&self) -> bool {
        let patch = self.dubbo.strip_prefix("2.0.").and_then(|patch| patch.parse::<u32>().ok());
        patch.is_some_and(|patch| (2..10).contains(&patch))
    }
}

fn values(bytes: &[u8]) -> std::result::Result<Vec<Value>, Invalid> {
    Decoder::new(bytes, Dialect::V2, Bounds::default()).rest()
}
