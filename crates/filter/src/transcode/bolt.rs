//! Bolt: requests become those of SOFARPC, an object of `SofaRequest` and the arguments after it, in the draft of Hessian 2
//! that SOFARPC writes. A Java provider finds the method by name and types; types that nobody gave are told from the
//! arguments, as sofa-rpc-node does.

mod sofa;

use std::time::Duration;

use bytes::BytesMut;
use mecha_base::{Error, Kind, Result};
use mecha_codec::bolt::{self, HESSIAN2};
use mecha_codec::hessian2::{Bounds, Decoder, Dialect, Invalid, Value};
use mecha_codec::rpc::{Envelope, Protocol, name, own_name};
use mecha_config::filter::Conversion;
use mecha_http::{Headers, RequestHead, ResponseHead, StatusCode};

use super::arguments::{arguments, is_opaque};
use super::json::{Classes, Reader};
use super::target::{named, target};
use super::{Answer, Call, JSON, OPAQUE, bad_answer, bad_request, failure, fields, result};

/// Fields that say what is called. SOFARPC and MOSN know the first two.
const OWN: [&str; 4] = ["service", "sofa_head_target_service", "sofa_head_method_name", "class"];

/// Writes the request.
pub(super) fn request(
    head: &RequestHead,
    body: &[u8],
    protocol: Protocol,
    conversion: &Conversion,
    timeout: Duration,
    out: &mut BytesMut,
) -> Result<()> {
    let is_opaque = is_opaque(head, conversion);
    // What is opaque is for a server of the user's own, which may know neither services nor methods.
    let target = if is_opaque { named(head, conversion) } else { target(head, conversion)? };
    let service = sofa::unique_name(&target);
    let call = if is_opaque { None } else { Some(arguments(body, conversion)?) };
    let mut along = fields::of(&head.headers, &OWN);
    let named = call.iter().flat_map(|call| &call.attachments);
    along.extend(named.map(|(name, value)| (name.clone(), value.as_bytes())));
    let content =
        call.as_ref().map(|call| sofa::request(&target.method, &service, call, &along)).transpose()?;
    let class = match &content {
        Some(_) => sofa::REQUEST,
        None => conversion.class.as_deref().or_else(|| head.headers.get_str("class")).unwrap_or_default(),
    };
    let [service_name, target_name, method_name, _] = OWN;
    let told = [(service_name, &*service), (target_name, &*service), (method_name, &*target.method)];
    let told = told.iter().filter(|(_, value)| !value.is_empty());
    let told = told.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let request = bolt::Request {
        protocol,
        timeout,
        class: class.as_bytes(),
        fields: &told.chain(fields::pairs(&along)).collect::<Vec<_>>(),
        content: content.as_deref().unwrap_or(body),
        ..bolt::Request::default()
    };
    request.write(out).map_err(|error| Error::downstream(Kind::BadRequest(431), error.reason))
}

/// What an answer is to an HTTP client.
pub(super) fn answer(response: &Envelope, headers: &Headers, conversion: &Conversion) -> Result<Answer> {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.raw.slice(response.payload.range());
    let opaque = Answer { status, content_type: OPAQUE, body };
    if conversion.opaque || response.serialization != HESSIAN2 {
        return Ok(opaque);
    }
    let is_sofa = class(headers) == sofa::RESPONSE.as_bytes();
    let values = match values(response) {
        Ok(values) => values,
        Err(_) if response.code != 0 => Vec::new(),
        Err(_) if !is_sofa => return Ok(opaque),
        Err(error) => return Err(bad_answer(format!("the answer's value can't be read: {error}"))),
    };
    let mut reader = Reader::new(&values);
    let value = values.first().unwrap_or(&Value::Null);
    if response.code != 0 {
        let thrown = failure::Thrown::of(value, &reader).and_then(|thrown| thrown.message());
        let said = thrown.or_else(|| value.as_text()).map(str::to_owned);
        return Ok(failure::error(response.status, &said.unwrap_or_else(|| sofa::status(response.code))));
    }
    let value = match value {
        Value::Object(object) if object.class.name == sofa::RESPONSE => {
            if object.get("isError") == Some(&Value::Bool(true)) {
                let text = object.get("errorMsg").and_then(Value::as_text);
                return Ok(failure::error(500, text.unwrap_or_default()));
            }
            object.get("appResponse").unwrap_or(&Value::Null)
        }
        value => value,
    };
    match failure::Thrown::of(value, &reader) {
        Some(thrown) => Ok(thrown.answer()),
        None => Ok(failure::answer(status, &reader.json(value).map_err(bad_answer)?)),
    }
}

/// What a request calls and with what. A content that is not SOFARPC's is passed on as it is.
pub(super) fn call(request: &Envelope, headers: &Headers, conversion: &Conversion) -> Result<Call> {
    let method = headers.get_str("method").unwrap_or_default().to_owned();
    let is_sofa = class(headers) == sofa::REQUEST.as_bytes() && request.serialization == HESSIAN2;
    if conversion.opaque || !is_sofa {
        let body = request.raw.slice(request.payload.range());
        return Ok(Call { method, content_type: OPAQUE, body });
    }
    let values =
        values(request).map_err(|error| bad_request(format!("the arguments can't be read: {error}")))?;
    let mut reader = Reader::new(&values);
    let (called, arguments) = match values.split_first() {
        Some((Value::Object(object), arguments)) if object.class.name == sofa::REQUEST => (object, arguments),
        _ => return Err(bad_request("the content is not the SofaRequest that its class says")),
    };
    let called = called.get("methodName").and_then(Value::as_text);
    let arguments = arguments.iter().map(|value| reader.json(value)).collect::<std::result::Result<_, _>>();
    let arguments = serde_json::Value::Array(arguments.map_err(bad_request)?);
    let method = called.map_or(method, str::to_owned);
    Ok(Call { method, content_type: JSON, body: arguments.to_string().into() })
}

/// Writes the answer to a request.
pub(super) fn response(
    head: &ResponseHead,
    body: &[u8],
    request: &Envelope,
    conversion: &Conversion,
    out: &mut BytesMut,
) -> Result<()> {
    let along = fields::of(&head.headers, &[]);
    let content = if !conversion.opaque && sofa::is_request(request) {
        let value = result::value(head, body, Classes::Objects)?;
        Some(sofa::response(value, &along, Dialect::of(request.payload())))
    } else {
        None
    };
    let class = match &content {
        Some(_) => sofa::RESPONSE,
        None => conversion.class.as_deref().unwrap_or_default(),
    };
    let fields: Vec<_> = fields::pairs(&along).collect();
    let response = bolt::Response {
        class: class.as_bytes(),
        fields: &fields,
        content: content.as_deref().unwrap_or(body),
        ..bolt::Response::to(request)
    };
    response.write(out).map_err(|error| bad_answer(error.reason))
}

/// The class of the content.
fn class(headers: &Headers) -> &[u8] {
    let wanted = own_name(name::CLASS);
    headers
        .views()
        .find(|field| field.own && field.name == wanted)
        .map(|field| field.value)
        .unwrap_or_default()
}

fn values(frame: &Envelope) -> std::result::Result<Vec<Value>, Invalid> {
    let content = frame.payload();
    Decoder::new(content, Dialect::of(content), Bounds::default()).rest()
}
