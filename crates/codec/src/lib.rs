//! Sans-io wire codecs: bytes in, facts out. Nothing here owns a socket, a timer or a task, so the same code
//! runs under the connection driver, the simulator, the fuzzer and the benchmarks.
//!
//! One file (and folder) per protocol; [`detect`] is the table over them that names the protocol of a new
//! connection from its first bytes.

pub mod bolt;
pub mod dapr;
pub mod detect;
pub mod dubbo;
pub mod dubbo_thrift;
pub mod grpc;
pub mod hessian2;
pub mod http1;
pub mod http2;
pub mod mdns;
pub mod rpc;
pub mod tars;
