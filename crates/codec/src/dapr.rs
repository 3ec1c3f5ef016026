//! What the runtimes of applications send each other (Dapr reference 2.4): messages of the service `ServiceInvocation`,
//! and the order in which they make a call whose bodies stream.

mod chunk;
mod message;

pub use chunk::{CHUNK, Chunk, ChunkDecoder, ChunkEncoder, ChunkError, Received};
pub use message::{
    Any, HttpExtension, InternalInvokeRequest, InternalInvokeResponse, InvokeRequest, InvokeResponse,
    Metadata, RequestChunk, ResponseChunk, Status, StreamPayload, Values, Verb,
};

/// A call whose bodies stream.
pub const CALL_LOCAL_STREAM: &str = "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream";
/// A call in one message; older runtimes make it.
pub const CALL_LOCAL: &str = "/dapr.proto.internals.v1.ServiceInvocation/CallLocal";
/// The path of every method of the service begins so.
pub const SERVICE: &str = "/dapr.proto.internals.v1.ServiceInvocation/";

#[cfg(test)]
mod tests;
