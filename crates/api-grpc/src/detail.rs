//! Google's error details (`google/rpc/error_details.proto`) as far as Dapr's errors have them, on their way into the
//! `grpc-status-details-bin` of an answer.

use std::collections::HashMap;

use bytes::Bytes;
use mecha_runtime::Detail;
use mecha_runtime::error::DOMAIN;
use prost::{Message, Name};
use prost_types::Any;

use crate::proto::RpcStatus;

macro_rules! named {
    ($($message:ident)*) => {$(
        impl Name for $message {
            const NAME: &'static str = stringify!($message);
            const PACKAGE: &'static str = "google.rpc";

            fn type_url() -> String {
                concat!("type.googleapis.com/google.rpc.", stringify!($message)).to_owned()
            }
        }
    )*};
}

named! { ErrorInfo ResourceInfo BadRequest Help }

/// Why, in a form for programs.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
    #[prost(string, tag = "2")]
    pub(crate) domain: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) metadata: HashMap<String, String>,
}

/// What it is about.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResourceInfo {
    #[prost(string, tag = "1")]
    pub(crate) resource_type: String,
    #[prost(string, tag = "2")]
    pub(crate) resource_name: String,
    #[prost(string, tag = "3")]
    pub(crate) owner: String,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
}

/// Which fields of the request are wrong.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) field_violations: Vec<FieldViolation>,
}

/// A field and what is wrong with it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldViolation {
    #[prost(string, tag = "1")]
    pub(crate) field: String,
    #[prost(string, tag = "2")]
    pub(crate) description: String,
}

/// Where to read more.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Help {
    #[prost(message, repeated, tag = "1")]
    pub(crate) links: Vec<Link>,
}

/// An address and what is found there.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Link {
    #[prost(string, tag = "1")]
    pub(crate) description: String,
    #[prost(string, tag = "2")]
    pub(crate) url: String,
}

/// The value of `grpc-status-details-bin`; empty when there are no details.
pub(crate) fn encode(code: i32, message: &str, details: &[Detail]) -> Bytes {
    if details.is_empty() {
        return Bytes::new();
    }
    let details = details.iter().map(any).collect();
    RpcStatus { code, message: message.to_owned(), details }.encode_to_vec().into()
}

fn any(detail: &Detail) -> Any {
    match detail {
        Detail::ErrorInfo { reason, metadata } => wrap(&ErrorInfo {
            reason: reason.clone(),
            domain: DOMAIN.to_owned(),
            metadata: metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }),
        Detail::ResourceInfo { kind, name, owner, description } => wrap(&ResourceInfo {
            resource_type: kind.clone(),
            resource_name: name.clone(),
            owner: owner.clone(),
            description: description.clone(),
        }),
        Detail::BadRequest(fields) => {
            let each = |(field, description): &(String, String)| FieldViolation {
                field: field.clone(),
                description: description.clone(),
            };
            wrap(&BadRequest { field_violations: fields.iter().map(each).collect() })
        }
        Detail::Help(links) => {
            let each = |(description, url): &(String, String)| Link {
                description: description.clone(),
                url: url.clone(),
            };
            wrap(&Help { links: links.iter().map(each).collect() })
        }
    }
}

fn wrap<M: Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}
