//! Sans-io wire codecs: bytes in, facts out. Nothing here owns a socket, a timer or a task, so the same code
//! runs under the connection driver, the simulator, the fuzzer and the benchmarks.
//!
//! One file (and folder) per protocol; [`detect`] is the table over them that names the protocol of a new
//! connection from its first bytes.

pub mod dapr;
pub mod detect;
pub mod grpc;
pub mod http1;
pub mod http2;
pub mod mdns;
