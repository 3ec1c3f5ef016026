//! The one error of the request path. It says what failed (`Kind`), whose doing it was (`Side`),
//! and whether the same request may be sent again (`RetrySafety`); one table turns a kind into an
//! HTTP status, a response flag and a gRPC code, so that every protocol answers alike.

use std::borrow::Cow;
use std::fmt;

use crate::flags::ResponseFlags;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client sent something its protocol forbids; the status is the answer it gets (400, 414, 431, 501, 505).
    BadRequest(u16),
    /// The client was too slow with its head or body.
    SlowClient,
    /// The client closed or reset its side before the response was complete.
    ClientGone,
    /// No virtual host or route matched.
    NoRoute,
    /// The route names a cluster that does not exist.
    NoCluster,
    /// The cluster has no host that may take the request.
    NoHealthyHost,
    /// The connection to the host could not be made.
    ConnectFailed,
    /// The connection to the host took longer than the cluster's connect timeout.
    ConnectTimeout,
    /// A limit of the cluster (connections, pending requests, requests, retries) was reached.
    Overflow,
    /// The upstream closed or reset before the response was complete.
    UpstreamReset,
    /// The upstream answered with something its protocol forbids.
    UpstreamProtocol,
    /// The global timeout of the request ran out.
    Timeout,
    /// The timeout of one try ran out.
    TryTimeout,
    /// A body stopped moving for longer than the stream idle timeout.
    StreamIdle,
    /// The process is going away.
    Shutdown,
    /// Anything that is a fault of ours.
    Internal,
}

impl Kind {
    /// The HTTP status that a client sees when this kind ends its request (MOSN reference 2.3; RFC 9110 section 15).
    pub const fn status(self) -> u16 {
        match self {
            Kind::BadRequest(status) => status,
            Kind::SlowClient => 408,
            Kind::ClientGone => 499,
            Kind::NoRoute | Kind::NoCluster => 404,
            Kind::NoHealthyHost | Kind::ConnectFailed | Kind::ConnectTimeout => 503,
            Kind::Overflow | Kind::Shutdown => 503,
            Kind::UpstreamReset | Kind::UpstreamProtocol => 502,
            Kind::Timeout | Kind::TryTimeout | Kind::StreamIdle => 504,
            Kind::Internal => 500,
        }
    }

    /// The same for clients of RPC protocols, whose statuses MOSN's table derives from its own codes: there a host that
    /// can't be reached is 502, and 503 says that a limit was reached (MOSN reference 2.3).
    pub const fn rpc_status(self) -> u16 {
        match self {
            Kind::NoHealthyHost | Kind::ConnectFailed | Kind::ConnectTimeout => 502,
            kind => kind.status(),
        }
    }

    /// The response flag that access log and metrics show for this kind.
    pub const fn flag(self) -> ResponseFlags {
        match self {
            Kind::NoRoute | Kind::NoCluster => ResponseFlags::NO_ROUTE,
            Kind::NoHealthyHost => ResponseFlags::NO_HEALTHY_UPSTREAM,
            Kind::ConnectFailed | Kind::ConnectTimeout => ResponseFlags::UPSTREAM_CONNECTION_FAILURE,
            Kind::Overflow => ResponseFlags::UPSTREAM_OVERFLOW,
            Kind::UpstreamReset => ResponseFlags::UPSTREAM_REMOTE_RESET,
            Kind::UpstreamProtocol => ResponseFlags::UPSTREAM_CONNECTION_TERMINATION,
            Kind::Timeout | Kind::TryTimeout | Kind::StreamIdle => ResponseFlags::UPSTREAM_TIMEOUT,
            Kind::ClientGone => ResponseFlags::UPSTREAM_LOCAL_RESET,
            Kind::BadRequest(_) | Kind::SlowClient | Kind::Shutdown | Kind::Internal => ResponseFlags::NONE,
        }
    }

    /// A few words for logs and response bodies; never contains what the client sent.
    pub const fn describe(self) -> &'static str {
        match self {
            Kind::BadRequest(_) => "bad request",
            Kind::SlowClient => "request timed out while being received",
            Kind::ClientGone => "client went away",
            Kind::NoRoute => "no route matched",
            Kind::NoCluster => "the route's cluster does not exist",
            Kind::NoHealthyHost => "no healthy upstream host",
            Kind::ConnectFailed => "upstream connection failed",
            Kind::ConnectTimeout => "upstream connection timed out",
            Kind::Overflow => "upstream limit reached",
            Kind::UpstreamReset => "upstream reset before the response was complete",
            Kind::UpstreamProtocol => "upstream broke its protocol",
            Kind::Timeout => "upstream request timed out",
            Kind::TryTimeout => "upstream try timed out",
            Kind::StreamIdle => "stream was idle for too long",
            Kind::Shutdown => "shutting down",
            Kind::Internal => "internal error",
        }
    }
}

/// Whose doing an error was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The peer that called us.
    Downstream,
    /// The peer that we called.
    Upstream,
    /// This process.
    Local,
}

/// Whether the request that failed may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetrySafety {
    /// No byte of it can have been acted upon.
    Safe,
    /// It went out on a reused connection that died before any response byte: very likely a keep-alive race.
    ReusedOnly,
    /// It may have been acted upon: only a retry policy can decide.
    Policy,
    /// Never.
    No,
}

/// An error of the request path. One word wide: the details are boxed, since errors are rare.
pub struct Error(Box<Details>);

struct Details {
    kind: Kind,
    side: Side,
    retry: RetrySafety,
    context: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` on `side`; not to be retried unless [`Error::retry`] says so.
    pub fn new(kind: Kind, side: Side, context: impl Into<Cow<'static, str>>) -> Self {
        Error(Box::new(Details { kind, side, retry: RetrySafety::No, context: context.into(), source: None }))
    }

    /// An error of our own peer's doing.
    pub fn downstream(kind: Kind, context: impl Into<Cow<'static, str>>) -> Self {
        Error::new(kind, Side::Downstream, context)
    }

    /// An error of the called peer's doing, which a retry policy may look at.
    pub fn upstream(kind: Kind, context: impl Into<Cow<'static, str>>) -> Self {
        Error::new(kind, Side::Upstream, context).retry_when(RetrySafety::Policy)
    }

    /// An error of this process.
    pub fn local(kind: Kind, context: impl Into<Cow<'static, str>>) -> Self {
        Error::new(kind, Side::Local, context)
    }

    /// The same error with another retry rule.
    #[must_use]
    pub fn retry_when(mut self, retry: RetrySafety) -> Self {
        self.0.retry = retry;
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What failed.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whose doing it was.
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// Whether the request may be sent again.
    pub fn retry(&self) -> RetrySafety {
        self.0.retry
    }

    /// What was being done when it failed.
    pub fn context(&self) -> &str {
        &self.0.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.describe())?;
        if !self.0.context.is_empty() {
            write!(f, ": {}", self.0.context)?;
        }
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}: {self}", self.0.side, self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_tells_its_cause() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let io = std::io::Error::other("refused");
        let error = Error::upstream(Kind::ConnectFailed, "10.0.0.1:80").because(io);
        assert_eq!(error.to_string(), "upstream connection failed: 10.0.0.1:80: refused");
        assert_eq!(error.kind().status(), 503);
        assert_eq!(error.kind().rpc_status(), 502);
        assert_eq!(Kind::Overflow.rpc_status(), 503);
        assert_eq!(error.kind().flag(), ResponseFlags::UPSTREAM_CONNECTION_FAILURE);
    }
}
