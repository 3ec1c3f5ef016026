//! Which service and method a request calls: a message of an RPC protocol says so in its fields, gRPC and Dubbo's Triple in
//! the path. Routing, metrics and access logs ask here.

use crate::RequestHead;

/// How the names of Triple's header fields begin. Unlike gRPC's, its unary calls may have any content type
/// (<https://dubbo.apache.org/en/overview/reference/protocols/triple-spec/>).
const TRIPLE: &[u8] = b"tri-";

/// A service and one of its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The service; of gRPC with its package.
    pub service: &'a [u8],
    /// The method; empty when a message of an RPC protocol names none.
    pub method: &'a [u8],
}

impl RequestHead {
    /// What is called; `None` of a request that is no remote procedure call, or a message that names no service.
    pub fn call(&self) -> Option<Call<'_>> {
        if self.rpc.is_some() {
            let service = self.headers.get("service")?;
            return Some(Call { service, method: self.headers.get("method").unwrap_or_default() });
        }
        let (service, method) = self.path().strip_prefix('/')?.split_once('/')?;
        let named = !service.is_empty() && !method.is_empty() && !method.contains('/');
        let call = Call { service: service.as_bytes(), method: method.as_bytes() };
        (named && (self.is_grpc() || self.is_triple())).then_some(call)
    }

    /// The service that is called, as [`RequestHead::call`] has it.
    pub fn rpc_service(&self) -> Option<&[u8]> {
        self.call().map(|call| call.service)
    }

    /// The method that is called, as [`RequestHead::call`] has it; `None` too when the message names none.
    pub fn rpc_method(&self) -> Option<&[u8]> {
        self.call().map(|call| call.method).filter(|method| !method.is_empty())
    }

    /// Whether it has a field that only callers of Triple send.
    fn is_triple(&self) -> bool {
        let is_ours = |name: &[u8]| {
            name.split_at_checked(TRIPLE.len()).is_some_and(|(begin, _)| begin.eq_ignore_ascii_case(TRIPLE))
        };
        self.headers.iter().any(|(name, _)| is_ours(name))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use bytestring::ByteString;
    use mecha_codec::http1::Span;
    use mecha_codec::rpc::{Envelope, Kind, Protocol};

    use super::*;
    use crate::{Headers, Method, Version};

    fn head(target: &str, fields: &[(&str, &str)]) -> RequestHead {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append(name, value.as_bytes()).unwrap();
        }
        RequestHead {
            version: Version::Http2,
            method: Method::POST,
            authority: ByteString::from_static("a"),
            target: ByteString::from(target),
            headers,
            rpc: None,
        }
    }

    fn called(head: &RequestHead) -> Option<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        head.call().map(|call| (text(call.service), text(call.method)))
    }

    #[test]
    fn a_path_of_grpc_and_triple_names_service_and_method() {
        let grpc = [("content-type", "application/grpc+proto")];
        let triple = [("content-type", "application/json"), ("Tri-Service-Version", "1.0.0")];
        for fields in [&grpc[..], &triple] {
            assert_eq!(called(&head("/a.b.Greeter/SayHello?x", fields)), Some(("a.b.Greeter", "SayHello")));
            for path in ["/", "/a.b.Greeter", "/a.b.Greeter/", "//SayHello", "/v1/a.b.Greeter/SayHello", "*"]
            {
                assert_eq!(called(&head(path, fields)), None, "{path}");
            }
        }
        assert_eq!(called(&head("/orders/list", &[("content-type", "application/json")])), None);
    }

    #[test]
    fn a_message_names_them_in_its_fields() {
        let raw = Bytes::new();
        let none = Span::default();
        let envelope = Envelope {
            raw,
            id: 1,
            payload: none,
            fields_at: none,
            timeout: Duration::ZERO,
            status: 200,
            code: 0,
            protocol: Protocol::Dubbo,
            kind: Kind::Request,
            serialization: 2,
        };
        let of = |fields: &[(&str, &str)]| RequestHead { rpc: Some(envelope.clone()), ..head("/", fields) };
        assert_eq!(called(&of(&[("service", "a.B"), ("method", "c")])), Some(("a.B", "c")));
        assert_eq!(called(&of(&[("service", "a.B")])), Some(("a.B", "")));
        assert_eq!(of(&[("service", "a.B")]).rpc_method(), None);
        assert_eq!(called(&of(&[("method", "c")])), None);
    }
}
