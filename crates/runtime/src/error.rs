//! What an API answers when an operation fails: one value with the code of the catalogue (reference 1.3), the HTTP
//! status, the gRPC code and the details of Google's error model. The faces only write it down. Constructors stand in
//! one file for each building block.

mod invoke;

pub(crate) mod component;
mod pubsub;
mod secret;
mod state;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

/// gRPC status codes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[expect(missing_docs, reason = "the names are those of the gRPC specification")]
pub enum GrpcCode {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl GrpcCode {
    /// Every code, in the order of their numbers, with its name in the style of Go's libraries.
    const NAMES: [(GrpcCode, &'static str); 17] = [
        (GrpcCode::Ok, "OK"),
        (GrpcCode::Cancelled, "Canceled"),
        (GrpcCode::Unknown, "Unknown"),
        (GrpcCode::InvalidArgument, "InvalidArgument"),
        (GrpcCode::DeadlineExceeded, "DeadlineExceeded"),
        (GrpcCode::NotFound, "NotFound"),
        (GrpcCode::AlreadyExists, "AlreadyExists"),
        (GrpcCode::PermissionDenied, "PermissionDenied"),
        (GrpcCode::ResourceExhausted, "ResourceExhausted"),
        (GrpcCode::FailedPrecondition, "FailedPrecondition"),
        (GrpcCode::Aborted, "Aborted"),
        (GrpcCode::OutOfRange, "OutOfRange"),
        (GrpcCode::Unimplemented, "Unimplemented"),
        (GrpcCode::Internal, "Internal"),
        (GrpcCode::Unavailable, "Unavailable"),
        (GrpcCode::DataLoss, "DataLoss"),
        (GrpcCode::Unauthenticated, "Unauthenticated"),
    ];

    /// The code of that number; unknown numbers are [`GrpcCode::Unknown`].
    pub fn of(number: i32) -> Self {
        let code = usize::try_from(number).ok().and_then(|number| Self::NAMES.get(number));
        code.map_or(GrpcCode::Unknown, |(code, _)| *code)
    }

    /// As errors of Go's libraries write it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(code, _)| *code == self).map_or("Unknown", |(_, name)| name)
    }
}

/// An error as an API answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    code: &'static str,
    http: u16,
    grpc: GrpcCode,
    message: String,
    details: Vec<Detail>,
}

/// One of the details; with any of them the JSON has the rich shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// `google.rpc.ErrorInfo` of the domain `dapr.io`.
    ErrorInfo {
        /// `DAPR_STATE_NOT_FOUND` and the like.
        reason: String,
        /// Whatever belongs to it.
        metadata: BTreeMap<String, String>,
    },
    /// `google.rpc.ResourceInfo`.
    ResourceInfo {
        /// `state`, `pubsub`, ...
        kind: String,
        /// The component's name.
        name: String,
        /// Whose it is; usually empty.
        owner: String,
        /// Usually empty.
        description: String,
    },
    /// `google.rpc.BadRequest`: fields and what is wrong with each.
    BadRequest(Vec<(String, String)>),
    /// `google.rpc.Help`: descriptions and addresses.
    Help(Vec<(String, String)>),
}

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "dapr.io";

impl ApiError {
    /// An error of the plain shape.
    pub fn new(code: &'static str, http: u16, grpc: GrpcCode, message: impl Into<String>) -> Self {
        ApiError(Box::new(Parts { code, http, grpc, message: message.into(), details: Vec::new() }))
    }

    /// A feature that this release does not have (501, UNIMPLEMENTED).
    pub fn unimplemented(feature: &str) -> Self {
        let message = format!("{feature} is not available in this version of Mecha");
        Self::new("ERR_API_UNIMPLEMENTED", 501, GrpcCode::Unimplemented, message)
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("ERR_INTERNAL", 500, GrpcCode::Internal, message)
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Self {
        self.0.details.push(detail);
        self
    }

    /// With an `ErrorInfo`.
    #[must_use]
    pub fn reason(self, reason: &str, metadata: &[(&str, &str)]) -> Self {
        let metadata =
            metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.with(Detail::ErrorInfo { reason: reason.to_owned(), metadata })
    }

    /// With a `ResourceInfo`.
    #[must_use]
    pub fn resource(self, kind: &str, name: &str) -> Self {
        let (owner, description) = (String::new(), String::new());
        self.with(Detail::ResourceInfo { kind: kind.to_owned(), name: name.to_owned(), owner, description })
    }

    /// The code of the catalogue: `ERR_...`.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status.
    pub fn http(&self) -> u16 {
        self.0.http
    }

    /// The gRPC code.
    pub fn grpc(&self) -> GrpcCode {
        self.0.grpc
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details.
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// The JSON body: `errorCode` and `message`, and `details` when there are any.
    pub fn to_json(&self) -> Value {
        let mut body = json!({ "errorCode": self.0.code, "message": self.0.message });
        if !self.0.details.is_empty()
            && let Some(map) = body.as_object_mut()
        {
            map.insert("details".to_owned(), self.0.details.iter().map(Detail::to_json).collect());
        }
        body
    }
}

impl Detail {
    /// The reference writes Go's names of the fields (snake case), not those of proto JSON; empty fields are left out.
    fn to_json(&self) -> Value {
        let typed = |name: &str| format!("type.googleapis.com/google.rpc.{name}");
        match self {
            Detail::ErrorInfo { reason, metadata } => {
                let mut value = json!({ "@type": typed("ErrorInfo"), "reason": reason, "domain": DOMAIN });
                if !metadata.is_empty()
                    && let Some(map) = value.as_object_mut()
                {
                    map.insert("metadata".to_owned(), json!(metadata));
                }
                value
            }
            Detail::ResourceInfo { kind, name, owner, description } => {
                let mut value = json!({ "@type": typed("ResourceInfo") });
                let fields = [
                    ("resource_type", kind),
                    ("resource_name", name),
                    ("owner", owner),
                    ("description", description),
                ];
                if let Some(map) = value.as_object_mut() {
                    let filled = fields.into_iter().filter(|(_, text)| !text.is_empty());
                    map.extend(filled.map(|(field, text)| (field.to_owned(), Value::from(text.as_str()))));
                }
                value
            }
            Detail::BadRequest(fields) => {
                let each = |(field, description): &(String, String)| json!({ "field": field, "description": description });
                json!({ "@type": typed("BadRequest"), "field_violations": fields.iter().map(each).collect::<Vec<_>>() })
            }
            Detail::Help(links) => {
                let each =
                    |(description, url): &(String, String)| json!({ "description": description, "url": url });
                json!({ "@type": typed("Help"), "links": links.iter().map(each).collect::<Vec<_>>() })
            }
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}
