//! Response flags: why a response is what it is. The bits are MOSN's (reference 2.3), since its
//! access logs and filters show them as numbers.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of response flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ResponseFlags(u32);

const NAMES: [(ResponseFlags, &str); 13] = [
    (ResponseFlags::NO_HEALTHY_UPSTREAM, "UH"),
    (ResponseFlags::UPSTREAM_TIMEOUT, "UT"),
    (ResponseFlags::UPSTREAM_LOCAL_RESET, "LR"),
    (ResponseFlags::UPSTREAM_REMOTE_RESET, "UR"),
    (ResponseFlags::UPSTREAM_CONNECTION_FAILURE, "UF"),
    (ResponseFlags::UPSTREAM_CONNECTION_TERMINATION, "UC"),
    (ResponseFlags::UPSTREAM_OVERFLOW, "UO"),
    (ResponseFlags::NO_ROUTE, "NR"),
    (ResponseFlags::DELAY_INJECTED, "DI"),
    (ResponseFlags::FAULT_INJECTED, "FI"),
    (ResponseFlags::RATE_LIMITED, "RL"),
    (ResponseFlags::REQUEST_TOO_LARGE, "EL"),
    (ResponseFlags::TRANSCODE_FAILURE, "TF"),
];

impl ResponseFlags {
    /// Nothing to say.
    pub const NONE: Self = Self(0);
    /// No host of the cluster could take the request.
    pub const NO_HEALTHY_UPSTREAM: Self = Self(0x2);
    /// The upstream was too slow.
    pub const UPSTREAM_TIMEOUT: Self = Self(0x4);
    /// We reset the upstream request (the client went away, or a limit).
    pub const UPSTREAM_LOCAL_RESET: Self = Self(0x8);
    /// The upstream reset.
    pub const UPSTREAM_REMOTE_RESET: Self = Self(0x10);
    /// No connection could be made.
    pub const UPSTREAM_CONNECTION_FAILURE: Self = Self(0x20);
    /// The upstream ended the connection in a way its protocol forbids.
    pub const UPSTREAM_CONNECTION_TERMINATION: Self = Self(0x40);
    /// A limit of the cluster was reached.
    pub const UPSTREAM_OVERFLOW: Self = Self(0x80);
    /// No route, or a route to no cluster.
    pub const NO_ROUTE: Self = Self(0x100);
    /// A fault filter delayed the request.
    pub const DELAY_INJECTED: Self = Self(0x200);
    /// A fault filter answered.
    pub const FAULT_INJECTED: Self = Self(0x400);
    /// A rate limit answered.
    pub const RATE_LIMITED: Self = Self(0x800);
    /// The request was larger than allowed.
    pub const REQUEST_TOO_LARGE: Self = Self(0x1000);
    /// A message could not be converted between protocols.
    pub const TRANSCODE_FAILURE: Self = Self(0x2000);

    /// The set as MOSN's number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether nothing is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every flag of `other` is set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ResponseFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ResponseFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The short names, comma-separated, or `-`.
impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        let mut separator = "";
        for (_, name) in NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseFlags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_their_short_names() {
        assert_eq!(ResponseFlags::NONE.to_string(), "-");
        let both = ResponseFlags::NO_ROUTE | ResponseFlags::UPSTREAM_TIMEOUT;
        assert_eq!(both.to_string(), "UT,NR");
        assert_eq!(both.bits(), 0x104);
    }
}
