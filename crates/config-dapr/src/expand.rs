//! `$VAR` and `${VAR}` in a Configuration file become the values of environment variables before it is read (reference
//! 3.3), by the rules of Go's `os.Expand`.

use crate::environment::Environment;

/// Names of one character that need no braces.
const SPECIAL: &[u8] = b"*#$@!?-0123456789";

/// The text with the variables put in; one that is not set leaves nothing behind. A `$` before anything that is no name
/// stays.
pub(crate) fn expand(text: &str, env: &Environment) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, length) = name(after);
        match (name, length) {
            (Some(name), _) => out.push_str(&env.get(name).unwrap_or_default()),
            (None, 0) => out.push('$'),
            // Braces that hold no name: they are dropped, as Go does.
            (None, _) => {}
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The name at the beginning of what follows a `$`, and how many bytes belong to it.
fn name(after: &str) -> (Option<&str>, usize) {
    let bytes = after.as_bytes();
    match bytes.first() {
        Some(b'{') => braced(after),
        Some(byte) if SPECIAL.contains(byte) => (after.get(..1), 1),
        _ => {
            let length =
                bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            (after.get(..length).filter(|name| !name.is_empty()), length)
        }
    }
}

fn braced(after: &str) -> (Option<&str>, usize) {
    match after.find('}') {
        Some(1) => (None, 2),
        Some(end) => (after.get(1..end), end + 1),
        None => (None, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::environment;

    #[test]
    fn variables_are_put_in_as_go_does() {
        let env = environment(&[("A", "1"), ("B_2", "two"), ("EMPTY", "")]);
        let cases = [
            ("x: $A", "x: 1"),
            ("${A}${B_2}-$B_2.", "1two-two."),
            ("$NONE|${NONE}|$EMPTY", "||"),
            ("cost: 5$", "cost: 5$"),
            ("^/orders/.+$\"", "^/orders/.+$\""),
            ("${}x${open", "xopen"),
            ("$$", ""),
            ("$1x", "x"),
            ("\u{e9}$A\u{e9}", "\u{e9}1\u{e9}"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, &env), expected, "{text}");
        }
    }
}
