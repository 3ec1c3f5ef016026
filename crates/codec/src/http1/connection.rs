//! Comma-separated token lists: `Connection`, `TE`, `Expect` (RFC 9110 sections 5.6.1 and 7.6.1).

/// The elements of a comma-separated field value, without white space around them, empty ones left out.
pub fn list_tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// What the `Connection` fields of one message said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// Names of further fields that belong to this connection alone.
    pub(crate) nominates: bool,
}

impl ConnectionOptions {
    /// Reads one `Connection` field; options of several fields add up.
    #[inline]
    pub(crate) fn read(&mut self, value: &[u8]) {
        // Nearly all messages carry one of these two alone.
        if value.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
        } else if value.eq_ignore_ascii_case(b"close") {
            self.close = true;
        } else {
            self.read_list(value);
        }
    }

    fn read_list(&mut self, value: &[u8]) {
        for token in list_tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !token.eq_ignore_ascii_case(b"te") {
                self.nominates = true;
            }
        }
    }
}

/// Whether a comma-separated list holds `wanted`, ignoring ASCII case and parameters after a semicolon.
pub(crate) fn lists(value: &[u8], wanted: &[u8]) -> bool {
    list_tokens(value).any(|token| {
        let name = token.split(|byte| *byte == b';').next().unwrap_or_default();
        name.trim_ascii_end().eq_ignore_ascii_case(wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> ConnectionOptions {
        let mut options = ConnectionOptions::default();
        values.iter().for_each(|value| options.read(value.as_bytes()));
        options
    }

    #[test]
    fn options_of_several_lists_add_up() {
        let options = read(&["Upgrade,, TE", " close , X-Drop-Me"]);
        assert!(options.upgrade && options.close && options.nominates && !options.keep_alive);
        assert!(!read(&["keep-alive, Upgrade, te"]).nominates);
        assert!(!read(&["closed"]).close);
    }

    #[test]
    fn a_listed_token_is_found_with_and_without_parameters() {
        assert!(lists(b"gzip;q=0.5, Trailers", b"trailers"));
        assert!(lists(b"trailers ;q=1", b"trailers"));
        assert!(!lists(b"trailersx", b"trailers"));
    }
}
