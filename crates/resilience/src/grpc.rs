//! gRPC status codes: how an HTTP status becomes one (gRPC, "HTTP to gRPC Status Code Mapping"), how a failure of ours
//! does, and how `grpc-message` is written.

use mecha_base::{Kind, percent};

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrpcStatus(pub u8);

impl GrpcStatus {
    /// Not an error.
    pub const OK: Self = GrpcStatus(0);
    /// The caller gave up.
    pub const CANCELLED: Self = GrpcStatus(1);
    /// No better code fits.
    pub const UNKNOWN: Self = GrpcStatus(2);
    /// The deadline passed.
    pub const DEADLINE_EXCEEDED: Self = GrpcStatus(4);
    /// The caller may not.
    pub const PERMISSION_DENIED: Self = GrpcStatus(7);
    /// A quota or limit is used up.
    pub const RESOURCE_EXHAUSTED: Self = GrpcStatus(8);
    /// There is no such method.
    pub const UNIMPLEMENTED: Self = GrpcStatus(12);
    /// The callee or the way to it is broken.
    pub const INTERNAL: Self = GrpcStatus(13);
    /// Trying again may help.
    pub const UNAVAILABLE: Self = GrpcStatus(14);
    /// The caller is unknown.
    pub const UNAUTHENTICATED: Self = GrpcStatus(16);

    /// The code for a response that has an HTTP status only.
    pub const fn from_http(status: u16) -> Self {
        match status {
            400 => GrpcStatus::INTERNAL,
            401 => GrpcStatus::UNAUTHENTICATED,
            403 => GrpcStatus::PERMISSION_DENIED,
            404 => GrpcStatus::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => GrpcStatus::UNAVAILABLE,
            _ => GrpcStatus::UNKNOWN,
        }
    }

    /// The code of a failure that ends a request here. A timeout is told as one, for a client must know that its call may have
    /// been carried out; the rest follows the HTTP status.
    pub const fn from_kind(kind: Kind) -> Self {
        match kind {
            Kind::Timeout | Kind::TryTimeout | Kind::StreamIdle | Kind::SlowClient => {
                GrpcStatus::DEADLINE_EXCEEDED
            }
            Kind::ClientGone => GrpcStatus::CANCELLED,
            Kind::Internal => GrpcStatus::INTERNAL,
            kind => GrpcStatus::from_http(kind.status()),
        }
    }

    /// The HTTP status that means the same (google.rpc.Code).
    pub const fn to_http(self) -> u16 {
        match self.0 {
            0 => 200,
            1 => 499,
            3 | 9 | 11 => 400,
            4 => 504,
            5 => 404,
            6 | 10 => 409,
            7 => 403,
            8 => 429,
            12 => 501,
            14 => 503,
            16 => 401,
            _ => 500,
        }
    }

    /// Reads the value of `grpc-status`; `None` when it is no number below 256.
    pub fn parse(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok()?.parse().ok().map(GrpcStatus)
    }

    /// The code as `grpc-status` writes it.
    pub fn to_text(self) -> String {
        self.0.to_string()
    }
}

/// Adds `message` to `out` as `grpc-message` writes it: UTF-8, where everything but visible ASCII and space, and the
/// percent sign itself, is percent-encoded (gRPC over HTTP/2, "Responses").
pub fn encode_message(message: &str, out: &mut String) {
    percent::encode(message.as_bytes(), |byte| matches!(byte, b' '..=b'~') && byte != b'%', out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_statuses_map_as_grpc_says() {
        let table = [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (200, 2),
            (302, 2),
            (409, 2),
            (500, 2),
            (501, 2),
            (599, 2),
        ];
        for (http, grpc) in table {
            assert_eq!(GrpcStatus::from_http(http), GrpcStatus(grpc), "{http}");
        }
    }

    #[test]
    fn failures_of_ours_tell_a_timeout_from_the_rest() {
        let table = [
            (Kind::NoRoute, 12),
            (Kind::NoCluster, 12),
            (Kind::NoHealthyHost, 14),
            (Kind::ConnectFailed, 14),
            (Kind::ConnectTimeout, 14),
            (Kind::Overflow, 14),
            (Kind::UpstreamReset, 14),
            (Kind::UpstreamProtocol, 14),
            (Kind::Timeout, 4),
            (Kind::TryTimeout, 4),
            (Kind::StreamIdle, 4),
            (Kind::Shutdown, 14),
            (Kind::ClientGone, 1),
            (Kind::BadRequest(400), 13),
            (Kind::BadRequest(413), 2),
            (Kind::Internal, 13),
        ];
        for (kind, grpc) in table {
            assert_eq!(GrpcStatus::from_kind(kind), GrpcStatus(grpc), "{kind:?}");
        }
    }

    #[test]
    fn a_status_is_read_from_its_header() {
        assert_eq!(GrpcStatus::parse(b"14"), Some(GrpcStatus::UNAVAILABLE));
        assert_eq!(GrpcStatus::parse(b"0"), Some(GrpcStatus::OK));
        for bad in [&b""[..], b"x", b"-1", b"256", b"1 4"] {
            assert_eq!(GrpcStatus::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_message_is_sent_as_visible_ascii() {
        let table = [
            ("no healthy upstream host", "no healthy upstream host"),
            ("100% of\r\n", "100%25 of%0D%0A"),
            ("Gr\u{fc}\u{df}e", "Gr%C3%BC%C3%9Fe"),
            ("\u{0}~\u{7f}", "%00~%7F"),
            ("", ""),
        ];
        for (message, encoded) in table {
            let mut out = String::new();
            encode_message(message, &mut out);
            assert_eq!(out, encoded);
        }
    }
}
