//! Whole frames from their parts: what conversions, tests and benchmarks send.

use bytes::{BufMut, BytesMut};

use super::body::{FIRST_KIND, WITH_ATTACHMENTS};
use super::header::{self, OK, REQUEST, TWO_WAY};
use crate::hessian2::text::{write_bytes, write_string};

/// The version of Dubbo's protocol that its releases since 2.7 name.
pub const DUBBO_VERSION: &str = "2.0.2";

/// Attachments: names and values.
pub type Attachments<'a> = &'a [(&'a [u8], &'a [u8])];

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The number that its answer repeats.
    pub id: u64,
    /// Whether nobody waits for an answer.
    pub one_way: bool,
    /// The version of the protocol: [`DUBBO_VERSION`].
    pub dubbo_version: &'a str,
    /// The path of the service, in most cases its interface.
    pub service: &'a str,
    /// The version of the service; `0.0.0` where nobody chose one, null when empty.
    pub version: &'a str,
    /// The method.
    pub method: &'a str,
    /// The types of its parameters, as the JVM writes them: `ILjava/lang/String;`.
    pub parameter_types: &'a str,
    /// The arguments, one value of Hessian 2.0 after the other.
    pub arguments: &'a [u8],
    /// The attachments. Dubbo's providers look up `path`, `interface`, `version` and `group` here before they look at
    /// the fields above.
    pub attachments: Attachments<'a>,
}

impl Request<'_> {
    /// Writes the frame.
    pub fn write(&self, out: &mut BytesMut) {
        let flags = if self.one_way { REQUEST } else { REQUEST | TWO_WAY };
        header::write(flags, 0, self.id, out, |out| {
            write_string(self.dubbo_version, out);
            write_string(self.service, out);
            if self.version.is_empty() {
                out.put_u8(b'N')
            } else {
                write_string(self.version, out)
            }
            write_string(self.method, out);
            write_string(self.parameter_types, out);
            out.put_slice(self.arguments);
            write_map(self.attachments, out);
        });
    }
}

/// A response.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The number of the request.
    pub id: u64,
    /// What came of it.
    pub body: Body<'a>,
    /// Attachments, of a call that was made; consumers older than version 2.0.2 of the protocol know none.
    pub attachments: Option<Attachments<'a>>,
}

/// What came of a call; values are in Hessian 2.0.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// It returned this value.
    Value(&'a [u8]),
    /// It returned null or nothing.
    Null,
    /// It threw this exception.
    Exception(&'a [u8]),
    /// It was not made.
    Failure {
        /// Dubbo's status, any but 20.
        status: u8,
        /// Why.
        text: &'a str,
    },
}

impl Response<'_> {
    /// Writes the frame.
    pub fn write(&self, out: &mut BytesMut) {
        let (kind, value) = match self.body {
            Body::Failure { status, text } => {
                return header::write(0, status, self.id, out, |out| write_string(text, out));
            }
            Body::Exception(value) => (FIRST_KIND, value),
            Body::Value(value) => (FIRST_KIND + 1, value),
            Body::Null => (FIRST_KIND + 2, &[][..]),
        };
        header::write(0, OK, self.id, out, |out| {
            out.put_u8(if self.attachments.is_some() { kind + WITH_ATTACHMENTS } else { kind });
            out.put_slice(value);
            if let Some(attachments) = self.attachments {
                write_map(attachments, out);
            }
        });
    }
}

fn write_map(attachments: Attachments<'_>, out: &mut BytesMut) {
    out.put_u8(b'H');
    for (name, value) in attachments {
        write_bytes(name, out);
        write_bytes(value, out);
    }
    out.put_u8(b'Z');
}
